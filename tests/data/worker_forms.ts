/**
 * The forms in which the daemon runs data planes: one for both directions, or several for one each
 * (lib/base/data_planes.ts). `deno test -A tests/sim tests/conformance -- --workers=4` runs these
 * tests with as many. Most of tests/data is about one data plane in a direction, and takes 1 and 2.
 * @module
 */
import type { Arena } from "../../lib/base/arena.ts";
import { type AllCounts, sumOfCounts } from "../../lib/base/counter_block.ts";
import { type Milliseconds, milliseconds } from "../../lib/base/brands.ts";
import { MESSAGE_DATA } from "../../lib/base/constants.ts";
import { dataPlanesOf, parseWorkers } from "../../lib/base/data_planes.ts";
import { ENDPOINT_CELL_BYTES } from "../../lib/base/endpoint.ts";
import type { DataCommand } from "../../lib/base/messages.ts";
import type { Offloads } from "../../lib/base/offloads.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { BULK_FLOWS_BYTES, BulkFlows, QUEUES_EACH } from "../../lib/data/bulk_flows.ts";
import {
  Dataplane,
  DATAPLANE_ARENA_BYTES,
  type DataplaneOptions,
} from "../../lib/data/dataplane.ts";
import {
  PORT_DRAINED,
  type TunPort,
  type UdpPort,
  VNET_HEADER_BYTES,
} from "../../lib/data/ports.ts";

/** The number of Workers with which the tests run. */
export const WORKERS: number =
  Deno.args.map((word) => parseWorkers(word.replace("--workers=", "")))[0] ?? 1;

/** Bytes of the arena of a node that has so many Workers. */
export const nodeArenaBytes = (workers: number): number => workers * DATAPLANE_ARENA_BYTES;

/** Bytes of the arena of a node. */
export const NODE_ARENA_BYTES = nodeArenaBytes(WORKERS);

/** The methods of a data plane that tests use. */
export type Plane = Pick<
  Dataplane,
  "apply" | "turn" | "counts" | "gone" | "offloads" | "setOffloads"
>;

/**
 * How packets are spread over the data planes that send: as by the kernel each flow by one of them,
 * or in turn, so that all of them send every flow, out of order.
 */
export type Spread = "by flow" | "in turn";

/** The data planes of a node, in the order in which they get commands: first those that receive. */
export function planesOf(
  options: DataplaneOptions,
  workers = WORKERS,
  spread: Spread = "by flow",
): Dataplane[] {
  if (workers === 1) return [new Dataplane(options)];
  const { senders, receivers } = dataPlanesOf(workers);
  const { arena, table } = options;
  const bulkFlows = new SharedArrayBuffer(BULK_FLOWS_BYTES);
  const tun = senders === 1 ? options.tun : new SpreadTun(arena, options.tun, senders, spread);
  const shares = receivers === 1 ? undefined : new SpreadDatagrams(arena, options.udp, receivers);
  const make = (direction: "inbound" | "outbound", of: number) =>
    Array.from({ length: of }, (_, index) =>
      new Dataplane({
        ...options,
        tun,
        bulkFlows,
        direction,
        share: { index, of },
        table: new PeerTable(table.buffer, {
          senders,
          receivers,
          ...(direction === "inbound" ? { receiver: index } : { sender: index }),
        }),
        udp: direction === "inbound" && shares !== undefined ? shares.ports[index] : options.udp,
      }));
  return [...make("inbound", receivers), ...make("outbound", senders)];
}

/** The queues of a device for several data planes that send. */
class SpreadTun implements TunPort {
  readonly queues: number;
  readonly #waiting: Uint8Array[][];
  readonly #flows = new BulkFlows();
  readonly #u32: Uint32Array;
  #next = 0;

  constructor(
    readonly arena: Arena,
    readonly tun: TunPort,
    senders: number,
    readonly spread: Spread,
  ) {
    this.#u32 = new Uint32Array(arena.bytes.buffer);
    this.queues = senders * QUEUES_EACH;
    this.#waiting = Array.from({ length: this.queues }, () => []);
  }

  get tso(): boolean {
    return this.tun.tso;
  }
  get uso(): boolean {
    return this.tun.uso;
  }
  get gated(): boolean {
    return this.tun.gated === true;
  }
  read(at: number, queue: number): number {
    let read = this.tun.read(at, 0);
    for (; read > 0; read = this.tun.read(at, 0)) {
      this.#waiting[this.#queueFor(at)].push(this.arena.bytes.slice(at, at + read));
    }
    const packet = this.#waiting[queue].shift();
    if (packet === undefined) return read;
    this.arena.bytes.set(packet, at);
    return packet.length;
  }
  #queueFor(at: number): number {
    if (this.spread === "in turn") return this.#next++ % this.queues;
    return this.#flows.queueFor(this.#u32, at + VNET_HEADER_BYTES, this.queues, milliseconds(1));
  }
  gather(index: number, at: number, length: number): void {
    this.tun.gather(index, at, length);
  }
  write(count: number, queue: number): boolean {
    if (queue >= this.queues) throw new Error(`there is no queue ${queue}`);
    return this.tun.write(count, 0);
  }
}

/** A run of datagrams that waits for the data plane that receives it. */
interface WaitingRun {
  readonly bytes: Uint8Array;
  readonly source: Uint8Array;
  readonly segmentSize: number;
  readonly ecn: number;
}

/** Gives runs to the data planes that receive as the filter of lib/ports/receiver_filter.ts. */
class SpreadDatagrams {
  readonly ports: readonly UdpPort[];
  readonly #waiting: WaitingRun[][];

  constructor(readonly arena: Arena, readonly udp: UdpPort, receivers: number) {
    this.#waiting = Array.from({ length: receivers }, () => []);
    this.ports = this.#waiting.map((_, receiver) => new ReceiverPort(this, receiver));
  }

  next(at: number, receiver: number): WaitingRun | undefined {
    const { arena: { bytes }, udp } = this;
    for (let length = udp.receive(at); length > 0; length = udp.receive(at)) {
      const owner = bytes[at] === MESSAGE_DATA ? bytes[at + 7] % this.#waiting.length : 0;
      this.#waiting[owner].push({
        bytes: bytes.slice(at, at + length),
        source: bytes.slice(udp.sourceAt, udp.sourceAt + ENDPOINT_CELL_BYTES),
        segmentSize: udp.segmentSize,
        ecn: udp.ecn,
      });
    }
    return this.#waiting[receiver].shift();
  }
}

/** The sockets of one of the data planes that receive; these send cookie replies only. */
class ReceiverPort implements UdpPort {
  segmentSize = 0;
  ecn = 0;
  readonly sourceAt: number;

  constructor(readonly all: SpreadDatagrams, readonly receiver: number) {
    this.sourceAt = all.arena.allocate(ENDPOINT_CELL_BYTES);
  }

  receive(at: number): number {
    const run = this.all.next(at, this.receiver);
    if (run === undefined) return PORT_DRAINED;
    this.all.arena.bytes.set(run.bytes, at);
    this.all.arena.bytes.set(run.source, this.sourceAt);
    this.segmentSize = run.segmentSize;
    this.ecn = run.ecn;
    return run.bytes.length;
  }
  get gso(): boolean {
    return this.all.udp.gso;
  }
  get gro(): boolean {
    return this.all.udp.gro;
  }
  setGro(on: boolean): void {
    this.all.udp.setGro?.(on);
  }
  get segmentsMax(): number {
    return this.all.udp.segmentsMax;
  }
  get bytesMax(): number {
    return this.all.udp.bytesMax;
  }
  gather(index: number, at: number, length: number): void {
    this.all.udp.gather(index, at, length);
  }
  send(count: number, segmentSize: number, cellAt: number, ecn: number): 0 | 1 | 2 {
    return this.all.udp.send(count, segmentSize, cellAt, ecn);
  }
}

/** The sums of their counters. */
export function countsOf(planes: readonly Dataplane[]): AllCounts {
  return sumOfCounts(planes.map((plane) => plane.counts()));
}

/** Makes one data plane, or several with the same interface. */
export function planeOf(options: DataplaneOptions): Plane {
  const planes = planesOf(options);
  return planes.length === 1 ? planes[0] : new ManyPlanes(planes);
}

/** Data planes that get every command. */
class ManyPlanes implements Plane {
  constructor(readonly planes: readonly Dataplane[]) {}

  apply(command: DataCommand, now: Milliseconds): void {
    const { senders } = dataPlanesOf(WORKERS);
    const isCounted = command.type === "session-install" && senders > 1;
    const counter = isCounted ? { counter: new SharedArrayBuffer(4) } : {};
    for (const plane of this.planes) plane.apply({ ...command, ...counter }, now);
  }
  turn(...when: Parameters<Dataplane["turn"]>): boolean {
    return this.planes.map((plane) => plane.turn(...when)).includes(true);
  }
  get gone(): boolean {
    return this.planes.some((plane) => plane.gone);
  }
  get offloads(): Offloads {
    const [inbound] = this.planes;
    const outbound = this.planes[this.planes.length - 1];
    return { ...inbound.offloads, gso: outbound.offloads.gso };
  }
  setOffloads(wanted: Offloads): void {
    for (const plane of this.planes) plane.setOffloads(wanted);
  }
  counts(): AllCounts {
    return countsOf(this.planes);
  }
}
