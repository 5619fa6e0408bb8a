/**
 * Reads the words of a command line of route(8) one by one, and the options among them.
 * @module
 */
import { RDOMAIN_MAX } from "../../../base/constants.ts";
import type { IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { parseDecimal, parseIp } from "../../../base/ip_text.ts";
import { numberProblem, quote } from "../../../base/quote.ts";
import { parseScoped, type ScopedAddress } from "./destination.ts";

/**
 * Reads the number after -T.
 * @throws ConfigError
 */
export function parseRtable(word: string): number {
  const rtable = parseDecimal(word, RDOMAIN_MAX);
  if (rtable === undefined) {
    throw new ConfigError(
      "-T",
      numberProblem(word, 0, RDOMAIN_MAX),
    );
  }
  return rtable;
}

/** The words of a command line, read one by one, and the options among them. */
export class Words {
  rtable: number | undefined;
  quiet = false;
  json = false;
  #at = 0;
  constructor(readonly words: readonly string[]) {}

  peek(): string | undefined {
    return this.words[this.#at];
  }

  next(): string | undefined {
    return this.words[this.#at++];
  }

  rest(): string[] {
    const rest = this.words.slice(this.#at);
    this.#at = this.words.length;
    return rest;
  }

  /**
   * Applies an option that stands alone.
   * @returns false if the word is not an option
   */
  readOption(word: string): boolean {
    if (word === "--json") this.json = true;
    else if (word === "-q") this.quiet = true;
    else if (word === "-T") {
      this.rtable = parseRtable(this.value(word, `a routing domain, 0 to ${RDOMAIN_MAX}`));
    } else if (/^-T[0-9]/.test(word)) this.rtable = parseRtable(word.slice(2));
    else return word === "-n" || word === "-v";
    return true;
  }

  /**
   * Applies several flags in one word, such as `-nqT1`.
   * @returns false if one of them is unknown
   */
  readFlags(word: string): boolean {
    const flags = /^-([nqv]*)(?:T(.*))?$/s.exec(word);
    if (flags === null || word === "-") return false;
    if (flags[1].includes("q")) this.quiet = true;
    if (flags[2] === "") return this.readOption("-T");
    if (flags[2] !== undefined) this.rtable = parseRtable(flags[2]);
    return true;
  }

  value(word: string, what: string): string {
    const value = this.next();
    if (value === undefined) throw new ConfigError(word, `requires ${what}`);
    return value;
  }

  number(word: string, what: string, max: number): number {
    const text = this.value(word, `${what}, 0 to ${max}`);
    const value = parseDecimal(text, max);
    if (value === undefined) {
      throw new ConfigError(word, numberProblem(text, 0, max));
    }
    return value;
  }

  address(word: string, what: string): IpBytes {
    const text = this.value(word, what);
    const address = parseIp(text);
    if (address === undefined) throw new ConfigError(word, `${quote(text)} is not ${what}`);
    return address;
  }

  scoped(word: string, what: string): ScopedAddress {
    const text = this.value(word, what);
    const scoped = parseScoped(text);
    if (scoped === undefined) throw new ConfigError(word, `${quote(text)} is not ${what}`);
    return scoped;
  }
}
