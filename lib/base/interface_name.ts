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
 * Checks a name before it gets near a kernel, a path or a log. Every name is good that the kernel
 * takes (dev_valid_name, net/core/dev.c): 1 to 15 bytes without `/`, `:` and white space, and
 * neither `.` nor `..`. Refused besides are `%`, in which the kernel sees a pattern for names;
 * control characters, which would reach terminals; and text that is not UTF-8, which the runtime
 * changes.
 * @returns the name
 * @throws ConfigError that names it
 */
export function checkInterfaceName(name: string): string {
  const problem = interfaceNameProblem(name);
  if (problem === undefined) return name;
  // What is this long may be a key in the wrong place.
  if (name.length >= SHOWN_MAX) {
    throw new ConfigError(`a name of ${name.length} characters`, problem);
  }
  throw new ConfigError(/^[\x21-\x7e]+$/.test(name) ? name : JSON.stringify(name), problem);
}

/** Whether `checkInterfaceName` takes it. */
export const isInterfaceName = (name: string): boolean => interfaceNameProblem(name) === undefined;

/**
 * A byte that the kernel's isspace takes for white space, as every Latin-1 table does: it stands in
 * the UTF-8 of letters like `à` too.
 */
const NO_BREAK_SPACE = 0xa0;

function interfaceNameProblem(name: string): string | undefined {
  if (name === "") return "an interface name must not be empty";
  const bytes = new TextEncoder().encode(name);
  if (bytes.length >= INTERFACE_NAME_SIZE) {
    return `an interface name must not have more than ${INTERFACE_NAME_SIZE - 1} bytes`;
  }
  if (/[/:%]/.test(name)) return "an interface name must not contain '/', ':' or '%'";
  if (/[\t-\r ]/.test(name) || bytes.includes(NO_BREAK_SPACE)) {
    return "an interface name must not contain white space";
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}\u{fffd}]/u.test(name)) {
    return "an interface name must be UTF-8 without control characters";
  }
  if (name === "." || name === "..") return "not an interface name";
  return undefined;
}
