/**
 * What a system call's result means. Results follow the kernel's own convention: 0 or more is success, below 0 is a negated errno.
 * @module
 */
import { osError } from "../lib/base/errno.ts";

/** The largest errno the kernel returns (MAX_ERRNO, include/linux/err.h). */
export const ERRNO_MAX = 4095;

/**
 * Passes a successful result on and throws the rest.
 * @param result of a function of libc.ts that is named for its system call
 * @throws OsError
 */
export function checked(result: number, call: string, object: string): number {
  if (result < 0) throw osError(call, object, -result);
  return result;
}
