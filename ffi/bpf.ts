/**
 * Programs of classic BPF for system calls (include/uapi/linux/filter.h).
 * @module
 */
import { addressOf } from "./libc.ts";

/** Bytes of a struct sock_filter: code u16, jump if true u8, if false u8, value u32. */
export const FILTER_STEP_BYTES = 8;

/**
 * A struct sock_fprog: 16 bytes that point to a program. The program must not be collected before
 * the call.
 * @param program struct sock_filter[], in the byte order of this machine
 */
export function sockFprog(program: Uint8Array): Uint8Array {
  const fprog = new Uint8Array(16);
  const view = new DataView(fprog.buffer);
  view.setUint16(0, program.length / FILTER_STEP_BYTES, true);
  view.setBigUint64(8, addressOf(program), true);
  return fprog;
}
