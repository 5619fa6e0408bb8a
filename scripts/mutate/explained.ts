/**
 * Faults that no test can notice, with the reason: with them the program does the same. They are
 * named by file, function and change, so that an entry holds when lines move, and ends when its
 * line is changed. tests/scripts/mutate_test.ts checks that every entry still names a fault.
 *
 * A fault that can be noticed does not belong here: its test is missing.
 *
 * They are in the folder `explained`, a file for each room. A line `file` names the file of the
 * faults that follow, `why` their reason, `in` their function, `-` the code without them, and each
 * line with `+` after it a fault.
 * @module
 */
import type { Fault } from "./faults.ts";

/** A fault that needs no test. */
export interface Explained extends Pick<Fault, "file" | "inside" | "before" | "after"> {
  readonly reason: string;
}

const FOLDER = new URL("./explained/", import.meta.url);

/** All that are explained. */
export const EXPLAINED: readonly Explained[] = [...Deno.readDirSync(FOLDER)]
  .map(({ name }) => name).sort()
  .flatMap((name) => parseExplained(Deno.readTextFileSync(new URL(name, FOLDER))));

/**
 * Reads a file of explanations.
 * @throws Error for a line that is none of those that are described above
 */
export function parseExplained(text: string): Explained[] {
  const entry = { file: "", reason: "", inside: "", before: "", after: "" };
  const all: Explained[] = [];
  for (const line of text.split("\n")) {
    const [word, rest] = [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)];
    if (word === "file") entry.file = rest;
    else if (word === "why") entry.reason = rest;
    else if (word === "in") entry.inside = rest;
    else if (word === "-") entry.before = rest;
    else if (word === "+") all.push({ ...entry, after: rest });
    else if (line !== "") throw new Error(`explained: ${line}: no such line`);
  }
  return all;
}

/** Why no test can notice a fault; undefined when that is not known. */
export function explanationOf(fault: Fault): string | undefined {
  return EXPLAINED.find(({ file, inside, before, after }) =>
    file === fault.file && inside === fault.inside && before === fault.before &&
    after === fault.after
  )?.reason;
}
