/**
 * What a command's help and its manual page have in common, and the help's text. lib/cli/mdoc.ts makes the page's parts.
 * @module
 */

/** A synopsis as in a help: `[-inet | -inet6] destination`, and what it means, in sentences. */
export type ManualRow = readonly [synopsis: string, text: string];

/** A command as its help and its manual page describe it. */
export interface Manual {
  readonly name: string;
  /** The ways of calling it, without its name. */
  readonly usage: readonly string[];
  /** Paragraphs. */
  readonly about: readonly string[];
  readonly lists: readonly { readonly heading: string; readonly rows: readonly ManualRow[] }[];
  /** Paragraphs behind the lists. */
  readonly notes: readonly string[];
  /** The words of synopses that are typed as they stand; others name what stands in their place. */
  readonly literals: readonly string[];
}

/** Columns of a help's lines. */
const WIDTH = 80;
/** Where a row's text begins. */
const INDENT = 6;

/** The help: usage, paragraphs, and the lists under their headings. */
export function helpText(manual: Manual): string {
  const usage = manual.usage.map((way, i) =>
    `${i === 0 ? "usage:" : "      "} ${`${manual.name} ${way}`.trimEnd()}\n`
  );
  const paragraphs = (texts: readonly string[]) =>
    texts.map((text) => `\n${wrapped(text, 0)}`).join("");
  const lists = manual.lists.map(({ heading, rows }) =>
    `\n${heading}:\n${
      rows.map(([synopsis, text]) => `  ${synopsis}\n${wrapped(text, INDENT)}`).join("")
    }`
  );
  return usage.join("") + paragraphs(manual.about) + lists.join("") + paragraphs(manual.notes);
}

/** The text in lines of at most 80 columns, each behind so many blanks and with its newline. */
export function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && indent + last.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => `${" ".repeat(indent)}${line}\n`).join("");
}
