/**
 * What passes between the main isolate and the data plane's Worker besides the planes' own messages.
 * Orders go down through a MessagePort, a shared word and an eventfd; reports come up by postMessage.
 * @module
 */
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { Offloads } from "../base/offloads.ts";
import type { Times } from "../base/times.ts";
import type { Direction } from "../data/dataplane.ts";
import type { TunDescriptors } from "../ports/linux_tun_port.ts";

/** Places in the shared words. */
/** 1 while orders wait: looked at on every turn, so that a busy loop need not ask the kernel. */
export const WORD_BELL = 0;
/** Counted up on every pass of the loop: shows that the Worker lives. */
export const WORD_BEAT = 1;
/** One of the EVENTS_ below: events go up only while the main isolate has none, so that those of a busy time go up together. */
export const WORD_EVENTS = 2;
/** The main isolate has none. */
export const EVENTS_NONE = 0;
/** It was sent some and has not handled them all. */
export const EVENTS_SENT = 1;
/** As before, and the Worker keeps more back: it wants the bell rung for them. */
export const EVENTS_HELD = 2;
/** How many 32-bit words the Worker and the main isolate share. */
export const SHARED_WORDS = 16;

/** The first message of all: what the data plane is built from. Descriptors stay the main isolate's to close. */
export interface WorkerStart {
  readonly table: SharedArrayBuffer;
  /** The interface's HandshakeMemory. */
  readonly handshakes: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  /** COUNTER_BLOCK_BYTES in which the Worker counts (lib/base/counter_block.ts). */
  readonly counters: SharedArrayBuffer;
  readonly orders: MessagePort;
  readonly bell: number;
  readonly tun: TunDescriptors;
  /** Memory of BULK_FLOWS_BYTES that all Workers of the interface get. */
  readonly bulkFlows: SharedArrayBuffer;
  /** UDP sockets; -1 for a family that is not there. */
  readonly fd4: number;
  readonly fd6: number;
  /** A netlink socket whose readability is reported as `link-changed`; -1 for none. */
  readonly linkSocket: number;
  /** A netlink socket whose readability is reported as `routes-changed`, once; -1 for none. */
  readonly routeSocket: number;
  readonly direction: Direction;
  readonly times: Times | undefined;
  readonly offloads: Partial<Offloads> | undefined;
}

/** Down. */
export type WorkerOrder =
  | { readonly type: "commands"; readonly commands: readonly DataCommand[] }
  /** Go over to other sockets; answered by `sockets-replaced`, after which the old ones may be closed. */
  | { readonly type: "sockets"; readonly fd4: number; readonly fd6: number }
  /**
   * Report `routes-changed`, once, when it is readable; answered by `route-socket-taken`, after
   * which one before may be closed.
   */
  | { readonly type: "route-socket"; readonly descriptor: number }
  /** Use these; answered by `offloads` when that makes a difference, and then by `offloads-set`. */
  | { readonly type: "offloads"; readonly offloads: Offloads }
  /** Collect garbage: something big has passed. */
  | { readonly type: "release-memory" }
  | { readonly type: "stop" };

/**
 * An order as it travels. In a plain object Node's receiveMessageOnPort looks for ports in every property, in a typed array at every byte,
 * which costs more than the rest of the message; into a Map it does not look.
 */
export type Envelope = ReadonlyMap<"order", WorkerOrder>;

/** Packs an order for postMessage. */
export const inEnvelope = (order: WorkerOrder): Envelope => new Map([["order", order]]);

/** Takes it out of what receiveMessageOnPort gave. */
export const fromEnvelope = (message: unknown): WorkerOrder =>
  (message as Envelope).get("order") as WorkerOrder;

/** Up. */
export type WorkerReport =
  /** The module is loaded; `WorkerStart` may be sent. */
  | { readonly type: "loaded" }
  /** Packets are moving. */
  | { readonly type: "running"; readonly cipher: string; readonly offloads: Offloads }
  | { readonly type: "events"; readonly events: readonly DataEvent[] }
  | { readonly type: "offloads"; readonly offloads: Offloads }
  | { readonly type: "sockets-replaced" }
  | { readonly type: "route-socket-taken" }
  | { readonly type: "offloads-set" }
  /** Something about the link, or another one in its namespace, changed. */
  | { readonly type: "link-changed" }
  /**
   * Links, addresses, routes or rules where the UDP sockets are changed. The route socket is not
   * looked at any more until it is given again.
   */
  | { readonly type: "routes-changed" }
  /** The TUN device was deleted; the loop has ended. */
  | { readonly type: "gone" }
  /** The loop ended because it was told to: nothing uses the descriptors any more. */
  | { readonly type: "stopped" }
  /** Something that must not happen happened; the loop has ended. */
  | { readonly type: "failed"; readonly reason: string };
