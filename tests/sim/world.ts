/**
 * A world in virtual time. The network loses, repeats, delays, reorders and damages datagrams.
 * Each node runs a real Device and a real Dataplane. Commands and events between the two take some
 * time, as between isolates. All random values come from one seed.
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import { type Milliseconds, milliseconds } from "../../lib/base/brands.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
  sameBytes,
  sameEndpoint,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import { dataPlanesOf } from "../../lib/base/data_planes.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { DataCommand } from "../../lib/base/messages.ts";
import { SESSION_KEYS_AREA_BYTES, SessionKeySlots } from "../../lib/base/session_keys.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES, type Times } from "../../lib/base/times.ts";
import type { Suite } from "../../lib/crypto/suite.ts";
import { type AllCounts, sumOfCounts } from "../../lib/base/counter_block.ts";
import type { Dataplane } from "../../lib/data/dataplane.ts";
import { type Session, SessionTable } from "../../lib/data/sessions.ts";
import {
  PORT_DRAINED,
  SEND_OK,
  SEND_SOURCE_LOST,
  type SendResult,
  type UdpPort,
} from "../../lib/data/ports.ts";
import { Device } from "../../lib/device/device.ts";
import { choosePacketCipher, chooseSuite } from "../../lib/runtime/crypto.ts";
import { MemoryTun } from "../../lib/embed/memory_tun.ts";
import { Chance, filler } from "../random.ts";
import { countsOf, nodeArenaBytes, planesOf, WORKERS } from "../data/worker_forms.ts";

/** The properties of the network: probabilities from 0 to 1, delays in ms. */
export interface Faults {
  readonly loss: number;
  readonly repeat: number;
  readonly damage: number;
  /** Datagrams that arrive without their end. */
  readonly cut: number;
  readonly delayMin: number;
  readonly delayMax: number;
}

/** A network without faults. */
export const CALM: Faults = { loss: 0, repeat: 0, damage: 0, cut: 0, delayMin: 5, delayMax: 6 };
/** A network with faults. */
export const ROUGH: Faults = {
  loss: 0.1,
  repeat: 0.05,
  damage: 0.01,
  cut: 0,
  delayMin: 1,
  delayMax: 80,
};

/** Is told what happens in a world. It may throw, and changes nothing. */
export interface Witness {
  /** A datagram leaves a node. */
  readonly sent?: (node: Node, bytes: Uint8Array, to: Endpoint) => void;
  /** A datagram arrives at a node, whole or not. */
  readonly arrived?: (node: Node, bytes: Uint8Array) => void;
  /** A device gave a command; its data planes have not heard of it. */
  readonly commanded?: (node: Node, command: DataCommand) => void;
  /** A data plane of a node has applied a command. */
  readonly applied?: (node: Node, plane: Dataplane, command: DataCommand) => void;
  /** A node has lost all that it knew and has begun anew, without key and peers. */
  readonly restarted?: (node: Node) => void;
}

/** Handshake messages that the control plane of a node handles per millisecond. */
const HANDSHAKES_PER_MS = 4;

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** The time, the random values and the network. */
export class World {
  now: Milliseconds = milliseconds(1_000_000);
  faults: Faults = CALM;
  readonly random: () => number;
  readonly fill: (into: Uint8Array) => void;
  readonly nodes: Node[] = [];
  readonly witnesses: Witness[] = [];
  /** Whether the network has a way from one node to another now. */
  hasWay: (from: Node | undefined, to: Node) => boolean = () => true;
  readonly suite: Suite = chooseSuite();
  /** A binary heap of actions, by time and then by order. */
  readonly #agenda: Happening[] = [];
  #order = 0;
  #delivered = 0;

  /** @param times shorter intervals show that no constant is used in their place */
  constructor(readonly seed: number, readonly times: Times = STANDARD_TIMES) {
    const chance = Chance.of(seed);
    this.random = () => chance.fraction();
    this.fill = filler(chance);
  }

  /** The number of datagrams that arrived at a node. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Runs an action later. */
  after(ms: number, act: () => void): void {
    const happening = { at: this.now + ms, order: this.#order++, act };
    const agenda = this.#agenda;
    let place = agenda.push(happening) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(happening, agenda[parent])) break;
      agenda[place] = agenda[parent];
      place = parent;
    }
    agenda[place] = happening;
  }

  /** Runs an action repeatedly, every `ms` on average. */
  every(ms: number, act: () => void): void {
    this.after(ms * (0.5 + this.random()), () => {
      act();
      this.every(ms, act);
    });
  }

  /** A datagram leaves a node. */
  send(node: Node, bytes: Uint8Array, to: Endpoint): void {
    for (const witness of this.witnesses) witness.sent?.(node, bytes, to);
    this.carry(bytes, node.endpoint, to, node);
  }

  /** The network carries a datagram, as far as it does; a stranger's has no sender. */
  carry(bytes: Uint8Array, from: Endpoint, to: Endpoint, sender?: Node): void {
    const { loss, repeat, damage, cut, delayMin, delayMax } = this.faults;
    const copies = this.random() < loss ? 0 : this.random() < repeat ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const copy = bytes.slice();
      if (this.random() < damage) {
        copy[Math.floor(this.random() * copy.length)] ^= 1 << Math.floor(this.random() * 8);
      }
      const length = cut > 0 && this.random() < cut
        ? Math.floor(this.random() * copy.length)
        : copy.length;
      this.after(delayMin + this.random() * (delayMax - delayMin), () => {
        const node = this.nodes.find((node) => sameEndpoint(node.endpoint, to));
        if (node === undefined || !this.hasWay(sender, node)) return;
        this.#delivered++;
        node.arrive(copy.subarray(0, length), from);
      });
    }
  }

  /** Advances the time by `ms`. */
  run(ms: number): void {
    const end = this.now + ms;
    for (const node of this.nodes) node.step();
    while (true) {
      let next = this.#agenda.length === 0 ? Infinity : this.#agenda[0].at;
      for (const node of this.nodes) next = Math.min(next, node.nextDeadline());
      if (next > end) break;
      this.now = milliseconds(Math.max(this.now, Math.ceil(next)));
      while (this.#agenda.length > 0 && this.#agenda[0].at <= this.now) this.#pop().act();
      for (const node of this.nodes) node.step();
    }
    this.now = milliseconds(end);
  }

  #pop(): Happening {
    const agenda = this.#agenda;
    const first = agenda[0];
    const last = agenda.pop() as Happening;
    if (agenda.length === 0) return first;
    let place = 0;
    while (true) {
      let child = place * 2 + 1;
      if (child >= agenda.length) break;
      if (child + 1 < agenda.length && isBefore(agenda[child + 1], agenda[child])) child++;
      if (!isBefore(agenda[child], last)) break;
      agenda[place] = agenda[child];
      place = child;
    }
    agenda[place] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}

/** The UDP sockets of a node, without offloads. */
class SimUdp implements UdpPort {
  readonly gso = false;
  readonly gro = false;
  readonly segmentsMax = 1;
  readonly bytesMax = 65_507;
  segmentSize = 0;
  readonly ecn = 0;
  readonly sourceAt: number;
  readonly arrived: {
    readonly bytes: Uint8Array;
    readonly source: Endpoint;
    readonly local: LocalAddress;
  }[] = [];
  #at = 0;
  #length = 0;

  constructor(readonly node: Node, readonly arena: Arena) {
    this.sourceAt = arena.allocate(ENDPOINT_CELL_BYTES);
  }

  receive(at: number): number {
    const datagram = this.arrived.shift();
    if (datagram === undefined) return PORT_DRAINED;
    this.arena.bytes.set(datagram.bytes, at);
    writeEndpointCell(this.arena.bytes, this.sourceAt, datagram.source, datagram.local);
    this.segmentSize = datagram.bytes.length;
    return datagram.bytes.length;
  }

  gather(_index: number, at: number, length: number): void {
    this.#at = at;
    this.#length = length;
  }

  send(_count: number, _segmentSize: number, cellAt: number): SendResult {
    const to = readEndpointCell(this.arena.bytes, cellAt);
    if (to === undefined) throw new Error("sent to nowhere");
    const local = readLocalCell(this.arena.bytes, cellAt);
    this.node.world.send(
      this.node,
      this.arena.bytes.slice(this.#at, this.#at + this.#length),
      to,
    );
    return local === undefined || sameBytes(local.address, this.node.endpoint.address)
      ? SEND_OK
      : SEND_SOURCE_LOST;
  }
}

/** Slots that remember what was last put into each. */
class KnownKeys extends SessionKeySlots {
  readonly last = new Map<number, { sendKey: Uint8Array; receiveKey: Uint8Array }>();

  override put(sendKey: Uint8Array, receiveKey: Uint8Array): number {
    const slot = super.put(sendKey, receiveKey);
    this.last.set(slot, { sendKey: sendKey.slice(), receiveKey: receiveKey.slice() });
    return slot;
  }
}

/** A handshake memory that reports more waiting messages than there are. */
class BusyMemory extends HandshakeMemory {
  readonly #more: () => number;
  readonly slots = new SharedArrayBuffer(SESSION_KEYS_AREA_BYTES);
  override readonly sessionKeys: KnownKeys;

  constructor(more: () => number, senders: number) {
    super();
    this.#more = more;
    this.sessionKeys = new KnownKeys(this.slots, 0, senders);
  }
  override get waiting(): number {
    return super.waiting + this.#more();
  }
}

/** The arena that has the keys of a session. */
export const ARENA_OF = new WeakMap<Session, Arena>();

/** The data plane that is applying a command. */
let applying: { readonly node: Node; readonly plane: Dataplane } | undefined;

/** Notes the sessions that data planes install, whose counters and keys a simulation looks at. */
const install = SessionTable.prototype.install;
SessionTable.prototype.install = function (this: SessionTable, ...args) {
  const session = install.apply(this, args);
  if (session !== null && applying !== undefined) {
    applying.node.installed.push({ plane: applying.plane, session });
    ARENA_OF.set(session, applying.node.arena);
  }
  return session;
};

/** A session in a data plane of a node. */
export interface InstalledSession {
  readonly plane: Dataplane;
  readonly session: Session;
}

/** Makes the packet cipher of a node; a planted fault is put in here. */
export const NODE_CIPHER = { make: choosePacketCipher };

/** An interface: control plane, data plane, TUN device, UDP sockets and endpoint. */
export class Node {
  table!: PeerTable;
  device!: Device;
  planes!: readonly Dataplane[];
  tun!: MemoryTun;
  arena!: Arena;
  /** The sessions that the data planes have installed since the start. */
  installed: InstalledSession[] = [];
  readonly log: string[] = [];
  /** A number that is added to the handshake messages that wait. */
  pretendWaiting = 0;
  wallOffsetNs = 1_700_000_000_000_000_000n;
  handshakesSent = 0;
  /** Until then the machine sleeps: datagrams to it are lost, and nothing in it happens. */
  asleepUntil = 0;
  #udp!: SimUdp;
  #handshakes!: BusyMemory;
  /** The keys that were last put into each slot. */
  get keysOfSlots(): ReadonlyMap<number, { sendKey: Uint8Array; receiveKey: Uint8Array }> {
    return this.#handshakes.sessionKeys.last;
  }
  /** Whether no session key is on its way to a data plane, or was left there. */
  get slotsAreEmpty(): boolean {
    return new BigUint64Array(this.#handshakes.slots).every((word) => word === 0n);
  }
  #commandsUntil: number[] = [];
  #eventsUntil = 0;
  /** The number of starts: what was to happen before a restart does not. */
  #starts = 0;
  #wallMaxNs = 0n;
  /** Whether the control plane goes on with handshake messages in a moment. */
  #busy = false;

  constructor(
    readonly world: World,
    public endpoint: Endpoint,
    readonly deliver: (packet: Uint8Array) => void,
    readonly workers: number = WORKERS,
  ) {
    this.#start();
    world.nodes.push(this);
  }

  /**
   * Ends and starts again: sessions, peers, keys, counters and waiting packets are lost, and the
   * last timestamp too. If the wall clock is behind what it was, peers refuse initiations of the
   * node until the clock has passed the greatest timestamp that they know.
   */
  restart(): void {
    this.#start();
    for (const witness of this.world.witnesses) witness.restarted?.(this);
  }

  /** Sets the wall clock of a node that has restarted to the latest that it has had. */
  correctClock(): void {
    if (this.#starts > 1 && this.#wallMaxNs > this.wallOffsetNs) {
      this.wallOffsetNs = this.#wallMaxNs;
    }
  }

  #start(): void {
    const { world, workers } = this;
    const forms = dataPlanesOf(workers);
    this.#starts++;
    this.#busy = false;
    this.#eventsUntil = 0;
    this.installed = [];
    this.#handshakes = new BusyMemory(() => this.pretendWaiting, forms.senders);
    this.table = new PeerTable(undefined, forms);
    const arena = this.arena = new Arena(nodeArenaBytes(workers));
    this.tun = new MemoryTun(arena, this.deliver);
    this.#udp = new SimUdp(this, arena);
    this.planes = planesOf(
      {
        arena,
        cipher: NODE_CIPHER.make(arena),
        suite: world.suite,
        table: this.table,
        tun: this.tun,
        udp: this.#udp,
        times: world.times,
        handshakes: this.#handshakes,
        emit: (event) => {
          this.#eventsUntil = Math.max(this.#eventsUntil, world.now + world.random() * 2);
          this.#after(this.#eventsUntil - world.now, () => {
            this.device.handle(event, world.now);
            if (event.type === "handshakes-waiting" && !this.#busy) this.#takeHandshakes();
          });
        },
      },
      workers,
      "in turn",
    );
    this.#commandsUntil = this.planes.map(() => 0);
    this.device = new Device({
      suite: world.suite,
      times: world.times,
      random: world.fill,
      wallClock: () => {
        if (this.wallOffsetNs > this.#wallMaxNs) this.#wallMaxNs = this.wallOffsetNs;
        return this.wallOffsetNs + BigInt(Math.floor(world.now)) * 1_000_000n;
      },
      table: this.table,
      handshakes: this.#handshakes,
      planes: forms,
    });
  }

  /** The data planes that send. */
  get senders(): readonly Dataplane[] {
    return this.planes.slice(-dataPlanesOf(this.workers).senders);
  }

  /** The data plane that receives the messages of a session. */
  receiverOf(localIndex: number): Dataplane {
    return this.planes[(localIndex >>> 24) % dataPlanesOf(this.workers).receivers];
  }

  /** The sums of the counters of all planes. */
  counts(): AllCounts {
    return sumOfCounts([countsOf(this.planes), this.device.counters.counts()]);
  }

  /**
   * As a control plane that has other things to do: some at a time, then the next ones a while
   * later.
   */
  #takeHandshakes(): void {
    this.#busy = false;
    this.#handshakes.heard();
    for (let i = 0; i < HANDSHAKES_PER_MS; i++) {
      const message = this.#handshakes.take();
      if (message === undefined) return;
      this.device.receive(message, this.world.now);
    }
    this.#busy = true;
    this.#after(1, () => this.#takeHandshakes());
  }

  /** When there is something to do for the device; Infinity when never. */
  nextDeadline(): number {
    return Math.max(this.device.nextDeadline() ?? Infinity, this.asleepUntil);
  }

  /** Does something later, and not while the machine sleeps or after a restart. */
  #after(ms: number, act: () => void): void {
    const { world } = this;
    const starts = this.#starts;
    world.after(ms, () => {
      if (starts !== this.#starts) return;
      if (world.now < this.asleepUntil) this.#after(this.asleepUntil - world.now, act);
      else act();
    });
  }

  /** Receives a datagram. */
  arrive(bytes: Uint8Array, source: Endpoint): void {
    // Ports pass over empty datagrams.
    if (this.world.now < this.asleepUntil || bytes.length === 0) return;
    for (const witness of this.world.witnesses) witness.arrived?.(this, bytes);
    this.#udp.arrived.push({
      bytes,
      source,
      local: { address: this.endpoint.address, interfaceIndex: 2 },
    });
  }

  /** Runs due timers, carries out outputs, and moves packets. */
  step(): void {
    const { world } = this;
    if (world.now < this.asleepUntil) return;
    this.device.tick(world.now);
    const { commands, datagrams, log } = this.device.takeOutputs();
    this.log.push(...log);
    for (const command of commands) {
      for (const witness of world.witnesses) witness.commanded?.(this, command);
      for (const [i, plane] of this.planes.entries()) {
        const until = this.#commandsUntil[i] = Math.max(
          this.#commandsUntil[i],
          world.now + world.random(),
        );
        this.#after(until - world.now, () => {
          applying = { node: this, plane };
          plane.apply(command, world.now);
          applying = undefined;
          for (const witness of world.witnesses) witness.applied?.(this, plane, command);
        });
      }
    }
    this.handshakesSent += datagrams.length;
    for (const datagram of datagrams) {
      world.send(this, datagram.bytes, datagram.endpoint);
      this.device.sent(datagram, world.now);
    }
    for (let turns = 0; this.planes.map((plane) => plane.turn(world.now)).includes(true); turns++) {
      if (turns > 10_000) throw new Error(`seed ${world.seed}: the data plane never rests`);
    }
  }
}
