/**
 * Results of system calls, as the kernel returns them: 0 or more for success, or a negated errno.
 * @module
 */
import { osError } from "../lib/base/errno.ts";

/** The largest errno the kernel returns (MAX_ERRNO, include/linux/err.h). */
export const ERRNO_MAX = 4095;

/**
 * Returns a successful result, and throws an OsError for others.
 * @param result the result of a function of libc.ts
 * @param call the system call, for the error
 * @param object the object of the call, for the error
 */
export function checked(result: number, call: string, object: string): number {
  if (result < 0) throw osError(call, object, -result);
  return result;
}
