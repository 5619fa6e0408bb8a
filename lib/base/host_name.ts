/**
 * Checks names of hosts.
 * @module
 */

/**
 * Whether the text may be the name of a host: labels of 1 to 63 letters, digits, `-` and `_`, at
 * most 253 characters, and not digits and dots alone.
 */
export function isHostName(text: string): boolean {
  return text.length <= 253 && !/^[0-9.]*$/.test(text) &&
    text.replace(/\.$/, "").split(".").every((label) =>
      /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)
    );
}
