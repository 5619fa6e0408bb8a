/**
 * The content that a command's help shares with its manual page, and the text of the help.
 * lib/cli/mdoc.ts makes the parts of the page.
 * @module
 */

/** A synopsis, such as `[-inet | -inet6] destination`, and its meaning in sentences. */
export type ManualRow = readonly [synopsis: string, text: string];

/** The description of a command for its help and its manual page. */
export interface Manual {
  readonly name: string;
  /** The ways to call the command, without its name. */
  readonly usage: readonly string[];
  /** Paragraphs before the lists. */
  readonly about: readonly string[];
  readonly lists: readonly { readonly heading: string; readonly rows: readonly ManualRow[] }[];
  /** Paragraphs after the lists. */
  readonly notes: readonly string[];
  /** The words of synopses that are typed literally. Other words are placeholders. */
  readonly literals: readonly string[];
}

/** The largest length of a line, in columns. */
const WIDTH = 80;
/** The indentation of a row's text, in columns. */
const INDENT = 6;

/** The help of a command: usage, paragraphs, and lists with headings. */
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

/**
 * The text in lines of at most 80 columns, each indented by `indent` blanks and ended by a newline.
 */
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
