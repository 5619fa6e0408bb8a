/**
 * The word list of wg(8) in mdoc(7), from the table of words. scripts/man.ts puts it into man/wg.8; a test says when that was forgotten.
 * @module
 */
import type { Word } from "./ifconfig/words/draft.ts";
import { SECTIONS, spellings, WORDS } from "./ifconfig/words/table.ts";
import { REFUSED_WORDS } from "./ifconfig/words/refused.ts";

/** Comments in the page between which the list stands. */
export const WORD_LIST_BEGIN =
  '.\\" The list of words begins; scripts/man.ts writes it from lib/cli/ifconfig/words/table.ts.';
export const WORD_LIST_END = '.\\" The list of words ends.';

/** Every word with its operands and help, by sections, and the words that are refused. */
export function mdocWordList(): string {
  let text = "";
  for (const [section, heading] of SECTIONS) {
    text += `.Ss ${heading}\n.Bl -tag -width Ds\n`;
    for (const word of WORDS) if (word.section === section) text += mdocWord(word);
    text += ".El\n";
  }
  text += ".Ss Words of OpenBSD that are refused\nEach is answered with what to do on Linux.\n.Bl -tag -width Ds\n";
  for (const why of new Set(REFUSED_WORDS.map((word) => word.why))) {
    const names = REFUSED_WORDS.filter((word) => word.why === why).map((word) => `.It Cm ${escape(word.name)}`);
    text += `${names.join("\n")}\n${sentences(`${why[0].toUpperCase()}${why.slice(1)}.`)}`;
  }
  return `${text}.El\n`;
}

function mdocWord(word: Word): string {
  const operands = word.operands.length === 0 ? "" : ` Ar ${word.operands.map(escape).join(" ")}`;
  return spellings(word).map((name) => `.It Cm ${escape(name)}${operands}\n`).join("") + sentences(word.help);
}

/** Each sentence begins a line, and no line is longer than 80 characters, as mandoc -Tlint wants it. */
function sentences(text: string): string {
  return text.split(/(?<=\.) (?=[A-Z])/).map((sentence) => `${wrapped(escape(sentence))}\n`).join("");
}

/** No line may begin with a dot or a quote, which only the escape of the whole made harmless. */
function wrapped(text: string): string {
  return text.replace(/(.{1,80})(?: (?![.'])|$)/g, "$1\n").trimEnd();
}

/** Nothing may be taken for a request or an escape, and a minus stays one. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}
