/**
 * Which names an interface may have.
 * @module
 */
import { ConfigError } from "./errors.ts";

/** Bytes of an interface's name with its terminator (IFNAMSIZ, include/uapi/linux/if.h). */
export const INTERFACE_NAME_SIZE = 16;
/** A wrong name of this many characters or more is not shown. */
const SHOWN_MAX = 32;

/**
 * Checks a name before it gets near a kernel, a path or a log: 1 to 15 of the characters A-Z a-z 0-9 `_` `.` `-`, and neither `.` nor `..`, no `-` first
 * (the kernel takes more, but a name is also a file's name here).
 * @returns the name
 * @throws ConfigError that names it
 */
export function checkInterfaceName(name: string): string {
  const problem = interfaceNameProblem(name);
  if (problem === undefined) return name;
  // What is this long may be a key in the wrong place.
  if (name.length >= SHOWN_MAX) throw new ConfigError(`a name of ${name.length} characters`, problem);
  throw new ConfigError(/^[\x21-\x7e]+$/.test(name) ? name : JSON.stringify(name), problem);
}

function interfaceNameProblem(name: string): string | undefined {
  if (name === "") return "an interface name is empty";
  if (name.length >= INTERFACE_NAME_SIZE) return `an interface name has at most ${INTERFACE_NAME_SIZE - 1} characters`;
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) return "an interface name has only letters, digits, '_', '.' and '-'";
  if (name.startsWith("-")) return "an interface name does not begin with '-'";
  if (name === "." || name === "..") return "not an interface name";
  return undefined;
}
