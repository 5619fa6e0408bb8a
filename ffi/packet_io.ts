/**
 * The five system calls that move packets. Most sizes are in structures, so the parameters are only
 * pointers and 32-bit integers. Deno compiles such signatures to direct calls of 5 to 7 ns. A u64
 * or a buffer would cost 15 to 100 ns.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import { openLibc } from "./libc.ts";

const VECTORS = { parameters: ["i32", "pointer", "i32"], result: "i32" } as const;
const SYMBOLS = {
  read: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  writev: VECTORS,
  sendmsg: VECTORS,
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  recvmsg: VECTORS,
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The functions of libc. They return -1 for an error, whose number `errno` returns. */
export interface PacketIo {
  /** (fd, buffer, bytes as `sizePointer`). It takes 100 ns less than readv(2) of one buffer. */
  readonly read: (fd: number, buffer: Deno.PointerValue, bytes: Deno.PointerValue) => number;
  /** (fd, struct iovec *, count) */
  readonly writev: (fd: number, vectors: Deno.PointerValue, count: number) => number;
  /** (fd, struct msghdr *, flags) */
  readonly sendmsg: (fd: number, message: Deno.PointerValue, flags: number) => number;
  readonly recvmsg: (fd: number, message: Deno.PointerValue, flags: number) => number;
  /**
   * (fd, struct mmsghdr *, count, flags). Returns the number of messages sent. Only an error of the
   * first message is returned.
   */
  readonly sendmmsg: (
    fd: number,
    messages: Deno.PointerValue,
    count: number,
    flags: number,
  ) => number;
  /**
   * The thread's errno. Call it in the statement after a call that returned -1. Once in a million
   * times the runtime changes it in between. So treat an unexpected value like EAGAIN.
   */
  readonly errno: () => number;
}

let opened: PacketIo | undefined;

/** The system calls. The first call opens libc. */
export function packetIo(): PacketIo {
  if (opened !== undefined) return opened;
  const symbols = openLibc(SYMBOLS);
  // Each thread has its own errno, and an isolate stays on its thread. An array reads it with a
  // load, where a pointer view would need a call.
  const location = symbols.__errno_location() as Deno.PointerObject;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  opened = {
    read: symbols.read,
    writev: symbols.writev,
    sendmsg: symbols.sendmsg,
    sendmmsg: symbols.sendmmsg,
    recvmsg: symbols.recvmsg,
    errno: () => errno[0],
  };
  return opened;
}

/**
 * A size_t as an argument of `read`. A 64-bit number would cost more than a pointer, which goes in
 * the same register.
 */
export function sizePointer(bytes: number): Deno.PointerValue {
  return Deno.UnsafePointer.create(BigInt(bytes));
}

/** The address of the arena's first byte. Its memory never moves. */
export function arenaAddress(arena: Arena): bigint {
  return BigInt(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(arena.bytes as Uint8Array<ArrayBuffer>)),
  );
}

/** A pointer to offset `at` of the arena. Making a pointer is slow, so keep it. */
export function arenaPointer(arena: Arena, at: number): Deno.PointerValue {
  return Deno.UnsafePointer.create(arenaAddress(arena) + BigInt(at));
}
