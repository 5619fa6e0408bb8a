/**
 * The records that commands keep of interfaces between their runs, in a folder of their own. An
 * interface's process may not write there (lib/daemon/own_files.ts), because commands with more
 * rights run what the records say.
 * @module
 */
import { asOsError, removeFile } from "../daemon/socket_folder.ts";

/** The folder of the records, mode 0700. */
const RECORD_FOLDER = "/run/wg";
/** The most bytes of a record that are read: a route for each allowed IP of 10,000 peers. */
const RECORD_MAX = 64 * 1024 * 1024;

/** The text of a record; undefined if there is none of this user that nobody else may write. */
export function readRecordText(file: string): string | undefined {
  try {
    const path = `${RECORD_FOLDER}/${file}`;
    const folder = Deno.lstatSync(RECORD_FOLDER);
    const record = Deno.lstatSync(path);
    const isOwn = folder.isDirectory && isPrivate(folder) && record.isFile && isPrivate(record);
    return isOwn && record.size <= RECORD_MAX ? Deno.readTextFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

const isPrivate = ({ uid, mode }: Deno.FileInfo) =>
  uid === Deno.uid() && ((mode ?? 0) & 0o022) === 0;

/** Writes a record as a whole, mode 0600. @throws OsError */
export function writeRecordText(file: string, text: string): void {
  const path = `${RECORD_FOLDER}/${file}`;
  const fresh = `${path}.${Deno.pid}`;
  try {
    Deno.mkdirSync(RECORD_FOLDER, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(fresh, text, { mode: 0o600, createNew: true });
    Deno.renameSync(fresh, path);
  } catch (error) {
    removeRecord(`${file}.${Deno.pid}`);
    throw asOsError("open", path, error);
  }
}

/** Removes a record, if it is there and this user may. */
export const removeRecord = (file: string): void => removeFile(`${RECORD_FOLDER}/${file}`);

/** Whether this user may not see the records, so that a missing one says nothing. */
export function recordsDenied(): boolean {
  try {
    Deno.readDirSync(RECORD_FOLDER);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

/** The names of the files in the folder. */
export function recordFiles(): string[] {
  try {
    return [...Deno.readDirSync(RECORD_FOLDER)].map(({ name }) => name);
  } catch {
    return [];
  }
}
