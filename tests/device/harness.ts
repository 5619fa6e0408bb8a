/**
 * * A device in virtual time with seeded random bytes. The test acts as the data plane.
 * @module
 */
import assert from "node:assert/strict";
import {
  type Milliseconds,
  milliseconds,
  peerSlot,
  type PrivateKey,
  type PublicKey,
} from "../../lib/base/brands.ts";
import type { PeerChange } from "../../lib/base/config.ts";
import type { Counts } from "../../lib/base/counters.ts";
import { type Endpoint, writeEndpointCell } from "../../lib/base/endpoint.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { DataCommand, DataEvent } from "../../lib/base/messages.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES, type Times } from "../../lib/base/times.ts";
import { CookieChecker } from "../../lib/cookie/cookie_checker.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { Suite } from "../../lib/crypto/suite.ts";
import {
  Device,
  type DeviceEvent,
  type OutgoingDatagram,
  type Verdict,
} from "../../lib/device/device.ts";
import { Chance, filler } from "../random.ts";

/** A private key made from a seed, 32 bytes. */
export function keyOf(seed: number): PrivateKey {
  const key = new Uint8Array(32);
  filler(Chance.of(seed))(key);
  return key as PrivateKey;
}

/** The public key of `keyOf`. */
export function publicOf(seed: number): PublicKey {
  return nobleSuite.publicKey(keyOf(seed)) as PublicKey;
}

/** An endpoint on 10.0.0.0/8. */
export function endpointOf(host: number, port = 51820): Endpoint {
  return { address: Uint8Array.of(10, 0, host >> 8, host & 255), port, scope: 0 };
}

type Install = Extract<DataCommand, { type: "session-install" }>;
/** A command; a session has its keys with it. */
type BenchCommand =
  | Exclude<DataCommand, Install>
  | Install & { readonly sendKey: Uint8Array; readonly receiveKey: Uint8Array };

/** A device, its clock and all its outputs. */
export class Bench {
  readonly table = new PeerTable();
  readonly device: Device;
  now: Milliseconds = milliseconds(1_000_000);
  wallNs = 1_700_000_000_000_000_000n;
  readonly handshakes = new HandshakeMemory();
  /** The counter of the last message received. */
  lastVerdict: Verdict | undefined;
  readonly commands: BenchCommand[] = [];
  readonly datagrams: OutgoingDatagram[] = [];
  readonly log: string[] = [];
  /** Hosts to look up. */
  readonly lookUps: string[] = [];
  readonly events: DeviceEvent[] = [];
  /** Messages that are logged without `debug` too. */
  readonly told: string[] = [];
  /** The arrays that the device has filled with random bytes. */
  readonly drawn: Uint8Array[] = [];

  constructor(readonly seed: number, times: Times = STANDARD_TIMES, suite: Suite = nobleSuite) {
    const fill = filler(Chance.of(seed * 7919));
    this.device = new Device({
      suite,
      random: (into) => {
        this.drawn.push(into);
        fill(into);
      },
      wallClock: () => this.wallNs,
      table: this.table,
      handshakes: this.handshakes,
      times,
    });
  }

  /** Makes a device that is up, with the key of the seed and debug messages. */
  start(peers: readonly PeerChange[] = []): this {
    this.device.configure({ privateKey: keyOf(this.seed), debug: true, peers }, this.now);
    this.device.link(true, 1420, this.now);
    return this.collect();
  }

  /** Collects the outputs. Updates the table for new sessions, as the data plane does. */
  collect(): this {
    const { commands, datagrams, log, faults, notes, lookUps, events } = this.device.takeOutputs();
    for (const command of commands) {
      if (command.type !== "session-install") {
        this.commands.push(command);
        continue;
      }
      this.table.handshakeSent(command.peer);
      this.table.handshakeReceived(command.peer);
      const sendKey = new Uint8Array(32), receiveKey = new Uint8Array(32);
      this.handshakes.sessionKeys.takeSendKey(command.keySlot, sendKey, 0);
      this.handshakes.sessionKeys.takeReceiveKey(command.keySlot, receiveKey, 0);
      this.commands.push({ ...command, sendKey, receiveKey });
    }
    this.datagrams.push(...datagrams);
    for (const datagram of datagrams) this.device.sent(datagram, this.now);
    this.log.push(...log);
    this.told.push(...faults, ...notes);
    this.lookUps.push(...lookUps);
    this.events.push(...events);
    return this;
  }

  /** Clears the collected outputs. */
  clear(): this {
    this.commands.length = this.datagrams.length = this.log.length = 0;
    this.lookUps.length = this.told.length = this.events.length = 0;
    return this;
  }

  handle(event: DataEvent): this {
    this.device.handle(event, this.now);
    return this.collect();
  }

  /** Reports that the data plane wants a handshake. */
  want(slot = 0): boolean {
    if (!this.table.wantHandshake(peerSlot(slot))) return false;
    this.handle({ type: "handshake-wanted", peer: peerSlot(slot) });
    return true;
  }

  /** Receives a datagram. Asserts that it is counted once. */
  receive(datagram: Uint8Array, source: Endpoint): this {
    const before = this.device.counters.counts();
    const verdict = this.lastVerdict = this.device.receive(
      { datagram, source, local: undefined },
      this.now,
    );
    this.collect();
    assert.equal(this.device.counters.counts()[verdict], before[verdict] + 1, verdict);
    return this;
  }

  /** The cookie reply that the data plane sends to a message under load. */
  cookieReply(message: Uint8Array, source: Endpoint): Uint8Array {
    this.handle({ type: "handshakes-waiting" });
    const checker = new CookieChecker(
      nobleSuite,
      this.handshakes.keys,
      STANDARD_TIMES.cookieSecret,
    );
    assert.ok(checker.hasKeys && checker.hasSecret(this.now));
    const bytes = new Uint8Array(512);
    bytes.set(message, 64);
    writeEndpointCell(bytes, 0, source, undefined);
    checker.reply(bytes, 64, message.length, 0, 256);
    return bytes.slice(256, 320);
  }

  /** The counters of a peer. */
  peerCounts(slot = 0): Counts {
    return this.table.counters.counts(peerSlot(slot));
  }

  /** Reports that the data plane sent a data message or a keepalive. */
  sent(data: boolean, slot = 0): void {
    if (this.table.sent(peerSlot(slot), data ? 128 : 32, data, this.now)) {
      this.handle({ type: "peer-active", peer: peerSlot(slot) });
    }
  }

  /** Reports that the data plane received a data message or a keepalive. */
  received(data: boolean, slot = 0): void {
    if (this.table.received(peerSlot(slot), data ? 128 : 32, data, this.now)) {
      this.handle({ type: "peer-active", peer: peerSlot(slot) });
    }
  }

  /** Advances the time, and calls `tick` at each deadline. Returns the number of calls. */
  pass(ms: number): number {
    const end = this.now + ms;
    let ticks = 0;
    while (true) {
      const next = this.device.nextDeadline();
      if (next === undefined || next > end) break;
      const before = this.now;
      this.now = milliseconds(Math.max(this.now, next));
      this.wallNs += BigInt(Math.round((this.now - before) * 1e6));
      this.device.tick(this.now);
      this.collect();
      if (++ticks > 100_000) throw new Error("the timers never end");
    }
    this.wallNs += BigInt(Math.round((end - this.now) * 1e6));
    this.now = milliseconds(end);
    return ticks;
  }

  /** The commands of one type. */
  of<T extends DataCommand["type"]>(type: T): Extract<BenchCommand, { type: T }>[] {
    return this.commands.filter((command): command is Extract<BenchCommand, { type: T }> =>
      command.type === type
    );
  }
}

/** Two benches that are peers of each other, with endpoints 1 and 2. */
export function pair(times: Times = STANDARD_TIMES): { a: Bench; b: Bench } {
  const a = new Bench(1, times).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }])
    .clear();
  const b = new Bench(2, times).start([{ publicKey: publicOf(1) }]).clear();
  return { a, b };
}

/** Runs and confirms a handshake from `a` to `b`. Returns the session-install commands of both. */
export function shake(a: Bench, b: Bench) {
  a.clear();
  b.clear();
  a.want();
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
  a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
  const [initiator] = a.of("session-install");
  const [responder] = b.of("session-install");
  b.handle({ type: "session-confirmed", peer: responder.peer, localIndex: responder.localIndex });
  return { initiator, responder };
}
