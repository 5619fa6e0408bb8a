/**
 * hostname.if(5): a file's text to the steps that start its interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { parseIpv4 } from "../../base/ip_text.ts";
import { displayValue } from "../../base/quote.ts";
import { parseWords } from "../ifconfig/words/parse.ts";
import { shellQuote, splitShellLine } from "./shell_words.ts";

/** The longest file that is read, in bytes. */
export const HOSTNAME_FILE_MAX = 4 * 1024 * 1024;

/** One step, done in the order of the file. */
export type HostnameStep =
  /** `ifconfig INTERFACE WORD...` */
  | { readonly type: "ifconfig"; readonly line: number; readonly words: readonly string[] }
  /** `!command`, `$if` replaced. `words` when no shell is needed. */
  | {
    readonly type: "command";
    readonly line: number;
    readonly text: string;
    readonly words: readonly string[] | undefined;
  };

/** A line that is wrong; `problem` holds no key. */
export interface HostnameProblem {
  readonly line: number;
  readonly problem: string;
}

/** A file's steps, or what is wrong with it: then none of it is to be done. */
export interface HostnameFile {
  readonly steps: readonly HostnameStep[];
  readonly problems: readonly HostnameProblem[];
}

/** Words of ifconfig that have no place in a file. */
const NOT_IN_A_FILE: ReadonlyMap<string, string> = new Map([
  ["create", "netstart creates the interface itself"],
  ["destroy", "not in a file that starts the interface"],
]);

/** Reads a file. Every line is checked as ifconfig would, and all that are wrong are told. */
export function parseHostnameFile(text: string, name: string): HostnameFile {
  const steps: HostnameStep[] = [];
  const problems: HostnameProblem[] = [];
  let fromAddress: { words: string[]; addressAt: number } | undefined;
  for (const { line, text: content } of logicalLines(text)) {
    try {
      if (content.startsWith("!")) {
        steps.push(commandStep(content.slice(1), line, name));
        continue;
      }
      const { words, problem } = splitShellLine(content);
      if (problem !== undefined) throw new ConfigError(displayValue(words[0] ?? ""), problem);
      if (words.length === 0) continue;
      if (words[0] === "dest") {
        addDestination(fromAddress, words);
        parseWords(fromAddress!.words);
        fromAddress = undefined;
        continue;
      }
      const address = addressWords(words);
      const whole = [name, ...(address?.words ?? words)];
      checkWords(whole);
      steps.push({ type: "ifconfig", line, words: whole });
      fromAddress = address === undefined ? undefined : { words: whole, addressAt: address.addressAt + 1 };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push({ line, problem: error.message });
    }
  }
  return { steps, problems };
}

/** The step as a command for the shell, as `netstart -n` prints it. */
export function stepText(step: HostnameStep): string {
  return step.type === "command" ? step.text : ["ifconfig", ...step.words.map(shellQuote)].join(" ");
}

/** Lines without the blanks around them; one that ends in a backslash goes on in the next. `line` is where it begins, from 1. */
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

function commandStep(text: string, line: number, name: string): HostnameStep {
  const command = text.replace(/\$(?:if\b|\{if\})/g, name).trim();
  if (command === "") throw new ConfigError("!", "requires a command");
  const { words, needsShell, problem } = splitShellLine(command);
  if (problem !== undefined) throw new ConfigError("!", problem);
  return { type: "command", line, text: command, words: needsShell ? undefined : words };
}

/** `inet` and `inet6` lines as ifconfig's words; undefined for other lines. */
function addressWords(words: readonly string[]): { words: string[]; addressAt: number } | undefined {
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
      else if (at < words.length && parseIpv4(words[at]) !== undefined) result.push("broadcast", words[at++]);
    }
  } else if (at < words.length && /^[0-9]+$/.test(words[at])) {
    result.push("prefixlen", words[at++]);
  }
  return { words: [...result, ...words.slice(at)], addressAt };
}

function addDestination(before: { words: string[]; addressAt: number } | undefined, words: readonly string[]): void {
  if (words.length !== 2) throw new ConfigError("dest", "requires one address");
  if (before === undefined) throw new ConfigError("dest", "no inet or inet6 line before it");
  before.words.splice(before.addressAt + 1, 0, words[1]);
}

function checkWords(words: readonly string[]): void {
  for (const word of words.slice(1)) {
    const why = NOT_IN_A_FILE.get(word);
    if (why !== undefined) throw new ConfigError(word, why);
  }
  const draft = parseWords(words);
  if (draft.fromStdin) throw new ConfigError("-", "a file's line cannot take a key from standard input; use @FILE");
}
