/**
 * Reads files and standard input into memory of the caller, who erases it.
 * @module
 */
import { onFile } from "../linux/file_error.ts";

/** Whether the name of a file stands for standard input. */
export const isStandardInput = (path: string): boolean => path === "-" || path === "/dev/stdin";

/**
 * Fills `into` from a file, or from standard input for `-` and `/dev/stdin`.
 * @returns the number of bytes
 * @throws OsError
 */
export function readInto(path: string, into: Uint8Array): number {
  if (isStandardInput(path)) {
    return onFile(
      "read",
      "standard input",
      () => readUpTo(into, (part) => Deno.stdin.readSync(part)),
    );
  }
  using file = onFile("open", path, () => Deno.openSync(path, { read: true }));
  return onFile("read", path, () => readUpTo(into, (part) => file.readSync(part)));
}

/**
 * Reads a file whole, or standard input for `-` and `/dev/stdin`.
 * @param max the most bytes that are read; a longer file gives undefined
 * @throws OsError
 */
export function readWhole(path: string, max: number): Uint8Array | undefined {
  let bytes = new Uint8Array(FIRST_BYTES);
  let length = 0;
  if (isStandardInput(path)) {
    onFile("read", "standard input", () => take((part) => Deno.stdin.readSync(part)));
  } else {
    using file = onFile("open", path, () => Deno.openSync(path, { read: true }));
    onFile("read", path, () => take((part) => file.readSync(part)));
  }
  return length > max ? undefined : bytes.subarray(0, length);

  function take(read: (part: Uint8Array) => number | null): void {
    while (length <= max) {
      if (length === bytes.length) {
        const grown = new Uint8Array(2 * length);
        grown.set(bytes);
        bytes.fill(0);
        bytes = grown;
      }
      const count = read(bytes.subarray(length));
      if (count === null || count === 0) return;
      length += count;
    }
  }
}

/** The first buffer, which grows with the file. */
const FIRST_BYTES = 16_384;

function readUpTo(into: Uint8Array, read: (part: Uint8Array) => number | null): number {
  let length = 0;
  while (length < into.length) {
    const count = read(into.subarray(length));
    if (count === null || count === 0) break;
    length += count;
  }
  return length;
}
