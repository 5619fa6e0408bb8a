/**
 * The facts that netstart keeps of an interface between its runs: the routes that the commands of
 * the file have added, and their other effects on the interface. They are those of a process, and
 * not those of a name, because the interface may be renamed.
 * @module
 */
import { publicFacts } from "../../daemon/client.ts";
import { statField } from "../../linux/process_facts.ts";
import { readRecordText, recordFiles, removeRecord, writeRecordText } from "../records.ts";

const SUFFIX = ".netstart";

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

/** The file from which a running interface was started; undefined if netstart did not start it. */
export function startedFrom(name: string): string | undefined {
  const pid = publicFacts(name)?.pid;
  return pid === undefined ? undefined : readRecord(pid).file || undefined;
}

/** The record of this process's interface; an empty one if there is none. */
export function readRecord(pid: number): NetstartRecord {
  try {
    const { start, record } = JSON.parse(readRecordText(`${pid}${SUFFIX}`) ?? "{}");
    if (record?.pid === pid && start !== undefined && start === startOf(pid)) return record;
  } catch {
    // It is not a record.
  }
  return { pid, file: "", commands: "", theirs: [], routes: [] };
}

/**
 * Writes the record, and removes those of processes that have ended. If that fails, the next run of
 * netstart knows less.
 */
export function writeRecord(record: NetstartRecord): void {
  const start = startOf(record.pid);
  try {
    writeRecordText(`${record.pid}${SUFFIX}`, JSON.stringify({ start, record }));
  } catch {
    // This user may not write it.
  }
  for (const file of recordFiles()) {
    const pid = /^([1-9][0-9]*)\.netstart$/.exec(file)?.[1];
    if (pid !== undefined && startOf(Number(pid)) === undefined) removeRecord(file);
  }
}

/**
 * When a process started, in ticks since the boot; undefined if it has ended. Another process may
 * have its number later.
 */
const startOf = (pid: number): string | undefined => statField(pid, "start");

/** A digest of a list of commands, to see whether the list has changed. */
export async function digestOf(commands: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(commands.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
