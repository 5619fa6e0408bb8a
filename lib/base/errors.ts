/**
 * The two kinds of error that reach a user. Hostile input throws no error: it is counted.
 * @module
 */
import { withoutControls, withoutKeys } from "./quote.ts";

/** The most characters of a word in a message. */
const WORD_SHOWN_MAX = 200;
/** The most characters of a message. */
const MESSAGE_MAX = 900;

/** A part of a message on one line. What looks like a key is left out, other than `publicKeys`. */
function shown(text: string, max: number, publicKeys: readonly string[] = []): string {
  const line = withoutControls(withoutKeys(text, publicKeys));
  return line.length > max ? `${line.slice(0, max - 3)}...` : line;
}

/**
 * A mistake of the user, in a word of the command line or a key of a file.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConfigError } from "./errors.ts";
 *
 * const error = new ConfigError("wgport", "70000 is out of range; 0 to 65535 is required");
 * assert.ok(error.message === "wgport: 70000 is out of range; 0 to 65535 is required");
 * ```
 */
export class ConfigError extends Error {
  /** Tells the error apart from others. */
  override readonly name = "ConfigError";
  /**
   * Makes an error whose message is `WORD: PROBLEM`, without control characters and keys.
   * @param word the word that is wrong, as the user wrote it; never a private or preshared key
   * @param problem what is wrong and what is required
   * @param publicKeys keys that the problem may show, in base64: they are known to be peers' public
   * keys, not only something of that form
   */
  constructor(
    /** The word that is wrong, as the user wrote it. */
    readonly word: string,
    /** What is wrong and what is required. */
    readonly problem: string,
    ...publicKeys: readonly string[]
  ) {
    const max = MESSAGE_MAX - WORD_SHOWN_MAX;
    super(`${shown(word, WORD_SHOWN_MAX)}: ${shown(problem, max, publicKeys)}`);
  }
}

/**
 * An error of the operating system: the call, its object and the errno.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OsError } from "./errors.ts";
 *
 * const error = new OsError("bind", "udp port 7111", "EADDRINUSE", 98, "Address already in use");
 * assert.ok(error.message === "udp port 7111: bind: Address already in use (EADDRINUSE)");
 * ```
 */
export class OsError extends Error {
  /** Tells the error apart from others. */
  override readonly name = "OsError";
  /**
   * Makes an error whose message is `OBJECT: CALL: TEXT (CODE)`, without control characters and
   * keys.
   * @param call the system call or request, e.g. `bind` or `RTM_NEWADDR`
   * @param object the object of the call, e.g. `udp port 7111`
   * @param code the errno's name, e.g. `EADDRINUSE`
   * @param errno its number on Linux
   * @param text the errno's text, e.g. `Address already in use`
   */
  constructor(
    /** The system call or request, e.g. `bind`. */
    readonly call: string,
    /** The object of the call, e.g. `udp port 7111`. */
    readonly object: string,
    /** The errno's name, e.g. `EADDRINUSE`. */
    readonly code: string,
    /** The errno's number on Linux. */
    readonly errno: number,
    /** The errno's text, e.g. `Address already in use`. */
    readonly text: string,
  ) {
    super(shown(`${object}: ${call}: ${text} (${code})`, MESSAGE_MAX));
  }
}
