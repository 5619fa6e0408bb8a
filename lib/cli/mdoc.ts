/**
 * The parts of the manual pages that are made from the program, in mdoc(7). In a page they are
 * between two comments. scripts/man.ts writes them there, and a test checks that the pages are
 * current.
 * @module
 */
import { PUBLIC_COMMANDS } from "./commands.ts";
import { IFCONFIG_MANUAL } from "./ifconfig/help.ts";
import { REFUSED_WORDS } from "./ifconfig/words/refused.ts";
import type { Manual, ManualRow } from "./manual.ts";
import { NETSTART_MANUAL } from "./netstart/help.ts";
import { NETSTAT_MANUAL } from "./netstat/help.ts";
import { KEYS_HEADING, QUICK_MANUAL } from "./quick/help.ts";
import { ROUTE_MANUAL } from "./route/help.ts";

/** The parts of each page: by the name of the page's file, then by the name of the part. */
export async function pageParts(): Promise<
  Readonly<Record<string, Readonly<Record<string, string>>>>
> {
  return {
    "wg.8": { commands: await commands() },
    "ifconfig.8": {
      synopsis: synopsis(IFCONFIG_MANUAL),
      words: lists(IFCONFIG_MANUAL),
      "words that are passed over": refused(true),
      "words that are refused": refused(false),
    },
    "route.8": { synopsis: synopsis(ROUTE_MANUAL), lists: lists(ROUTE_MANUAL) },
    "netstat.1": {
      synopsis: synopsis(NETSTAT_MANUAL),
      options: lists(NETSTAT_MANUAL, ["Options"], false),
      flags: lists(NETSTAT_MANUAL, ["Flags of routes"], false),
    },
    "wg-quick.8": {
      synopsis: synopsis({ ...QUICK_MANUAL, name: "wg-quick" }),
      subcommands: lists(QUICK_MANUAL, ["Subcommands"], false),
      options: lists(QUICK_MANUAL, ["Options"], false),
      keys: lists(QUICK_MANUAL, [KEYS_HEADING], false),
    },
    "netstart.8": {
      synopsis: synopsis(NETSTART_MANUAL),
      options: lists(NETSTART_MANUAL, ["Options"], false),
    },
  };
}

/**
 * The list of commands. A command with its own page gets one line; the others are described in
 * full.
 */
async function commands(): Promise<string> {
  let text = ".Bl -tag -width Ds\n";
  for (const { name, summary, page, manual } of PUBLIC_COMMANDS) {
    if (page === undefined) {
      text += described(await manual());
      continue;
    }
    const [, title, section] = /^([\w-]+)\((\d)\)$/.exec(page) ?? [];
    text += `.It Cm ${name}\n${
      wrapped(escape(`${capital(summary)}: see`))
    }\n.Xr ${title} ${section} .\n`;
  }
  return `${text}.El\n`;
}

/** A command and its description, as an item of the list. */
function described(manual: Manual): string {
  const words = new Set(manual.literals);
  const ways = manual.usage.map((way) =>
    `.It Cm ${manual.name} ${macros(way, words)}`.trimEnd() + "\n"
  );
  const paragraphs = (texts: readonly string[]) => texts.map(sentences).join(".Pp\n");
  let text = ways.join("") + paragraphs(manual.about);
  for (const { rows } of manual.lists) {
    text += `.Bl -tag -width Ds\n${rows.map((row) => item(row, words)).join("")}.El\n`;
  }
  return manual.notes.length === 0 ? text : `${text}.Pp\n${paragraphs(manual.notes)}`;
}

const begin = (part: string) => `.\\" From the program, by scripts/man.ts: ${part}.\n`;
const end = (part: string) => `.\\" End of ${part}.\n`;

/**
 * The page with its parts replaced by the current ones.
 * @throws Error if the page has no place for a part
 */
export function filledPage(page: string, parts: Readonly<Record<string, string>>): string {
  let filled = page;
  for (const [part, text] of Object.entries(parts)) {
    const from = filled.indexOf(begin(part));
    const to = filled.indexOf(end(part));
    if (from < 0 || to < from) throw new Error(`the page has no place for: ${part}`);
    filled = filled.slice(0, from) + begin(part) + text + filled.slice(to);
  }
  return filled;
}

/** The ways to call the command, for the section SYNOPSIS. */
function synopsis({ name, usage, literals }: Manual): string {
  const words = new Set(literals);
  return usage.map((way) =>
    `.Nm ${name}\n${elements(way).map((one) => `.${macros(one, words)}\n`).join("")}`
  ).join("");
}

/** The lists of the command, or those with the given headings. */
function lists(manual: Manual, headings?: readonly string[], headed = true): string {
  const words = new Set(manual.literals);
  let text = "";
  for (const { heading, rows } of manual.lists) {
    if (headings !== undefined && !headings.includes(heading)) continue;
    if (headed) text += `.Ss ${heading}\n`;
    text += `.Bl -tag -width Ds\n${rows.map((row) => item(row, words)).join("")}.El\n`;
  }
  return text;
}

function item([way, text]: ManualRow, words: ReadonlySet<string>): string {
  return `.It ${macros(way, words)}\n${sentences(text)}`;
}

/**
 * The words of OpenBSD that wg interfaces do not have: those that netstart(8) ignores, or the
 * others.
 */
function refused(harmless: boolean): string {
  const rows = REFUSED_WORDS.filter((word) => word.harmless === harmless);
  let text = ".Bl -tag -width Ds\n";
  for (const why of new Set(rows.map((word) => word.why))) {
    const names = rows.filter((word) => word.why === why).map((word) => `Cm ${escape(word.name)}`);
    text += `.It ${names.join(" , ")}\n${sentences(`${capital(why)}.`)}`;
  }
  return `${text}.El\n`;
}

/** The text with a capital letter, unless it begins with the name of a page such as `pf(4)`. */
function capital(text: string): string {
  return /^\w+\(\d\)/.test(text) ? text : `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** The elements of a synopsis: words, alternatives, and brackets with their content. */
function elements(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  for (const word of text.split(" ")) {
    const alternative = found.at(-1)?.endsWith(" |") === true;
    if (depth > 0 || alternative || word === "..." || word === "|") {
      found[found.length - 1] += ` ${word}`;
    } else found.push(word);
    depth += word.split("[").length - word.split("]").length;
  }
  return found;
}

/** A synopsis in macros on one line: options, literal words and placeholders. */
function macros(text: string, words: ReadonlySet<string>): string {
  const tokens = text.match(/[^\s[\]|]+\[[^\]]*\]|[[\]|]|[^\s[\]|]+/g) ?? [];
  const line: string[] = [];
  for (const token of tokens) {
    const joined = /^(.+)\[(.*)\]$/.exec(token);
    if (token === "[") line.push("Oo");
    else if (token === "]") line.push("Oc");
    else if (token === "|" || token === "...") line.push(token);
    else if (joined !== null) {
      line.push(`Ar ${escape(joined[1])} Ns Oo / Ns Ar ${escape(joined[2].slice(1))} Oc`);
    } else if (words.has(token)) line.push(`Cm ${escape(token)}`);
    else if (token.startsWith("--")) line.push(`Fl Fl ${escape(token.slice(2))}`);
    else if (token.startsWith("-")) line.push(`Fl ${escape(token.slice(1))}`);
    else line.push(`Ar ${escape(token)}`);
  }
  return line.join(" ");
}

/**
 * The text with each sentence on a new line and no line longer than 80 characters, as mandoc -Tlint
 * requires.
 */
function sentences(text: string): string {
  return text.split(/(?<=[.:]) (?=[A-Z])/).map((sentence) => `${wrapped(escape(sentence))}\n`).join(
    "",
  );
}

/**
 * Breaks escaped text into lines. No line may begin with a dot or a quote: `escape` protects only
 * the beginning of the whole text.
 */
function wrapped(text: string): string {
  return text.replace(/(.{1,80})(?: (?![.'])|$)/g, "$1\n").trimEnd();
}

/**
 * Escapes text so that nothing in it is taken for a request or an escape, and a minus stays a
 * minus.
 */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}
