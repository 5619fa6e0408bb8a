/**
 * Checks names of interfaces.
 * @module
 */
import { ConfigError } from "./errors.ts";

/** Bytes of an interface's name with its terminator (IFNAMSIZ, include/uapi/linux/if.h). */
export const INTERFACE_NAME_SIZE = 16;
/** Characters from which on a wrong name is left out of the message, as it may be a key. */
const SHOWN_MAX = 32;

/**
 * Checks an interface name. Call it before the name is used in a system call, a path or a log.
 *
 * The kernel accepts 1 to 15 bytes without `/`, `:` and white space, and neither `.` nor `..`
 * (dev_valid_name, net/core/dev.c), nor `all` and `default` (devinet_sysctl_register,
 * net/ipv4/devinet.c). Of these names three kinds are refused: with `%`, because the
 * kernel takes it for a pattern; with control characters, because a terminal would execute them;
 * and text that is not UTF-8, because the runtime changes it.
 * @returns the name
 * @throws ConfigError that names the wrong name and what is required
 */
export function checkInterfaceName(name: string): string {
  const problem = interfaceNameProblem(name);
  if (problem === undefined) return name;
  if (name.length >= SHOWN_MAX) {
    throw new ConfigError(`a name of ${name.length} characters`, problem);
  }
  throw new ConfigError(/^[\x21-\x7e]+$/.test(name) ? name : JSON.stringify(name), problem);
}

/** Whether `checkInterfaceName` accepts the name. */
export const isInterfaceName = (name: string): boolean => interfaceNameProblem(name) === undefined;

/**
 * A byte that the kernel's isspace counts as white space (lib/ctype.c). The UTF-8 of some letters,
 * such as `à`, contains it.
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
  if (name === "all" || name === "default") {
    return "the kernel has settings for all interfaces under this name, so none can have it";
  }
  return undefined;
}
