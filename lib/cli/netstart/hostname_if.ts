/**
 * Turns the text of a hostname.if(5) file into the steps that start its interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { parseIpv4 } from "../../base/ip_text.ts";
import { checkCommand, shownCommand } from "../../base/command_text.ts";
import { displayValue, shellQuote } from "../../base/quote.ts";
import { parseWords, passOverHarmless } from "../ifconfig/words/parse.ts";
import { assignedNames, type ShellLine, splitShellLine, withOwnCommands } from "./shell_words.ts";

/** The largest file that is read, in bytes. */
export const HOSTNAME_FILE_MAX = 4 * 1024 * 1024;

/** A step. Steps are done in the order of the file, with `$if` replaced. */
export type HostnameStep =
  /** Runs `ifconfig INTERFACE WORD...`. */
  | {
    readonly type: "ifconfig";
    readonly line: number;
    readonly words: readonly string[];
    /** Whether the line is `!ifconfig $if WORD...`. If it fails, the next line follows. */
    readonly command: boolean;
  }
  /** A line that a shell has to evaluate. `wordsOf` then returns its words for ifconfig. */
  | {
    readonly type: "evaluated";
    readonly line: number;
    readonly name: string;
    readonly text: string;
    /** The `dest` line that follows, which the shell evaluates too. */
    readonly destination: string | undefined;
    readonly command: boolean;
  }
  /** `!NAME=VALUE ...`: sets variables for the lines that follow. */
  | {
    readonly type: "assignment";
    readonly line: number;
    readonly text: string;
    readonly names: readonly string[];
  }
  /** `!command`. `words` is undefined if a shell has to run it. */
  | {
    readonly type: "command";
    readonly line: number;
    readonly text: string;
    readonly words: readonly string[] | undefined;
  };

/** A message about a line. It never contains a key. */
export interface HostnameProblem {
  readonly line: number;
  readonly problem: string;
}

/** The steps of a file. If there are problems, none of the steps may be done. */
export interface HostnameFile {
  readonly steps: readonly HostnameStep[];
  readonly problems: readonly HostnameProblem[];
  /** The words that are ignored. */
  readonly notes: readonly HostnameProblem[];
}

/** Words of ifconfig that are not allowed in a file. */
const NOT_IN_A_FILE: ReadonlyMap<string, string> = new Map([
  ["create", "netstart creates the interface itself"],
  ["destroy", "not allowed in a file that starts the interface"],
]);

/**
 * Reads a file. Every line is checked as ifconfig checks it, and all wrong lines are reported.
 * Lines with substitutions are checked after evaluation (`wordsOf`).
 */
export function parseHostnameFile(text: string, name: string): HostnameFile {
  const steps: HostnameStep[] = [];
  const problems: HostnameProblem[] = [];
  const notes: HostnameProblem[] = [];
  /** The `inet` or `inet6` line to which a `dest` line would belong. */
  let address: { readonly at: number; readonly text: string } | undefined;
  for (const { line, text: content } of logicalLines(text)) {
    const passedOver: string[] = [];
    try {
      const named = content.replace(INTERFACE_NAME, name);
      if (named.startsWith("!")) {
        checkCommand("!", named);
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

/** `$if`, also with the backslash of OpenBSD's hostname.if(5). */
const INTERFACE_NAME = /\\?\$(?:if\b|\{if\})/g;

/** The message about a word that is ignored. */
export const passedOverText = (word: string): string =>
  `${word}: ignored, because it has no meaning on Linux`;

/**
 * Splits a line of words for ifconfig.
 * @throws ConfigError for unclosed quotes, and for operators of the shell
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

/**
 * A step for a line of words.
 * @param passedOver receives the words that are ignored
 */
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
 * The checked words of a line and of the `dest` line that follows, for ifconfig.
 * @throws ConfigError
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
 * @param passedOver receives the words that are ignored
 * @throws ConfigError as for a line without substitutions
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
export const stepText = (step: HostnameStep): string => shownCommand(textOf(step));

function textOf(step: HostnameStep): string {
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
 * The lines without surrounding blanks. A line that ends in a backslash continues on the next.
 * `line` is the number of its first line, from 1.
 */
function* logicalLines(text: string): Generator<{ line: number; text: string }> {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    const pieces = [lines[i]];
    if (!/^[ \t]*#/.test(lines[i])) {
      while (continues(lines[i]) && i + 1 < lines.length) {
        pieces.push(pieces.pop()!.slice(0, -1), lines[++i]);
      }
    }
    yield { line, text: withoutBlanks(pieces.join("")) };
  }
}

/** Whether a line ends in a backslash that no other one quotes. */
function continues(line: string): boolean {
  let at = line.length;
  while (at > 0 && line[at - 1] === "\\") at--;
  return (line.length - at) % 2 === 1;
}

/** The text without blanks at its beginning, and blanks and carriage returns at its end. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && " \t\r".includes(text[end - 1])) end--;
  let from = 0;
  while (from < end && " \t".includes(text[from])) from++;
  return text.slice(from, end);
}

/** The step of a line that begins with `!`; undefined for a comment. */
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
 * The step of `!ifconfig $if WORD...`, which is the same as a line with these words; undefined for
 * other commands.
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
    // The command shows something, or it is wrong and reports that when it runs.
    return undefined;
  }
}

/** The words for ifconfig of an `inet` or `inet6` line; undefined for other lines. */
function addressWords(
  words: readonly string[],
): { words: string[]; addressAt: number } | undefined {
  const family = words[0];
  if (family !== "inet" && family !== "inet6") return undefined;
  const alias = words[1] === "alias";
  const addressAt = alias ? 2 : 1;
  if (words.length <= addressAt) throw new ConfigError(family, "requires an address");
  // Words other than an address belong to ifconfig: `inet6 eui64`, `inet autoconf`.
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

/**
 * Removes harmless words from a line and checks the others.
 * @throws ConfigError
 */
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
