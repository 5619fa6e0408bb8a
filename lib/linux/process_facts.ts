/**
 * What /proc tells of a process. It may end at any time, and other users' processes may be hidden.
 * @module
 */

/** The words of its command line; none if they cannot be read. */
export function wordsOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Fields of /proc/PID/stat and their numbers (proc_pid_stat(5)). */
const FIELDS = { state: 3, session: 6, start: 22 } as const;
/** The number of the field behind the name, which is in parentheses and may have some itself. */
const BEHIND_NAME = 3;

/** A field of /proc/PID/stat; undefined if there is no such process. */
export function statField(pid: number, field: keyof typeof FIELDS): string | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[FIELDS[field] - BEHIND_NAME];
  } catch {
    return undefined;
  }
}

/** Its namespace of a kind, such as `net:[4026531840]`; undefined if it cannot be read. */
export function namespaceOf(pid: number | "self", kind: string): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}
