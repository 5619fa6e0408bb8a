/**
 * The texts that people attach to interfaces and peers: descriptions and OpenBSD's interface groups.
 * @module
 */
import { DESCRIPTION_SIZE } from "./constants.ts";
import { ConfigError } from "./errors.ts";
import { quote } from "./quote.ts";

/** The most groups that an interface is in, and the longest name of one (OpenBSD's IFNAMSIZ with its terminator is 16). */
export const GROUPS_MAX = 16;
const GROUP_NAME_MAX = 15;

/**
 * A peer's description as it may stand in a line: no control characters, at most 63 bytes of UTF-8.
 * @throws ConfigError
 */
export function checkDescription(word: string, value: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(value)) {
    throw new ConfigError(word, "a description must not contain control characters");
  }
  if (
    value.length >= DESCRIPTION_SIZE || new TextEncoder().encode(value).length >= DESCRIPTION_SIZE
  ) {
    throw new ConfigError(
      word,
      `the description is too long; at most ${DESCRIPTION_SIZE - 1} bytes are allowed`,
    );
  }
  return value;
}

/**
 * The name of an interface group as OpenBSD takes it: 1 to 15 of `[A-Za-z0-9_.-]`, not ending in a digit.
 * @throws ConfigError
 */
export function checkGroup(word: string, name: string): string {
  if (name === "" || name.length > GROUP_NAME_MAX || !/^[A-Za-z0-9_.-]*$/.test(name)) {
    throw new ConfigError(
      word,
      `${
        quote(name)
      } is not a group's name; 1 to ${GROUP_NAME_MAX} letters, digits, '_', '.' or '-' ` +
        "are required",
    );
  }
  if (/[0-9]$/.test(name)) {
    throw new ConfigError(word, `${quote(name)} ends in a digit; a group's name must not`);
  }
  return name;
}

/** Group names with spaces between them, each once. @throws ConfigError */
export function parseGroups(value: string): string[] {
  const groups = value.split(" ").filter((name) => name !== "");
  if (groups.length > GROUPS_MAX) {
    throw new ConfigError(
      "groups",
      `${groups.length} groups are too many; at most ${GROUPS_MAX} are allowed`,
    );
  }
  return [...new Set(groups.map((name) => checkGroup("groups", name)))];
}
