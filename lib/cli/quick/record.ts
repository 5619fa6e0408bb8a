/**
 * The record of what `up` did for an interface, so that `down` undoes exactly that, also when the
 * file was changed or removed since. It is a file beside the control socket. Rules, name servers
 * and kernel settings outlive the interface and its process, and so does the record.
 * @module
 */
import { SOCKET_FOLDER } from "../../daemon/paths.ts";
import { checkInterfaceName, isInterfaceName } from "../../base/interface_name.ts";
import { type DoneStep, PHASES } from "./plan.ts";

const SUFFIX = ".quick";
/** The most bytes of a record that are read: a route for each allowed IP of 10,000 peers. */
const RECORD_MAX = 64 * 1024 * 1024;

/** The record of an interface. It has the commands of the file, so only its owner may read it. */
export interface QuickRecord {
  /** The process number of the interface's daemon; 0 before there is one. */
  readonly pid: number;
  /** The path of the file. */
  readonly file: string;
  /** Whether `up` has come to its end. */
  readonly complete: boolean;
  /** The table of the interface's default routes; 0 for none. Other interfaces leave it alone. */
  readonly table: number;
  readonly steps: readonly DoneStep[];
  /** The commands for `down`, with `%i` replaced. */
  readonly hooks: Readonly<Record<"PreDown" | "PostDown", readonly string[]>>;
  /** Addresses and routes that commands of the file added. A reload leaves them alone. */
  readonly theirs: readonly string[];
}

/** The path of the record of an interface, mode 0600. @throws ConfigError for a wrong name */
export const quickRecordPath = (name: string): string =>
  `${SOCKET_FOLDER}/${checkInterfaceName(name)}${SUFFIX}`;

/** The record of an interface; undefined if there is none that can be read. */
export function readQuickRecord(name: string): QuickRecord | undefined {
  const path = quickRecordPath(name);
  try {
    const { uid, mode, isFile, size } = Deno.lstatSync(path);
    // Its commands are run: it must be this user's own, and nobody else's to write.
    if (!isFile || size > RECORD_MAX || uid !== Deno.uid() || ((mode ?? 0) & 0o022) !== 0) {
      return undefined;
    }
    return checked(JSON.parse(Deno.readTextFileSync(path)));
  } catch {
    return undefined;
  }
}

/** The record, if the text has the parts of one. Another version may have written it. */
function checked(record: QuickRecord): QuickRecord | undefined {
  const whole = typeof record.pid === "number" && typeof record.file === "string" &&
    Array.isArray(record.steps) &&
    record.steps.every(({ step }) => typeof step.type === "string") &&
    PHASES.slice(2).every((phase) =>
      Array.isArray(record.hooks[phase as "PreDown" | "PostDown"])
    ) && Array.isArray(record.theirs);
  return whole ? record : undefined;
}

/** Writes the record. @throws what Deno throws */
export function writeQuickRecord(name: string, record: QuickRecord): void {
  const path = quickRecordPath(name);
  const fresh = `${path}.${Deno.pid}`;
  try {
    Deno.writeTextFileSync(fresh, JSON.stringify(record), { mode: 0o600, createNew: true });
    Deno.renameSync(fresh, path);
  } catch (error) {
    removeIfThere(fresh);
    throw error;
  }
}

/** Removes the record, if there is one. */
export const removeQuickRecord = (name: string): void => removeIfThere(quickRecordPath(name));

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The tables that other interfaces have for their default routes, or are about to have. */
export function tablesOfOthers(name: string): ReadonlySet<number> {
  return new Set(
    recordedNames().filter((other) => other !== name).map((other) =>
      readQuickRecord(other)?.table ?? 0
    ),
  );
}

/** The names of the interfaces that have a record. */
export function recordedNames(): string[] {
  try {
    return [...Deno.readDirSync(SOCKET_FOLDER)].map(({ name }) => name)
      .filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length))
      .filter(isInterfaceName).sort();
  } catch {
    return [];
  }
}
