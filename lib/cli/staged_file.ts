/**
 * Replaces a file as a whole: the new one is written beside it first, and then takes its place.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { displayPath } from "../base/quote.ts";
import { reasonOf } from "./netstart/shell.ts";

/** A file that was written and has not taken its place. */
export interface StagedFile {
  /** Puts it in the place of the old one. @throws ConfigError; the old one is there then */
  commit(): void;
  /** Removes it. */
  discard(): void;
}

/**
 * Writes a file beside the one of the path, and waits until it is on the disk.
 * @param mode the mode of the new file; undefined for mode and owner of the old one
 * @throws ConfigError that names the path; nothing is left then
 */
export function stageFile(path: string, bytes: Uint8Array, mode?: number): StagedFile {
  const fresh = `${path}.${Deno.pid}.tmp`;
  const failed = (error: unknown) => {
    discard();
    return new ConfigError(displayPath(path), `cannot be written: ${reasonOf(error)}`);
  };
  const discard = () => {
    try {
      Deno.removeSync(fresh);
    } catch {
      // The file was not created.
    }
  };
  try {
    const old = mode === undefined ? Deno.statSync(path) : undefined;
    const file = Deno.openSync(fresh, { write: true, createNew: true, mode: mode ?? 0o600 });
    try {
      if (old !== undefined && (old.uid !== Deno.uid() || old.gid !== Deno.gid())) {
        Deno.chownSync(fresh, old.uid, old.gid);
      }
      if (old !== undefined) Deno.chmodSync(fresh, (old.mode ?? 0o600) & 0o7777);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncSync();
    } finally {
      file.close();
    }
  } catch (error) {
    throw failed(error);
  }
  return {
    commit() {
      try {
        Deno.renameSync(fresh, path);
      } catch (error) {
        throw failed(error);
      }
    },
    discard,
  };
}
