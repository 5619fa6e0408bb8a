/**
 * The messages between the main isolate and the data plane's Worker. Orders are sent by a
 * MessagePort, a shared word and an eventfd. Reports are sent by postMessage. Both also carry the
 * commands and events of the planes.
 * @module
 */
import type { DataPlanes, Direction, Share } from "../base/data_planes.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { Offloads } from "../base/offloads.ts";
import type { Times } from "../base/times.ts";
import type { TunDescriptors } from "../ports/linux_tun_port.ts";

/** Places in the shared words. */
/** 1 while orders wait. The loop reads it in every turn, so that it need not poll the eventfd. */
export const WORD_BELL = 0;
/** A count of the passes of the loop, which shows that the Worker is alive. */
export const WORD_BEAT = 1;
/**
 * One of EVENTS_NONE, EVENTS_SENT and EVENTS_HELD. Events are reported only while the main isolate
 * has none. So the events of a busy time are reported together.
 */
export const WORD_EVENTS = 2;
/** The main isolate has no events. */
export const EVENTS_NONE = 0;
/** The main isolate has events that it has not handled. */
export const EVENTS_SENT = 1;
/**
 * As EVENTS_SENT; and the Worker has more events, for which the main isolate must ring the bell.
 */
export const EVENTS_HELD = 2;
/** The number of 32-bit words that the Worker and the main isolate share. */
export const SHARED_WORDS = 16;

/** The first message to the Worker. The main isolate closes the descriptors. */
export interface WorkerStart {
  readonly table: SharedArrayBuffer;
  /** The interface's HandshakeMemory. */
  readonly handshakes: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  /** The Worker's block of counters: COUNTER_BLOCK_BYTES (lib/base/counter_block.ts). */
  readonly counters: SharedArrayBuffer;
  readonly orders: MessagePort;
  readonly bell: number;
  readonly tun: TunDescriptors;
  /** Memory of BULK_FLOWS_BYTES that all Workers of the interface share. */
  readonly bulkFlows: SharedArrayBuffer;
  /** The IPv4 socket; -1 for none. */
  readonly fd4: number;
  /** The IPv6 socket; -1 for none. */
  readonly fd6: number;
  /** The netlink socket that is drained and reported as `link-changed`; -1 for none. */
  readonly linkSocket: number;
  /** The netlink socket that is reported once as `routes-changed`; -1 for none. */
  readonly routeSocket: number;
  readonly direction: Direction;
  /** Which of the Workers of this direction it is. */
  readonly share: Share;
  /** How many Workers send and receive. */
  readonly planes: DataPlanes;
  readonly times: Times | undefined;
  readonly offloads: Partial<Offloads> | undefined;
}

/** An order to the Worker. */
export type WorkerOrder =
  | { readonly type: "commands"; readonly commands: readonly DataCommand[] }
  /** Replaces the sockets. After the answer `sockets-replaced`, the old ones may be closed. */
  | { readonly type: "sockets"; readonly fd4: number; readonly fd6: number }
  /**
   * Sets the socket that is reported once as `routes-changed`. After the answer `route-socket-set`,
   * an earlier socket may be closed.
   */
  | { readonly type: "route-socket"; readonly descriptor: number }
  /** Sets the offloads. The answers are `offloads`, if they changed, and `offloads-set`. */
  | { readonly type: "offloads"; readonly offloads: Offloads }
  /** Releases memory. It is sent after large operations. */
  | { readonly type: "release-memory" }
  | { readonly type: "stop" };

/**
 * The form in which an order is sent. Node's receiveMessageOnPort searches plain objects and typed
 * arrays for ports, which takes longer than the rest of the message. It does not search a Map.
 */
export type Envelope = ReadonlyMap<"order", WorkerOrder>;

/** Wraps an order for postMessage. */
export const inEnvelope = (order: WorkerOrder): Envelope => new Map([["order", order]]);

/** The order in a message of receiveMessageOnPort. */
export const fromEnvelope = (message: unknown): WorkerOrder =>
  (message as Envelope).get("order") as WorkerOrder;

/** A report of the Worker. */
export type WorkerReport =
  /** The module is loaded. `WorkerStart` may be sent. */
  | { readonly type: "loaded" }
  /** The Worker moves packets. */
  | { readonly type: "running"; readonly cipher: string; readonly offloads: Offloads }
  | { readonly type: "events"; readonly events: readonly DataEvent[] }
  | { readonly type: "offloads"; readonly offloads: Offloads }
  | { readonly type: "sockets-replaced" }
  | { readonly type: "route-socket-set" }
  | { readonly type: "offloads-set" }
  /** A link in the namespace of the interface's link has changed. */
  | { readonly type: "link-changed" }
  /**
   * Links, addresses, routes or rules in the namespace of the UDP sockets have changed. The route
   * socket is not polled until it is set again.
   */
  | { readonly type: "routes-changed" }
  /** The TUN device was deleted, and the loop has ended. */
  | { readonly type: "gone" }
  /** The loop has ended after an order. The Worker no longer uses the descriptors. */
  | { readonly type: "stopped" }
  /** The Worker has failed, and the loop has ended. */
  | { readonly type: "failed"; readonly reason: string };
