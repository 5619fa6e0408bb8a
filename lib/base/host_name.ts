/**
 * Which words are names of hosts.
 * @module
 */

/** A name that may be looked up: labels of letters, digits, `-` and `_`, not all digits and dots. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && !/^[0-9.]*$/.test(text) &&
    text.replace(/\.$/, "").split(".").every((label) =>
      /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)
    );
}
