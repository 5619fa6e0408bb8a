/**
 * Data planes back to back: TUN devices and UDP sockets in memory, and sessions installed by hand.
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import {
  type Milliseconds,
  milliseconds,
  type PeerSlot,
  peerSlot,
  sessionIndex,
} from "../../lib/base/brands.ts";
import {
  type AllowedIp,
  type Endpoint,
  type LocalAddress,
  readEndpointCell,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import type { DataCommand, DataEvent } from "../../lib/base/messages.ts";
import { dataPlanesOf } from "../../lib/base/data_planes.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { PacketCipher } from "../../lib/crypto/suite.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import type { DataplaneOptions } from "../../lib/data/dataplane.ts";
import { QUEUE_BULK } from "../../lib/data/bulk_flows.ts";
import {
  PORT_DRAINED,
  PORT_GONE,
  type SendQueue,
  type SendResult,
  type TunPort,
  type UdpPort,
} from "../../lib/data/ports.ts";
import { type Checksum, chooseChecksum } from "../../lib/wire/checksum.ts";
import { NODE_ARENA_BYTES, type Plane, planeOf, WORKERS } from "./worker_forms.ts";
import { concat, frameBytes, packetsOf, parseFrame, type TunFrame } from "./packets.ts";

/** A TUN device in memory. */
export class MemoryTun implements TunPort {
  readonly queue: Uint8Array[] = [];
  readonly bulkQueue: Uint8Array[] = [];
  readonly written: Uint8Array[] = [];
  /** The queue that each packet so far was written to. */
  readonly writtenTo: number[] = [];
  queues = 1;
  gated = false;
  gone = false;
  /** Refuses merged writes, as a kernel without the offload. */
  refuses = false;
  readonly #pieces: (readonly [number, number])[] = [];

  constructor(readonly arena: Arena, readonly tso: boolean, readonly uso: boolean) {}

  read(at: number, queue: number): number {
    if (queue >= this.queues) throw new Error(`there is no queue ${queue}`);
    const frame = (queue === QUEUE_BULK ? this.bulkQueue : this.queue).shift();
    if (frame === undefined) return this.gone ? PORT_GONE : PORT_DRAINED;
    this.arena.bytes.set(frame, at);
    return frame.length;
  }
  gather(index: number, at: number, length: number): void {
    this.#pieces[index] = [at, length];
  }
  write(count: number, queue: number): boolean {
    if (queue >= this.queues) throw new Error(`there is no queue ${queue}`);
    const parts = this.#pieces.slice(0, count).map(([at, length]) =>
      this.arena.bytes.slice(at, at + length)
    );
    const bytes = concat(...parts);
    if (this.refuses && bytes[1] !== 0) return false;
    this.written.push(bytes);
    this.writtenTo.push(queue);
    return true;
  }

  push(frame: TunFrame): void {
    this.queue.push(frameBytes(frame));
  }
  /** Takes what was written, as packets without offloads. */
  takePackets(): Uint8Array[] {
    return this.written.splice(0).flatMap((bytes) => packetsOf(parseFrame(bytes)));
  }
}

/** A run of datagrams on its way. */
export interface Run {
  readonly bytes: Uint8Array;
  readonly segmentSize: number;
  readonly ecn: number;
  readonly from: Endpoint;
  readonly to?: Endpoint;
}

/** A UDP socket in memory. */
export class MemoryUdp implements UdpPort {
  readonly segmentsMax: number;
  readonly bytesMax = 65_507;
  readonly inbox: Run[] = [];
  readonly sent: Run[] = [];
  segmentSize = 0;
  ecn = 0;
  result: SendResult = 0;
  /** Where what is received was written to. */
  local: LocalAddress | undefined;
  readonly sourceAt: number;
  gro: boolean;
  hasShortQueue = false;
  readonly #pieces: (readonly [number, number])[] = [];
  /** How many datagrams each send of the queue had. */
  readonly queuedSends: number[] = [];

  constructor(readonly arena: Arena, public self: Endpoint, readonly gso: boolean) {
    this.gro = true;
    // So the offset of the cell cannot be taken for the length of a message.
    arena.allocate(256);
    this.sourceAt = arena.allocate(48);
    this.segmentsMax = gso ? 64 : 1;
  }

  makeSendQueue(): SendQueue {
    return new MemoryQueue(this);
  }
  setGro(on: boolean): void {
    this.gro = on;
  }
  setShortQueue(on: boolean): void {
    this.hasShortQueue = on;
  }
  receive(at: number): number {
    let run = this.inbox.shift();
    if (run === undefined) return PORT_DRAINED;
    if (!this.gro) {
      const [first, ...others] = datagramsOf(run).map((bytes) => ({
        ...run!,
        bytes,
        segmentSize: bytes.length,
      }));
      run = first;
      this.inbox.unshift(...others);
    }
    this.arena.bytes.set(run.bytes, at);
    this.segmentSize = run.segmentSize;
    this.ecn = run.ecn;
    writeEndpointCell(this.arena.bytes, this.sourceAt, run.from, this.local);
    return run.bytes.length;
  }
  gather(index: number, at: number, length: number): void {
    this.#pieces[index] = [at, length];
  }
  send(count: number, segmentSize: number, cellAt: number, ecn: number): SendResult {
    const pieces = this.#pieces.slice(0, count);
    if (
      pieces.some(([, length], i) => i < count - 1 ? length !== segmentSize : length > segmentSize)
    ) {
      throw new Error("a run of unequal datagrams");
    }
    const parts = pieces.map(([at, length]) => this.arena.bytes.slice(at, at + length));
    const bytes = concat(...parts);
    const to = readEndpointCell(this.arena.bytes, cellAt);
    if (to === undefined) throw new Error("sent to no endpoint");
    if (this.result !== 1) this.sent.push({ bytes, segmentSize, ecn, from: this.self, to });
    return this.result;
  }
}

/** A queue that reads the endpoint when a datagram is put in, and the datagram when it is sent. */
class MemoryQueue implements SendQueue {
  readonly max = 32;
  readonly #put: { at: number; length: number; ecn: number; to: Endpoint | undefined }[] = [];

  constructor(readonly udp: MemoryUdp) {}

  put(index: number, at: number, length: number, cellAt: number, ecn: number): void {
    this.#put[index] = { at, length, ecn, to: readEndpointCell(this.udp.arena.bytes, cellAt) };
  }
  send(count: number): void {
    const { udp } = this;
    udp.queuedSends.push(count);
    for (const { at, length, ecn, to } of this.#put.slice(0, count)) {
      if (to === undefined) throw new Error("sent to no endpoint");
      const bytes = udp.arena.bytes.slice(at, at + length);
      if (udp.result !== 1) udp.sent.push({ bytes, segmentSize: length, ecn, from: udp.self, to });
    }
  }
  result(): SendResult {
    return this.udp.result;
  }
}

/** The datagrams of a run. */
export function datagramsOf(run: Run): Uint8Array[] {
  const segment = run.segmentSize || run.bytes.length;
  const all: Uint8Array[] = [];
  for (let at = 0; at < run.bytes.length; at += segment) {
    all.push(run.bytes.slice(at, at + segment));
  }
  return all;
}

/** How a side is made. */
export interface SideOptions {
  readonly tso?: boolean;
  readonly uso?: boolean;
  readonly gso?: boolean;
  readonly mtu?: number;
  readonly cipher?: (arena: Arena) => PacketCipher;
  readonly checksum?: (arena: Arena) => Checksum;
  readonly options?: Partial<DataplaneOptions>;
  readonly handshakes?: HandshakeMemory;
}

export const NOON: Milliseconds = milliseconds(1_000_000);
export const P0: PeerSlot = peerSlot(0);
export const after = (ms: number): Milliseconds => milliseconds(NOON + ms);

/** A data plane with its ports in memory; it is up and knows no peer. */
export class Side {
  readonly arena = new Arena(NODE_ARENA_BYTES);
  readonly table = new PeerTable(new SharedArrayBuffer(1 << 16), dataPlanesOf(WORKERS));
  readonly handshakes: HandshakeMemory;
  readonly tun: MemoryTun;
  readonly udp: MemoryUdp;
  readonly events: DataEvent[] = [];
  readonly dataplane: Plane;
  #promoted = 0;

  constructor(readonly self: Endpoint, side: SideOptions = {}) {
    const {
      tso = true,
      uso = true,
      gso = true,
      mtu = 1420,
      cipher = nobleCipher,
      checksum = chooseChecksum,
      options = {},
      handshakes = new HandshakeMemory(undefined, dataPlanesOf(WORKERS).senders),
    } = side;
    this.handshakes = handshakes;
    this.tun = new MemoryTun(this.arena, tso, uso);
    this.udp = new MemoryUdp(this.arena, self, gso);
    this.dataplane = planeOf({
      arena: this.arena,
      cipher: cipher(this.arena),
      suite: nobleSuite,
      checksum: checksum(this.arena),
      table: this.table,
      handshakes: this.handshakes,
      tun: this.tun,
      udp: this.udp,
      emit: (event) => this.events.push(event),
      ...options,
    });
    this.apply({ type: "link", up: true, mtu });
  }

  apply(command: SideCommand, now: Milliseconds = NOON): void {
    if (command.type !== "session-install") return this.dataplane.apply(command, now);
    const { sendKey, receiveKey, ...install } = command;
    const keySlot = this.handshakes.sessionKeys.put(sendKey, receiveKey);
    this.dataplane.apply({ ...install, keySlot }, now);
  }
  turn(now: Milliseconds = NOON): void {
    while (this.dataplane.turn(now) || this.#promote(now));
  }
  /** Answers what was confirmed, as the control plane does. Returns whether there was anything. */
  #promote(now: Milliseconds): boolean {
    const confirmed = this.said("session-confirmed").slice(this.#promoted);
    for (const { peer, localIndex } of confirmed) {
      this.apply({ type: "session-promote", peer, localIndex }, now);
    }
    this.#promoted += confirmed.length;
    return confirmed.length > 0;
  }
  /** Events of one kind so far. */
  said<T extends DataEvent["type"]>(type: T): Extract<DataEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<DataEvent, { type: T }> =>
      event.type === type
    );
  }
  /** Adds a peer with its endpoint and ranges; all addresses without ranges. */
  addPeer(
    peer: PeerSlot,
    endpoint: Endpoint | undefined,
    ranges: readonly AllowedIp[] = EVERYTHING,
  ): void {
    this.table.clear(peer);
    this.apply({ type: "peer-add", peer });
    if (endpoint !== undefined) this.table.writeEndpoint(peer, endpoint, undefined);
    this.apply({ type: "allowed-ips", peer, replace: true, remove: [], add: ranges });
  }
  /** Sends a packet and takes what went out for it. */
  sendPacket(packet: Uint8Array, now: Milliseconds = NOON): Run[] {
    this.tun.push({
      needsChecksum: false,
      gsoType: 0,
      gsoSize: 0,
      checksumStart: 0,
      checksumOffset: 0,
      packet,
    });
    this.turn(now);
    return this.udp.sent.splice(0);
  }
}

type Install = Extract<DataCommand, { type: "session-install" }>;
/** A command, in which a session has its keys with it. */
export type SideCommand =
  | Exclude<DataCommand, Install>
  | Omit<Install, "keySlot"> & { readonly sendKey: Uint8Array; readonly receiveKey: Uint8Array };

export const EVERYTHING: readonly AllowedIp[] = [
  { address: new Uint8Array(4), prefix: 0 },
  { address: new Uint8Array(16), prefix: 0 },
];
export const ENDPOINT_A: Endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 1001, scope: 0 };
export const ENDPOINT_B: Endpoint = {
  address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
  port: 1002,
  scope: 0,
};

export const INDEX_A = sessionIndex(0xdead0005);
export const INDEX_B = sessionIndex(0xbeef0009);
export const KEY_AB = new Uint8Array(32).fill(1);
export const KEY_BA = new Uint8Array(32).fill(2);

/**
 * Gives two sides a session; `a` is the initiator. What that sends right away stays in
 * `a.udp.sent`.
 */
export function installSession(
  a: Side,
  b: Side,
  now: Milliseconds = NOON,
  peer: PeerSlot = P0,
): void {
  b.apply({
    type: "session-install",
    peer,
    initiator: false,
    localIndex: INDEX_B,
    remoteIndex: INDEX_A,
    sendKey: KEY_BA,
    receiveKey: KEY_AB,
    createdAt: now,
  }, now);
  a.apply({
    type: "session-install",
    peer,
    initiator: true,
    localIndex: INDEX_A,
    remoteIndex: INDEX_B,
    sendKey: KEY_AB,
    receiveKey: KEY_BA,
    createdAt: now,
  }, now);
}

/** Two sides that are each other's only peer, with a confirmed session. */
export function connectedSides(
  optionsA: SideOptions = {},
  optionsB: SideOptions = {},
): { a: Side; b: Side } {
  const a = new Side(ENDPOINT_A, optionsA);
  const b = new Side(ENDPOINT_B, optionsB);
  a.addPeer(P0, ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A);
  installSession(a, b);
  carry(a, b);
  a.events.length = 0;
  b.events.length = 0;
  a.table.clearActive(P0);
  b.table.clearActive(P0);
  return { a, b };
}

/** Delivers what both sides sent until nothing is on its way. */
export function carry(a: Side, b: Side, now: Milliseconds = NOON): void {
  while (true) {
    a.turn(now);
    b.turn(now);
    const toB = a.udp.sent.splice(0);
    const toA = b.udp.sent.splice(0);
    if (toA.length + toB.length === 0) return;
    b.udp.inbox.push(...toB);
    a.udp.inbox.push(...toA);
  }
}
