/**
 * The help of ifconfig, from the table of words.
 * @module
 */
import type { Word } from "./words/draft.ts";
import { SECTIONS, spellings, WORDS } from "./words/table.ts";

const WIDTH = 80;
const INDENT = 6;

const USAGE = `usage: ifconfig [-AaC] [--json] [interface] [inet | inet6] [hwfeatures]
       ifconfig interface [create] [word ...] [address[/prefix] [destination]]
       ifconfig interface destroy

Without a word it shows: all interfaces (-a), with every wg peer (-A), one of
them, those of a group or a class (ifconfig wg), or what can be created (-C).
hwfeatures adds which crypto, offloads and workers run, and what was counted
(wg help counters). --json prints values.

With words it changes one wg interface: all of them are checked first and done
as one change, or not at all. Any word but destroy makes the interface when it
is not there yet.
`;

/** The usage and a paragraph a word. */
export function ifconfigHelp(): string {
  let text = USAGE;
  for (const [section, heading] of SECTIONS) {
    text += `\n${heading}:\n`;
    for (const word of WORDS) {
      if (word.section === section) text += `  ${wordSynopsis(word)}\n${wrap(word.help)}`;
    }
  }
  return text;
}

/** A word with its operands: `wgendpoint host port`, `delete | -alias`. */
export function wordSynopsis(word: Word): string {
  return [spellings(word).join(" | "), ...word.operands].join(" ");
}

function wrap(text: string): string {
  let lines = "";
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && INDENT + line.length + 1 + word.length > WIDTH) {
      lines += `${" ".repeat(INDENT)}${line}\n`;
      line = "";
    }
    line += (line === "" ? "" : " ") + word;
  }
  return `${lines}${" ".repeat(INDENT)}${line}\n`;
}
