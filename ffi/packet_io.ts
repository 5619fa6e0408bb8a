/**
 * The five system calls that carry packets. Their sizes live in structures, so that they take only
 * pointers made beforehand and 32-bit integers: the signatures that Deno compiles to direct calls
 * (5-7 ns; a u64 or a buffer would cost 15-100).
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import { openLibc } from "./libc.ts";

const VECTORS = { parameters: ["i32", "pointer", "i32"], result: "i32" } as const;
const SYMBOLS = {
  readv: VECTORS,
  writev: VECTORS,
  sendmsg: VECTORS,
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  recvmsg: VECTORS,
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The calls as libc has them: -1 is an error, which `errno` names. */
export interface PacketIo {
  /** (fd, struct iovec *, count) */
  readonly readv: (fd: number, vectors: Deno.PointerValue, count: number) => number;
  readonly writev: (fd: number, vectors: Deno.PointerValue, count: number) => number;
  /** (fd, struct msghdr *, flags) */
  readonly sendmsg: (fd: number, message: Deno.PointerValue, flags: number) => number;
  readonly recvmsg: (fd: number, message: Deno.PointerValue, flags: number) => number;
  /**
   * (fd, struct mmsghdr *, count, flags): the messages that were sent; an error of the first one
   * only is told.
   */
  readonly sendmmsg: (
    fd: number,
    messages: Deno.PointerValue,
    count: number,
    flags: number,
  ) => number;
  /**
   * The thread's errno. Call in the statement after one that returned -1. The runtime itself may
   * have changed it in between, once in a million times: a value that makes no sense is to be taken
   * for "nothing there now".
   */
  readonly errno: () => number;
}

let opened: PacketIo | undefined;

/** The calls; libc is opened at the first use. */
export function packetIo(): PacketIo {
  if (opened !== undefined) return opened;
  const symbols = openLibc(SYMBOLS);
  // errno is the thread's own, and an isolate stays on its thread. Seen as an array it costs a load; a pointer view would be a call.
  const location = symbols.__errno_location() as Deno.PointerObject;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  opened = {
    readv: symbols.readv,
    writev: symbols.writev,
    sendmsg: symbols.sendmsg,
    sendmmsg: symbols.sendmmsg,
    recvmsg: symbols.recvmsg,
    errno: () => errno[0],
  };
  return opened;
}

/** The address of the arena's first byte. Its memory never moves. */
export function arenaAddress(arena: Arena): bigint {
  return BigInt(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(arena.bytes as Uint8Array<ArrayBuffer>)),
  );
}

/** A pointer to a place in the arena; making one is slow, so keep it. */
export function arenaPointer(arena: Arena, at: number): Deno.PointerValue {
  return Deno.UnsafePointer.create(arenaAddress(arena) + BigInt(at));
}
