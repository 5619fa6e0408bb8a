/**
 * How many data planes an interface has. With several, each moves packets in one direction:
 * senders take them from the TUN device, receivers from the UDP sockets. All that send do so for
 * all peers. The messages of a session are received by one of them, which the index of the session
 * tells.
 * @module
 */

/** The numbers of data planes. */
export interface DataPlanes {
  /** Those that send, each with queues of the TUN device. */
  readonly senders: number;
  /** Those that receive, each with UDP sockets. */
  readonly receivers: number;
}

/** The direction of a data plane: `outbound` is TUN to UDP, `inbound` is UDP to TUN. */
export type Direction = "both" | "outbound" | "inbound";

/** Which of the data planes of its direction one is. */
export interface Share {
  /** From 0 on. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/** The share of the only data plane of its direction. */
export const WHOLE_SHARE: Share = { index: 0, of: 1 };

/** The most Workers of an interface. */
export const WORKERS_MAX = 32;

/** A number of Workers as text; undefined for other texts. */
export function parseWorkers(text: string): number | undefined {
  const workers = /^[1-9][0-9]?$/.test(text) ? Number(text) : 0;
  return workers >= 1 && workers <= WORKERS_MAX ? workers : undefined;
}

/**
 * The data planes of so many Workers: half of them send. A single one does both.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { dataPlanesOf } from "./data_planes.ts";
 *
 * assert.deepEqual(dataPlanesOf(1), { senders: 1, receivers: 1 });
 * assert.deepEqual(dataPlanesOf(5), { senders: 3, receivers: 2 });
 * ```
 */
export function dataPlanesOf(workers: number): DataPlanes {
  if (workers === 1) return { senders: 1, receivers: 1 };
  return { senders: Math.ceil(workers / 2), receivers: Math.floor(workers / 2) };
}

/**
 * Which of `receivers` data planes receives the messages of a session, from 0 on.
 * @param localIndex the index of the session (unsigned)
 */
export function receiverOf(localIndex: number, receivers: number): number {
  return (localIndex >>> 24) % receivers;
}

/**
 * The last byte of a session index on the wire, from which the receiver follows: its remainder by
 * the number of receivers. The sockets' filter reads it (lib/ports/receiver_filter.ts).
 * @param random a random byte
 */
export function receiverByte(random: number, receiver: number, receivers: number): number {
  const byte = random - random % receivers + receiver;
  return byte < 256 ? byte : byte - receivers;
}
