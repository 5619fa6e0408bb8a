/**
 * What a system call's result means. Results follow the kernel's own convention: 0 or more is success, below 0 is a negated errno.
 * @module
 */
import { osError } from "../lib/base/errno.ts";

/** Errnos that callers tell apart; the whole table is lib/base/errno.ts. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENOTTY = 25;
export const ENAMETOOLONG = 36;
export const EBADMSG = 74;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const ENOPROTOOPT = 92;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const EHOSTUNREACH = 113;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;

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
