/**
 * hostname.if(5): a file's text to the steps that start its interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { parseIpv4 } from "../../base/ip_text.ts";
import { displayValue, shellQuote } from "../../base/quote.ts";
import { parseWords, passOverHarmless } from "../ifconfig/words/parse.ts";
import { assignedNames, type ShellLine, splitShellLine, withOwnCommands } from "./shell_words.ts";

/** The longest file that is read, in bytes. */
export const HOSTNAME_FILE_MAX = 4 * 1024 * 1024;

/** One step, done in the order of the file. `$if` is replaced. */
export type HostnameStep =
  /** `ifconfig INTERFACE WORD...` */
  | {
    readonly type: "ifconfig";
    readonly line: number;
    readonly words: readonly string[];
    /** Written as `!ifconfig $if WORD...`: when it fails, the rest of the file goes on. */
    readonly command: boolean;
  }
  /** A line whose words a shell has to find first: `wordsOf` then gives those of ifconfig. */
  | {
    readonly type: "evaluated";
    readonly line: number;
    readonly name: string;
    readonly text: string;
    /** The `dest` line behind it, also for the shell. */
    readonly destination: string | undefined;
    readonly command: boolean;
  }
  /** `!NAME=VALUE ...`: variables for the lines behind it. */
  | {
    readonly type: "assignment";
    readonly line: number;
    readonly text: string;
    readonly names: readonly string[];
  }
  /** `!command`. `words` when no shell is needed. */
  | {
    readonly type: "command";
    readonly line: number;
    readonly text: string;
    readonly words: readonly string[] | undefined;
  };

/** What is to be told about a line; `problem` holds no key. */
export interface HostnameProblem {
  readonly line: number;
  readonly problem: string;
}

/** A file's steps, or what is wrong with it: then none of it is to be done. */
export interface HostnameFile {
  readonly steps: readonly HostnameStep[];
  readonly problems: readonly HostnameProblem[];
  /** Words that are passed over. */
  readonly notes: readonly HostnameProblem[];
}

/** Words of ifconfig that have no place in a file. */
const NOT_IN_A_FILE: ReadonlyMap<string, string> = new Map([
  ["create", "netstart creates the interface itself"],
  ["destroy", "not in a file that starts the interface"],
]);

/**
 * Reads a file. Every line is checked as ifconfig would, and all that are wrong are told. Lines
 * that substitute something are checked when their words are known (`wordsOf`).
 */
export function parseHostnameFile(text: string, name: string): HostnameFile {
  const steps: HostnameStep[] = [];
  const problems: HostnameProblem[] = [];
  const notes: HostnameProblem[] = [];
  /** The `inet` or `inet6` line that a `dest` line would be about. */
  let address: { readonly at: number; readonly text: string } | undefined;
  for (const { line, text: content } of logicalLines(text)) {
    const passedOver: string[] = [];
    try {
      const named = content.replace(INTERFACE_NAME, name);
      if (named.startsWith("!")) {
        const step = commandStep(named.slice(1), line, name, passedOver);
        if (step !== undefined) steps.push(step);
        continue;
      }
      const { words } = readPlainLine(named);
      if (words.length === 0) continue;
      if (words[0] === "dest") {
        if (address === undefined) {
          throw new ConfigError("dest", "requires an inet or inet6 line before it");
        }
        steps[address.at] = plainStep(steps[address.at].line, name, address.text, named, []);
        address = undefined;
        continue;
      }
      address = undefined;
      const step = plainStep(line, name, named, undefined, passedOver);
      if (words[0] === "inet" || words[0] === "inet6") address = { at: steps.length, text: named };
      if (step.type !== "ifconfig" || step.words.length > 1) steps.push(step);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push({ line, problem: error.message });
    } finally {
      for (const word of passedOver) notes.push({ line, problem: passedOverText(word) });
    }
  }
  return { steps, problems, notes };
}

/** `$if`, also as hostname.if(5) of OpenBSD writes it, with a backslash. */
const INTERFACE_NAME = /\\?\$(?:if\b|\{if\})/g;

/** How a word that is passed over is told. */
export const passedOverText = (word: string): string =>
  `${word}: ignored, because it has no meaning on Linux`;

/**
 * A line of words for one ifconfig. @throws ConfigError for quotes that are not closed and for what
 * the shell would take for more
 */
function readPlainLine(text: string): ShellLine {
  const line = splitShellLine(text);
  if (line.problem !== undefined) {
    throw new ConfigError(displayValue(line.words[0] ?? ""), line.problem);
  }
  if (line.operator !== undefined) {
    throw new ConfigError(
      line.operator,
      "has a meaning for the shell; quote it, or write the words after it on their own line",
    );
  }
  return line;
}

/** @param passedOver gets the words that mean nothing here */
function plainStep(
  line: number,
  name: string,
  text: string,
  destination: string | undefined,
  passedOver: string[],
): HostnameStep {
  const read = readPlainLine(text);
  const dest = destination === undefined ? undefined : readPlainLine(destination);
  if (read.substitutes || dest?.substitutes === true) {
    return {
      type: "evaluated",
      line,
      name,
      text: withOwnCommands(text),
      destination,
      command: false,
    };
  }
  return {
    type: "ifconfig",
    line,
    command: false,
    words: plainWords(name, read.words, dest?.words, passedOver),
  };
}

/**
 * The words of a line, and of the `dest` line behind it, for ifconfig, checked. @throws ConfigError
 */
function plainWords(
  name: string,
  words: readonly string[],
  dest: readonly string[] | undefined,
  passedOver: string[],
): readonly string[] {
  const address = addressWords(words);
  const complete = [...(address?.words ?? words)];
  if (dest !== undefined) {
    if (dest.length !== 2) throw new ConfigError("dest", "requires one address");
    complete.splice((address?.addressAt ?? 0) + 1, 0, dest[1]);
  }
  return checkWords([name, ...complete], passedOver);
}

/**
 * The words of a step that a shell has evaluated.
 * @param passedOver gets the words that mean nothing here
 * @throws ConfigError as for a line that was written so
 */
export function wordsOf(
  step: HostnameStep & { readonly type: "evaluated" },
  words: readonly string[],
  destination: readonly string[] | undefined,
  passedOver: string[],
): readonly string[] {
  if (step.command) return checkWords([step.name, ...words], passedOver);
  return plainWords(step.name, words, destination, passedOver);
}

/** The step as a command for the shell, as `netstart -n` prints it. */
export function stepText(step: HostnameStep): string {
  switch (step.type) {
    case "ifconfig":
      return ["ifconfig", ...step.words.map(shellQuote)].join(" ");
    case "evaluated": {
      const dest = step.destination === undefined ? "" : ` # ${step.destination}`;
      return `ifconfig ${step.name} ${step.text}${dest}`;
    }
    default:
      return step.text;
  }
}

/**
 * Lines without the blanks around them; one that ends in a backslash goes on in the next. `line` is
 * where it begins, from 1.
 */
function* logicalLines(text: string): Generator<{ line: number; text: string }> {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let content = lines[i];
    const comment = /^[ \t]*#/.test(content);
    while (!comment && /(?:^|[^\\])(?:\\\\)*\\$/.test(content) && i + 1 < lines.length) {
      content = content.slice(0, -1) + lines[++i];
    }
    yield { line, text: content.replace(/^[ \t]+|[ \t\r]+$/g, "") };
  }
}

/** What `!` begins; undefined for a comment. */
function commandStep(
  text: string,
  line: number,
  name: string,
  passedOver: string[],
): HostnameStep | undefined {
  const command = withOwnCommands(text.trim());
  if (command === "") throw new ConfigError("!", "requires a command");
  if (command.startsWith("#")) return undefined;
  const read = splitShellLine(command);
  if (read.problem !== undefined) throw new ConfigError("!", read.problem);
  const names = assignedNames(read);
  if (names.length > 0) return { type: "assignment", line, text: command, names };
  return ownIfconfig(command, read, line, name, passedOver) ??
    { type: "command", line, text: command, words: read.needsShell ? undefined : read.words };
}

/**
 * `!ifconfig $if WORD...` that changes this interface is as good as a line with these words;
 * undefined for anything else.
 */
function ownIfconfig(
  command: string,
  read: ShellLine,
  line: number,
  name: string,
  passedOver: string[],
): HostnameStep | undefined {
  const [ifconfig, own, ...words] = read.words;
  if (
    ifconfig !== "ifconfig" || own !== name || words.length === 0 || read.operator !== undefined
  ) return undefined;
  if (read.substitutes) {
    const text = /^ifconfig[ \t]+\S+[ \t]+(.*)$/s.exec(command)?.[1];
    if (text === undefined) return undefined;
    return { type: "evaluated", line, name, text, destination: undefined, command: true };
  }
  if (read.needsShell) return undefined;
  try {
    return {
      type: "ifconfig",
      line,
      command: true,
      words: checkWords([name, ...words], passedOver),
    };
  } catch {
    // It shows something, or it is wrong, which is told when it runs.
    return undefined;
  }
}

/** `inet` and `inet6` lines as ifconfig's words; undefined for other lines. */
function addressWords(
  words: readonly string[],
): { words: string[]; addressAt: number } | undefined {
  const family = words[0];
  if (family !== "inet" && family !== "inet6") return undefined;
  const alias = words[1] === "alias";
  const addressAt = alias ? 2 : 1;
  if (words.length <= addressAt) throw new ConfigError(family, "requires an address");
  // Anything but an address is ifconfig's: `inet6 eui64`, `inet autoconf`.
  const result = words.slice(0, addressAt + 1);
  let at = addressAt + 1;
  if (family === "inet") {
    if (at < words.length && /^(?:0x[0-9a-fA-F]+|[0-9.]+)$/.test(words[at])) {
      result.push("netmask", words[at++]);
      if (words[at] === "NONE") at++;
      else if (at < words.length && parseIpv4(words[at]) !== undefined) {
        result.push("broadcast", words[at++]);
      }
    }
  } else if (at < words.length && /^[0-9]+$/.test(words[at])) {
    result.push("prefixlen", words[at++]);
  }
  return { words: [...result, ...words.slice(at)], addressAt };
}

/** Takes harmless words off a line and checks the others. @throws ConfigError */
function checkWords(line: readonly string[], passedOver: string[]): readonly string[] {
  const { words, passedOver: harmless } = passOverHarmless(line);
  for (const word of words.slice(1)) {
    const why = NOT_IN_A_FILE.get(word);
    if (why !== undefined) throw new ConfigError(word, why);
  }
  const draft = parseWords(words);
  if (draft.fromStdin) {
    throw new ConfigError("-", "a line of a file cannot read a key from standard input; use @FILE");
  }
  for (const { name } of harmless) passedOver.push(name);
  return words;
}
