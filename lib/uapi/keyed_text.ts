/**
 * UAPI text with secret keys in it. A string cannot be erased, so the text is put together as
 * bytes, and whoever gets the bytes fills them with zeros after use.
 * @module
 */
import { KEY_LENGTH } from "../base/constants.ts";

const ZERO_KEY = "00".repeat(KEY_LENGTH);
const DIGITS = new TextEncoder().encode("0123456789abcdef");

/** Text and secret keys, in the order in which they were added. */
export class KeyedText {
  readonly #parts: (string | Uint8Array)[] = [];
  #open = "";

  /** Adds text that is not secret. */
  add(text: string): void {
    this.#open += text;
  }

  /** Adds a key of 32 bytes in hexadecimal. It is read when the text is taken. */
  addKey(key: Uint8Array): void {
    if (key.every((byte) => byte === 0)) {
      this.#open += ZERO_KEY;
      return;
    }
    this.#parts.push(this.#open, key);
    this.#open = "";
  }

  /** The text as a string, which cannot be erased. */
  toString(): string {
    return this.#parts.map((part) => typeof part === "string" ? part : part.toHex()).join("") +
      this.#open;
  }

  /** The text as UTF-8, with `end` after it. Erase it after use. */
  toBytes(end = ""): Uint8Array {
    const encoder = new TextEncoder();
    const parts = [...this.#parts, this.#open + end].map((part) =>
      typeof part === "string" ? encoder.encode(part) : part
    );
    const isKey = (index: number) => index % 2 === 1;
    let length = 0;
    parts.forEach((part, index) => length += isKey(index) ? part.length * 2 : part.length);
    // More than 64 bytes, so that they lie outside of the runtime's heap and never move.
    const bytes = new Uint8Array(Math.max(length, 65)).subarray(0, length);
    let at = 0;
    parts.forEach((part, index) => {
      if (isKey(index)) writeHex(bytes, at, part);
      else bytes.set(part, at);
      at += isKey(index) ? part.length * 2 : part.length;
    });
    return bytes;
  }
}

function writeHex(bytes: Uint8Array, at: number, key: Uint8Array): void {
  for (let i = 0; i < key.length; i++) {
    bytes[at + 2 * i] = DIGITS[key[i] >> 4];
    bytes[at + 2 * i + 1] = DIGITS[key[i] & 15];
  }
}
