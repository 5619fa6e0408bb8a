/**
 * The facts that netstart keeps of an interface between its runs: the routes that the commands of
 * the file have added, and their other effects on the interface. They are in a file beside the
 * control socket, which the daemon removes at its end.
 * @module
 */
import { publicFacts } from "../../daemon/client.ts";
import { recordPath } from "../../daemon/paths.ts";

/** The record of an interface. */
export interface NetstartRecord {
  /** The process number of the interface's daemon. */
  readonly pid: number;
  /** The path of the file from which the interface was started. */
  readonly file: string;
  /** A digest of the commands that had the effects in `theirs`. */
  readonly commands: string;
  /** The effects of the commands on the interface, in the words of `Difference.extra`. */
  readonly theirs: readonly string[];
  /** Lines of lib/cli/route/netstart_routes.ts. */
  readonly routes: readonly string[];
}

/**
 * The file from which a running interface was started; undefined if netstart did not start it. The
 * record of a process that was killed stays, and is not of the next one.
 */
export function startedFrom(name: string): string | undefined {
  const pid = publicFacts(name)?.pid;
  return pid === undefined ? undefined : readRecord(name, pid).file || undefined;
}

/** The record of this daemon's interface; an empty one if there is none. */
export function readRecord(name: string, pid: number): NetstartRecord {
  const none = { pid, file: "", commands: "", theirs: [], routes: [] };
  try {
    const record = JSON.parse(Deno.readTextFileSync(recordPath(name))) as NetstartRecord;
    return record.pid === pid ? record : none;
  } catch {
    return none;
  }
}

/** Writes the record. If that fails, the next run of netstart knows less. */
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
      // The file was not created.
    }
  }
}

/** A digest of a list of commands, to see whether the list has changed. */
export async function digestOf(commands: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(commands.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
