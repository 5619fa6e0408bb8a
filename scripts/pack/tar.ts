/**
 * Tar archives (POSIX.1-1988 ustar) with nothing in them that depends on when or where they were
 * made.
 * @module
 */

/** One file of an archive. */
export interface TarFile {
  /** At most 100 bytes, ASCII. */
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/** The file's header block, its content, and zeros up to a whole block. */
export function tarEntry({ path, mode, bytes }: TarFile): Uint8Array<ArrayBuffer> {
  if (path.length > 100) throw new RangeError(`${path}: too long for a tar header`);
  const entry = new Uint8Array(BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK);
  const text = (at: number, value: string) => entry.set(new TextEncoder().encode(value), at);
  const octal = (at: number, digits: number, value: number) =>
    text(at, value.toString(8).padStart(digits, "0"));
  text(0, path);
  octal(100, 7, mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, bytes.length);
  octal(136, 11, 0);
  text(148, "        ");
  text(156, "0");
  text(257, "ustar\0" + "00");
  octal(148, 6, entry.subarray(0, BLOCK).reduce((sum, byte) => sum + byte, 0));
  entry[154] = 0;
  entry.set(bytes, BLOCK);
  return entry;
}

/** What ends an archive. */
export const tarEnd = (): Uint8Array<ArrayBuffer> => new Uint8Array(2 * BLOCK);
