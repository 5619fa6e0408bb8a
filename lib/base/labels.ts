/**
 * Descriptions of peers and names of interface groups (OpenBSD).
 * @module
 */
import { DESCRIPTION_SIZE } from "./constants.ts";
import { ConfigError } from "./errors.ts";
import { CONTROLS, quote } from "./quote.ts";

/** The most groups that an interface is in. */
export const GROUPS_MAX = 16;
/** Characters of the longest group name (OpenBSD's IFNAMSIZ without the terminator). */
const GROUP_NAME_MAX = 15;

/**
 * Checks a peer's description: at most 63 bytes of UTF-8, no control characters.
 * @returns the description
 * @throws ConfigError that names `word`
 */
export function checkDescription(word: string, value: string): string {
  if (value.search(CONTROLS) >= 0) {
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
 * Checks the name of an interface group: 1 to 15 of `[A-Za-z0-9_.-]`, the last not a digit (as on
 * OpenBSD).
 * @returns the name
 * @throws ConfigError that names `word`
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

/**
 * The names of a list of groups with spaces between them; a name that is given twice counts once.
 * @throws ConfigError for a wrong name, or more than GROUPS_MAX
 */
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
