/**
 * Joins text, bytes of a file and keys to one text in bytes, because strings cannot be erased.
 * @module
 */
import { KEY_TEXT_LENGTH, writeKeyText } from "../base/key_text.ts";

/** A part of a text: a string, bytes as they are, or a key that is written in base64. */
export type TextPart = string | Uint8Array | { readonly key: Uint8Array };

/** The parts one after the other. Fill the result with zeros after use if it has keys. */
export function joinText(parts: readonly TextPart[]): Uint8Array {
  const encoder = new TextEncoder();
  const pieces = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  // More than 64 bytes, so that they lie outside of the runtime's heap and never move.
  const bytes = new Uint8Array(Math.max(length, 65)).subarray(0, length);
  let at = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) bytes.set(piece, at);
    else writeKeyText(bytes, at, piece.key);
    at += lengthOf(piece);
  }
  return bytes;
}

const lengthOf = (piece: Exclude<TextPart, string>) =>
  piece instanceof Uint8Array ? piece.length : KEY_TEXT_LENGTH;
