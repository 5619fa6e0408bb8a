/**
 * What netstart remembers of an interface between its runs, in a file beside the control socket
 * that goes with the daemon: the routes that the file's commands added, and what else of the
 * interface is theirs.
 * @module
 */
import { recordPath } from "../../daemon/paths.ts";

/** See the module. */
export interface NetstartRecord {
  /** The daemon that it is about. */
  readonly pid: number;
  /** The path of the file that the interface was started from. */
  readonly file: string;
  /** A digest of the commands that `theirs` is of. */
  readonly commands: string;
  /** What the file's commands did to the interface, as `Difference.extra` words it. */
  readonly theirs: readonly string[];
  /** Lines of lib/cli/route/netstart_routes.ts. */
  readonly routes: readonly string[];
}

/** The file that an interface was started from; undefined for one that netstart did not start. */
export function startedFrom(name: string): string | undefined {
  try {
    return (JSON.parse(Deno.readTextFileSync(recordPath(name))) as NetstartRecord).file;
  } catch {
    return undefined;
  }
}

/** The record of this daemon's interface; an empty one when there is none. */
export function readRecord(name: string, pid: number): NetstartRecord {
  const none = { pid, file: "", commands: "", theirs: [], routes: [] };
  try {
    const record = JSON.parse(Deno.readTextFileSync(recordPath(name))) as NetstartRecord;
    return record.pid === pid ? record : none;
  } catch {
    return none;
  }
}

/** Keeps it. Where it cannot be kept, the next run knows less. */
export function writeRecord(name: string, record: NetstartRecord): void {
  const path = recordPath(name);
  const fresh = `${path}.${Deno.pid}`;
  try {
    Deno.writeTextFileSync(fresh, JSON.stringify(record), { mode: 0o600 });
    Deno.renameSync(fresh, path);
  } catch {
    try {
      Deno.removeSync(fresh);
    } catch {
      // It was not made.
    }
  }
}

/** Tells one list of commands from another. */
export async function digestOf(commands: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(commands.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
