/**
 * What a fuzz target is: a parser, the bytes it is fed, and what must hold.
 * @module
 */
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import type { Chance } from "../random.ts";
import { assertFitsTerminal, assertHidesKeys } from "./messages.ts";

/**
 * Feeds one input. Returns what became of it in a few words, such as `accepted`, which are counted.
 * Throws when a property does not hold. The input may not be kept or changed.
 */
export type Feed = (input: Uint8Array) => string;

/** A parser under test. */
export interface Target {
  /** The name on the command line. */
  readonly name: string;
  /** Files and folders of the program, such as `lib/uapi/`, whose blocks guide the search. */
  readonly covers: readonly string[];
  /** The longest input, in bytes. */
  readonly bytesMax: number;
  /** Texts and bytes that inputs are made of. */
  readonly words?: readonly (string | Uint8Array)[];
  /** Makes an input: a valid one, or one that is nearly so. */
  readonly make: (chance: Chance) => Uint8Array;
  /** Makes the state that inputs are fed to, if there is one. */
  readonly open: () => Feed;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
/** The text of an input. What is not UTF-8 becomes U+FFFD, as in files that the program reads. */
export const textOf = (input: Uint8Array): string => decoder.decode(input);

/** A target whose input is a text. */
export function textTarget(
  target: Omit<Target, "make" | "open"> & {
    readonly make: (chance: Chance) => string;
    readonly feed: (text: string) => string;
  },
): Target {
  const { make, feed, ...rest } = target;
  return {
    ...rest,
    make: (chance) => bytesOf(make(chance)),
    open: () => (input) => feed(textOf(input)),
  };
}

/**
 * Calls a parser that may refuse its input. Returns `refused`, or what `then` returns for the
 * result. Other errors than a refusal pass. Fails when the message of a refusal may not be shown.
 * @param text the input, of which the message may show no key
 */
export function parsed<T>(parse: () => T, then: (result: T) => string, text = ""): string {
  let result: T;
  try {
    result = parse();
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof OsError)) throw error;
    assertFitsTerminal(error.message);
    assertHidesKeys(error.message, text);
    return "refused";
  }
  return then(result);
}
