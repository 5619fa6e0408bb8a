/**
 * Splits the bytes of a control socket into operations. A connection carries any number of
 * operations, in pieces of any size.
 * @module
 */
import { takeKeys } from "./key_lines.ts";
import { UAPI_LINE_MAX, UAPI_MESSAGE_MAX, UAPI_VERSION, UAPI_VERSION_EXTENDED } from "./keys.ts";

/** An operation: its first line `name=version`, and the lines up to the empty one. */
export interface UapiRequest {
  readonly type: "request";
  /** The name: `get`, `set`, or another word before the `=` of the first line. */
  readonly operation: string;
  /** The text after the `=`. */
  readonly value: string;
  readonly lines: readonly string[];
  /**
   * The secret keys by the index of their line, whose text has stars in their place; absent when
   * there are none. Erase them after use.
   */
  readonly keys?: ReadonlyMap<number, Uint8Array>;
}

/**
 * The text has exceeded a limit or broken a rule. The connection must be answered with an errno and
 * closed.
 */
export interface UapiBroken {
  readonly type: "broken";
  /** The version of the answer: 2 if the first line of the operation had it, otherwise 1. */
  readonly version: number;
  readonly problem: string;
}

const NEWLINE = 10;
const EQUALS = 61;
const DIGIT_TWO = 50;
/** The number of bytes of the first line in which the version is searched. */
const VERSION_LINE_MAX = 64;
const FIRST_BUFFER_BYTES = 4096;
/**
 * The largest buffer that is kept after an operation, in bytes. A connection may stay open for
 * long.
 */
const KEPT_BUFFER_BYTES = 65_536;

/**
 * Takes bytes as they arrive (`push`) and returns whole operations (`next`, until undefined). It
 * holds at most one operation and one piece, and wipes the bytes of returned operations, because
 * they contain keys.
 *
 * @example
 * ```ts
 * import { UapiReader } from "./reader.ts";
 * const reader = new UapiReader();
 * reader.push(new TextEncoder().encode("get=1\n\nset=1\nlisten_port=7111\n\n"));
 * reader.next(); // { type: "request", operation: "get", value: "1", lines: [] }
 * reader.next(); // { type: "request", operation: "set", value: "1", lines: ["listen_port=7111"] }
 * reader.next(); // undefined
 * ```
 */
export class UapiReader {
  readonly #lineMax: number;
  readonly #messageMax: number;
  #bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;
  /** The bytes before this index have been searched. */
  #scanned = 0;
  #lineStart = 0;
  #broken: UapiBroken | undefined;

  constructor(limits: { readonly lineMax?: number; readonly messageMax?: number } = {}) {
    this.#lineMax = limits.lineMax ?? UAPI_LINE_MAX;
    this.#messageMax = limits.messageMax ?? UAPI_MESSAGE_MAX;
  }

  /** Whether an operation has begun and is not complete. */
  get partial(): boolean {
    return this.#length > 0;
  }

  /** The size of the buffer in bytes. */
  get held(): number {
    return this.#bytes.length;
  }

  /** The version of the operation that has begun, as in `UapiBroken`. */
  get version(): number {
    const end = this.#bytes.subarray(0, Math.min(this.#length, VERSION_LINE_MAX)).indexOf(NEWLINE);
    const [equals, digit] = end < 2 ? [0, 0] : this.#bytes.subarray(end - 2, end);
    return equals === EQUALS && digit === DIGIT_TWO ? UAPI_VERSION_EXTENDED : UAPI_VERSION;
  }

  /** Adds bytes, which are copied. After an error they are dropped. */
  push(bytes: Uint8Array): void {
    if (this.#broken !== undefined) return;
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes.fill(0);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }

  /**
   * The next whole operation; undefined if more bytes are required. After an error it always
   * returns the error.
   */
  next(): UapiRequest | UapiBroken | undefined {
    if (this.#broken !== undefined) return this.#broken;
    while (true) {
      const newline = this.#bytes.subarray(0, this.#length).indexOf(NEWLINE, this.#scanned);
      const end = newline < 0 ? this.#length : newline;
      if (end - this.#lineStart > this.#lineMax) {
        return this.#break(`a line has more than ${this.#lineMax} bytes`);
      }
      if (end > this.#messageMax) {
        return this.#break(`an operation has more than ${this.#messageMax} bytes`);
      }
      this.#scanned = newline < 0 ? end : newline + 1;
      if (newline < 0) return undefined;
      const empty = newline === this.#lineStart;
      this.#lineStart = newline + 1;
      if (!empty) continue;
      const request = this.#take(newline);
      if (request !== undefined) return request;
    }
  }

  /**
   * Returns the operation that ends with the empty line at `newline`. An empty line before an
   * operation is ignored.
   */
  #take(newline: number): UapiRequest | UapiBroken | undefined {
    let text = "";
    const keys = new Map<number, Uint8Array>();
    // The first line is the operation's name.
    for (const [line, key] of takeKeys(this.#bytes.subarray(0, newline))) keys.set(line - 1, key);
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(this.#bytes.subarray(0, newline));
    } catch {
      return this.#break("the text is not UTF-8");
    }
    this.#drop(newline + 1);
    if (text === "") return undefined;
    const lines = text.split("\n");
    lines.pop();
    const first = lines.shift() ?? "";
    const equals = first.indexOf("=");
    if (equals <= 0) return this.#break("an operation has no name; NAME=VERSION is required");
    return {
      type: "request",
      operation: first.slice(0, equals),
      value: first.slice(equals + 1),
      lines,
      ...(keys.size === 0 ? {} : { keys }),
    };
  }

  #drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#bytes.fill(0, this.#length - count, this.#length);
    this.#length -= count;
    if (this.#length === 0 && this.#bytes.length > KEPT_BUFFER_BYTES) {
      this.#bytes = new Uint8Array(FIRST_BUFFER_BYTES);
    }
    this.#scanned = 0;
    this.#lineStart = 0;
  }

  #break(problem: string): UapiBroken {
    const { version } = this;
    this.#bytes.fill(0);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#broken = { type: "broken", version, problem };
    return this.#broken;
  }
}
