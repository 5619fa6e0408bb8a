/**
 * Inputs that failed once: `cases/TARGET.txt` has one on each line, in hexadecimal, with a comment.
 * @module
 */

/** An input that failed once. */
export interface Case {
  /** The input. */
  readonly input: Uint8Array;
  /** What was wrong. */
  readonly about: string;
}

/** The cases of a target; none when it has no file. */
export function casesOf(target: string): Case[] {
  let text = "";
  try {
    text = Deno.readTextFileSync(new URL(`cases/${target}.txt`, import.meta.url));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return text.split("\n").filter((line) => /^[0-9a-f]/.test(line)).map((line) => {
    const [hex, ...words] = line.split(/ +# */);
    return { input: inputOf(hex.trim()), about: words.join(" # ") };
  });
}

/**
 * The input that a line stands for: pieces of hexadecimal digits, each perhaps with `*COUNT`, which
 * repeats it.
 */
export function inputOf(text: string): Uint8Array {
  const pieces = text.split(" ").map((piece) => {
    const match = /^((?:[0-9a-f]{2})*)(?:\*([0-9]{1,6}))?$/.exec(piece);
    if (match === null) throw new Error(`${piece}: pairs of hexadecimal digits are required`);
    return match[1].repeat(Number(match[2] ?? 1));
  });
  return Uint8Array.fromHex(pieces.join(""));
}
