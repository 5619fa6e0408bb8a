/**
 * Standard output.
 * @module
 */

/** Writes everything, also into a pipe that takes it in pieces. */
export function printAll(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
