/**
 * Reads the vector files of this folder.
 * @module
 */

/** The rows of a file; an empty field is an empty text. */
export function readVectors(name: string): string[][] {
  const text = Deno.readTextFileSync(new URL(name, import.meta.url));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) =>
    line.split("\t")
  );
}
