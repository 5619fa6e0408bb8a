/**
 * Plays the scenario of a seed under the eyes of all checks: faults, then calm, in which every pair
 * must talk again, then silence, in which every key must go and all bytes must add up.
 * @module
 */
import assert from "node:assert/strict";
import { SHARED_COUNTER_END } from "../../lib/data/sessions.ts";
import { sessionIndex } from "../../lib/base/brands.ts";
import {
  DATA_LENGTH_MIN,
  MAC_LENGTH,
  MESSAGE_DATA,
  MESSAGE_INITIATION,
  TAG_LENGTH,
} from "../../lib/base/constants.ts";
import { type Endpoint, sameEndpoint } from "../../lib/base/endpoint.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { DATA, messageKind, writeIndex } from "../../lib/wire/messages.ts";
import { Deliveries } from "./checks/deliveries.ts";
import { Ledger } from "./checks/ledger.ts";
import { RangeBook } from "./checks/range_book.ts";
import { SessionBook } from "./checks/session_book.ts";
import { Mesh } from "./mesh.ts";
import { type Deed, type Scenario, scenarioOf } from "./scenario.ts";
import { endpoint } from "./traffic.ts";
import { CALM, type Node, World } from "./world.ts";

const {
  keepaliveTimeout,
  rejectAfter,
  rekeyAttempt,
  rekeyTimeout,
  rekeyTimeoutJitter,
  zeroKeysAfter,
} = STANDARD_TIMES;
/**
 * How long two nodes may take to talk again: until a sender sees that nothing comes back, until it
 * may send another initiation, and a second for the way.
 */
const RECONNECT_MS = keepaliveTimeout + 2 * (rekeyTimeout + rekeyTimeoutJitter) + 1_000;
/** The longest delay of a datagram, and a second. */
const UNDER_WAY_MS = 6_100;
const PING_EVERY_MS = 500;
/** Datagrams that are kept to be sent again. */
const RECORDED_MAX = 200;
/** Handshake messages that seem to wait: more than makes a device ask for cookies. */
const LOAD = 600;
/** Packets with a source that is not allowed, in one deed, or with addresses that move. */
const UNALLOWED = 20;
/** Copies of an initiation with a cookie: more than a source may send in a second. */
const INSISTED = 40;
/** Messages that a session may send until its counter is at a limit. */
const BEFORE_LIMIT = 8;
/** Of so many new sessions one gets a message when its time is over. */
const LATE_EVERY = 4;

/** Of the FNV-1a hash of 32 bits. */
const FNV_PRIME = 0x0100_0193;

/** A datagram on the wire. */
interface Recorded {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** What a simulation saw. */
export interface Summary {
  readonly sent: number;
  readonly arrived: number;
  /** Follows from all datagrams and their order: the same for the same seed. */
  readonly trace: number;
  /** What was counted at any node. */
  readonly counted: ReadonlySet<string>;
}

/**
 * Simulates a seed.
 * @throws AssertionError when something that must hold does not
 */
export function simulate(seed: number): Summary {
  return new Simulation(scenarioOf(seed)).run();
}

/** How many messages before its end a shared counter is set. */
const ADVANCED_TO_END = 50;

/**
 * Sets the counters of the sessions of a node that are behind. Those that several data planes count
 * end at SHARED_COUNTER_END.
 */
function advance(node: Node, counter: bigint): void {
  const [sending] = node.senders;
  for (const { plane, session } of node.installed) {
    if (session.shared !== null) {
      const [isNear, least] = [counter >> 32n !== 0n, SHARED_COUNTER_END - ADVANCED_TO_END];
      if (isNear && session.shared[0] < least) session.shared[0] = least;
      continue;
    }
    const now = BigInt(session.sendHigh) << 32n | BigInt(session.sendLow);
    if (plane !== sending || now >= counter) continue;
    session.sendLow = Number(counter & 0xffff_ffffn);
    session.sendHigh = Number(counter >> 32n);
  }
}

/** One scenario being played. */
class Simulation {
  readonly #world: World;
  readonly #mesh: Mesh;
  readonly #book: SessionBook;
  readonly #deliveries: Deliveries;
  readonly #ledger: Ledger;
  /** The last datagrams on the wire, and the last initiation to node 0. */
  readonly #recorded: Recorded[] = [];
  #initiation: Recorded | undefined;
  /** What stands between nodes; -1 is a stranger. */
  readonly #cuts = new Set<(from: number, to: number) => boolean>();
  #trace = 0;
  #silences = 0;
  #disturbed = true;
  /** The endpoints whose initiations with a cookie are repeated. */
  readonly #insisting = new Set<Node>();

  constructor(readonly scenario: Scenario) {
    const world = this.#world = new World(scenario.seed);
    const ranges = new RangeBook(world);
    const deliveries = this.#deliveries = new Deliveries(world, () => this.#book, ranges);
    this.#book = new SessionBook(world, (message) => deliveries.sealed(message));
    this.#ledger = new Ledger(this.#book, deliveries);
    world.witnesses.push(ranges, this.#book, this.#ledger, {
      sent: (node, bytes, to) => {
        this.#record({ bytes, from: node.endpoint, to });
        if (this.#insisting.has(node)) this.#insist(node, bytes, to);
      },
      restarted: (node) => deliveries.restarted(node),
      commanded: (node, command) => {
        if (command.type === "session-install" && command.localIndex % LATE_EVERY === 0) {
          this.#late(node, command);
        }
      },
    });
    const mesh = this.#mesh = new Mesh(world, scenario.forms, deliveries);
    world.hasWay = (from, to) => {
      const sender = from === undefined ? -1 : mesh.nodes.indexOf(from);
      const receiver = mesh.nodes.indexOf(to);
      for (const isCut of this.#cuts) if (isCut(sender, receiver)) return false;
      return true;
    };
  }

  run(): Summary {
    const world = this.#world;
    const { faults, disturbedMs } = this.scenario;
    for (const { at, until, deed } of faults) {
      world.after(at, () => {
        const undo = this.#begin(deed, until - at);
        world.after(until - at, undo);
      });
    }
    for (const [i] of this.#mesh.nodes.entries()) {
      for (const j of this.#mesh.others(i)) this.#flow(i, j);
    }
    world.run(disturbedMs + 1);
    this.#disturbed = false;
    // What is under way may come from addresses of before.
    world.run(UNDER_WAY_MS);
    this.#calm();
    this.#assertConnected(RECONNECT_MS);
    this.#assertConnected(rekeyTimeout);
    world.run(rekeyAttempt + rejectAfter);
    this.#book.assertAllRetired();
    world.run(zeroKeysAfter);
    for (const node of this.#mesh.nodes) {
      assert.equal(node.device.nextDeadline(), undefined, "a timer is pending when all is quiet");
      this.#ledger.assertBalanced(node);
      assert.ok(node.slotsAreEmpty, "a session key is still on its way to the data plane");
    }
    const { next: sent, arrived } = this.#deliveries;
    const counted = new Set(
      this.#mesh.nodes.flatMap((node) =>
        Object.entries(node.counts()).filter(([, count]) => count > 0).map(([name]) => name)
      ),
    );
    return { sent, arrived, trace: this.#trace, counted };
  }

  /** Packets from one node to another while the faults last. */
  #flow(i: number, j: number): void {
    const { packetEveryMs } = this.scenario;
    this.#world.after(packetEveryMs * 2 * this.#world.random(), () => {
      if (!this.#disturbed) return;
      if (this.#silences === 0 && this.#isAwake(i)) this.#mesh.packet(i, j);
      this.#flow(i, j);
    });
  }

  /** Does a deed that lasts so many ms. Returns what ends it. */
  #begin(deed: Deed, lasts: number): () => void {
    const world = this.#world;
    const mesh = this.#mesh;
    const { nodes } = mesh;
    switch (deed.kind) {
      case "network":
        world.faults = deed.faults;
        return () => world.faults = CALM;
      case "partition":
        return this.#cut((from, to) => deed.side.includes(from) !== deed.side.includes(to));
      case "one-way":
        return this.#cut((from, to) => from === deed.from && to === deed.to);
      case "roam":
        nodes[deed.node].endpoint = endpoint(deed.address);
        return () => {};
      case "rebind":
        nodes[deed.node].endpoint = { ...nodes[deed.node].endpoint, port: deed.port };
        return () => {};
      case "suspend":
        nodes[deed.node].asleepUntil = Math.max(nodes[deed.node].asleepUntil, world.now + lasts);
        return () => {};
      case "clock":
        nodes[deed.node].wallOffsetNs += BigInt(Math.floor(deed.seconds)) * 1_000_000_000n;
        return () => {};
      case "link-down":
        mesh.link(deed.node, false);
        return () => mesh.link(deed.node, true, deed.mtu);
      case "remove":
        mesh.remove(deed.node, deed.peer);
        return () => mesh.inform(deed.node);
      case "disable":
        if (deed.byDate) mesh.expireIn(deed.node, deed.peer, lasts / 2);
        else mesh.disable(deed.node, deed.peer);
        return () => mesh.enable(deed.node, deed.peer);
      case "rekey":
        mesh.rekey(deed.node);
        return () => mesh.others(deed.node).forEach((i) => mesh.inform(i));
      case "preshared":
        mesh.changePreshared(deed.node, deed.peer);
        mesh.inform(deed.node);
        return () => mesh.inform(deed.peer);
      case "keepalive":
        mesh.keepAlive(deed.node, deed.peer, deed.seconds);
        return () => mesh.keepAlive(deed.node, deed.peer, 0);
      case "load":
        nodes[deed.node].pretendWaiting = LOAD;
        return () => nodes[deed.node].pretendWaiting = 0;
      case "flood":
        this.#flood(deed.copies, deed.spoofed);
        return () => {};
      case "replay":
        for (let i = 0; i < deed.copies && this.#recorded.length > 0; i++) {
          const { bytes, from, to } =
            this.#recorded[Math.floor(world.random() * this.#recorded.length)];
          world.carry(bytes, from, to);
        }
        return () => {};
      case "unallowed":
        for (let i = 0; i < UNALLOWED; i++) {
          world.after(lasts * world.random(), () => {
            if (this.#isAwake(deed.node)) mesh.unallowed(deed.node, deed.peer);
          });
        }
        return () => {};
      case "insist":
        nodes[deed.node].pretendWaiting = LOAD;
        this.#insisting.add(nodes[deed.peer]);
        mesh.link(deed.peer, false);
        mesh.link(deed.peer, true);
        return () => {
          nodes[deed.node].pretendWaiting = 0;
          this.#insisting.delete(nodes[deed.peer]);
        };
      case "counters":
        advance(nodes[deed.node], deed.before - BigInt(BEFORE_LIMIT));
        return () => {};
      case "move-range":
        mesh.moveRange(deed.node, deed.peer);
        for (const [i, peer] of mesh.others(deed.node).entries()) {
          world.after(lasts * (i + 1) / nodes.length, () => mesh.moveRange(deed.node, peer));
        }
        for (let i = 0; i < UNALLOWED; i++) {
          world.after(lasts * world.random(), () => {
            if (this.#isAwake(deed.node)) mesh.packetOfRange(deed.node);
          });
        }
        return () => {};
      case "restart":
        mesh.restart(deed.node);
        return () => {};
      case "silence":
        this.#silences++;
        return () => this.#silences--;
    }
  }

  #cut(isCut: (from: number, to: number) => boolean): () => void {
    this.#cuts.add(isCut);
    return () => this.#cuts.delete(isCut);
  }

  #record(datagram: Recorded): void {
    for (const byte of datagram.bytes.subarray(-TAG_LENGTH)) {
      this.#trace = Math.imul(this.#trace ^ byte, FNV_PRIME) >>> 0;
    }
    if (messageKind(datagram.bytes) === MESSAGE_INITIATION) {
      if (sameEndpoint(datagram.to, this.#mesh.nodes[0].endpoint)) this.#initiation = datagram;
    }
    if (this.#recorded.push(datagram) > RECORDED_MAX) this.#recorded.shift();
  }

  /** Repeats an initiation that has a cookie. */
  #insist(node: Node, bytes: Uint8Array, to: Endpoint): void {
    const hasCookie = messageKind(bytes) === MESSAGE_INITIATION &&
      bytes.subarray(-MAC_LENGTH).some((byte) => byte !== 0);
    if (!hasCookie) return;
    for (let i = 0; i < INSISTED; i++) this.#world.carry(bytes, node.endpoint, to, node);
  }

  /** A message to a session comes in the moment in which its time is over. */
  #late(node: Node, { localIndex, createdAt }: { localIndex: number; createdAt: number }): void {
    const message = new Uint8Array(DATA_LENGTH_MIN);
    message[0] = MESSAGE_DATA;
    writeIndex(message, DATA.receiver, sessionIndex(localIndex));
    this.#world.after(createdAt + rejectAfter - this.#world.now, () => {
      if (this.#disturbed) node.arrive(message, node.endpoint);
    });
  }

  #flood(copies: number, spoofed: boolean): void {
    if (this.#initiation === undefined) return;
    const { bytes, from, to } = this.#initiation;
    for (let i = 0; i < copies; i++) {
      this.#world.carry(bytes, spoofed ? { ...from, port: 1_024 + i } : from, to);
    }
  }

  /**
   * Everything as it shall be. Only of two that may both have moved is somebody told where they
   * are.
   */
  #calm(): void {
    const world = this.#world;
    const mesh = this.#mesh;
    world.faults = CALM;
    this.#cuts.clear();
    for (const [i, node] of mesh.nodes.entries()) {
      node.pretendWaiting = 0;
      node.correctClock();
      mesh.link(i, true);
      mesh.inform(i);
      for (const j of mesh.others(i)) {
        mesh.keepAlive(i, j, 0);
        mesh.enable(i, j);
        if (i > 0 && j > 0) mesh.locate(i, j);
      }
    }
  }

  /**
   * Fails when a packet from any node to any other does not come out within `patience` ms from now.
   */
  #assertConnected(patience: number): void {
    const world = this.#world;
    const mesh = this.#mesh;
    const waiting = mesh.nodes.flatMap((_, i) =>
      mesh.others(i).map((j) => ({ i, j, numbers: [] as number[] }))
    );
    const end = world.now + patience;
    for (let left = waiting; left.length > 0; world.run(PING_EVERY_MS)) {
      left = left.filter(({ numbers }) =>
        numbers.every((number) => this.#deliveries.arrivedAt(number) === undefined)
      );
      if (left.length === 0) return;
      const { i, j } = left[0];
      assert.ok(
        world.now < end,
        `node ${i} cannot talk to node ${j} after ${patience} ms of calm: ${
          JSON.stringify([mesh.nodes[i].log.slice(-5), mesh.nodes[j].log.slice(-5)])
        }`,
      );
      for (const { i, j, numbers } of left) numbers.push(mesh.packet(i, j));
    }
  }

  #isAwake(i: number): boolean {
    return this.#mesh.nodes[i].asleepUntil <= this.#world.now;
  }
}
