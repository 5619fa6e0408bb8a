/**
 * The messages of the handshake, through the data plane and the device: gate, ring, Noise, cookies.
 * @module
 */
import assert from "node:assert/strict";
import { type Milliseconds, milliseconds, sessionIndex } from "../../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  MAC_LENGTH,
  UNDER_LOAD_QUEUE,
} from "../../../lib/base/constants.ts";
import type { CounterName } from "../../../lib/base/counters.ts";
import { sumOfCounts } from "../../../lib/base/counter_block.ts";
import { HandshakeMemory } from "../../../lib/base/handshake_memory.ts";
import { CookieJar } from "../../../lib/cookie/cookie_jar.ts";
import { cookieKey } from "../../../lib/cookie/macs.ts";
import { Device, type OutgoingDatagram } from "../../../lib/device/device.ts";
import {
  createInitiation,
  createResponse,
  identityOf,
  openInitiation,
  openTimestamp,
  wireguardStart,
} from "../../../lib/noise/handshake.ts";
import { TimestampSource } from "../../../lib/noise/tai64n.ts";
import { choosePacketCipher, chooseSuite } from "../../../lib/runtime/crypto.ts";
import { formatGet } from "../../../lib/uapi/get.ts";
import { INITIATION, mac1Offset, readIndex } from "../../../lib/wire/messages.ts";
import { ENDPOINT_A, ENDPOINT_B, NOON, P0, Side } from "../../data/two_sides.ts";
import { keyOf, publicOf } from "../../device/harness.ts";
import { Chance, filler } from "../../random.ts";
import { DATAGRAM_VERDICTS } from "../../sim/checks/ledger.ts";
import type { Target } from "../target.ts";

/** The first byte of an input, as bits. */
const SEALS_MAC1 = 1;
const SEALS_MAC2 = 2;
const LOADED = 4;
const ELSEWHERE = 8;

/** Between two inputs: no source and no peer is too frequent. */
const STEP_MS = 60;
const UNLOAD_MS = 1_100;
/** Inputs after which the node begins anew. */
const INPUTS_MAX = 150;

const suite = chooseSuite();
const start = wireguardStart(suite);
const identity = identityOf(suite, keyOf(1));
const ours = publicOf(2);
const shared = suite.sharedSecret(keyOf(1), ours)!;
const VERDICTS_OF_SUCCESS: readonly CounterName[] = [
  "handshake_initiation_accepted",
  "handshake_response_accepted",
  "cookie_accepted",
  "rx_opened",
];

/** A handshake memory that is under load at will. */
class LoadedMemory extends HandshakeMemory {
  loaded = false;
  override get waiting(): number {
    return super.waiting + (this.loaded ? UNDER_LOAD_QUEUE : 0);
  }
}

/** A node with the key of seed 2, whose peer has that of seed 1 and has not answered yet. */
class Node {
  readonly handshakes = new LoadedMemory();
  readonly side = new Side(ENDPOINT_B, {
    cipher: choosePacketCipher,
    handshakes: this.handshakes,
    options: { suite },
  });
  readonly device = new Device({
    suite,
    random: filler(Chance.of(7)),
    wallClock: () => 1_800_000_000_000_000_000n,
    table: this.side.table,
    handshakes: this.handshakes,
  });
  /** What the peer was sent and has not answered. */
  readonly initiation: Uint8Array;
  /** The peer's macs, without and with a cookie. */
  readonly plainJar = new CookieJar(suite, ours, COOKIE_SECRET_MAX_AGE_MS);
  readonly cookieJar = new CookieJar(suite, ours, COOKIE_SECRET_MAX_AGE_MS);
  now: Milliseconds = NOON;
  fed = 0;

  constructor() {
    const peer = { publicKey: publicOf(1), endpoint: ENDPOINT_A };
    this.device.configure({ privateKey: keyOf(2), peers: [peer] }, NOON);
    this.device.link(true, 1420, NOON);
    this.work();
    this.side.table.wantHandshake(P0);
    this.device.handle({ type: "handshake-wanted", peer: P0 }, NOON);
    this.initiation = this.work().datagrams[0].bytes;
    // A cookie for the peer, which is asked for under load.
    this.handshakes.loaded = true;
    const first = initiationBytes(Chance.of(1));
    this.cookieJar.seal(first, NOON);
    this.receive(first, 0);
    this.receive(first, 0);
    const reply = this.side.udp.sent.splice(0).at(-1);
    assert.ok(reply !== undefined && this.cookieJar.consume(reply.bytes, NOON), "a cookie");
    this.handshakes.loaded = false;
    this.pass(UNLOAD_MS);
  }

  pass(ms: number): void {
    this.now = milliseconds(this.now + ms);
  }

  /** Hands messages, events and commands on, until there are none. */
  work(): { datagrams: OutgoingDatagram[]; commands: number } {
    const datagrams: OutgoingDatagram[] = [];
    let commands = 0;
    for (let worked = true; worked;) {
      this.side.turn(this.now);
      worked = false;
      for (const event of this.side.events.splice(0)) this.device.handle(event, this.now);
      this.handshakes.heard();
      for (let next = this.handshakes.take(); next !== undefined; next = this.handshakes.take()) {
        this.device.receive(next, this.now);
        worked = true;
      }
      const outputs = this.device.takeOutputs();
      datagrams.push(...outputs.datagrams);
      for (const datagram of outputs.datagrams) this.device.sent(datagram, this.now);
      for (const command of outputs.commands) {
        commands++;
        this.side.dataplane.apply(command, this.now);
      }
    }
    return { datagrams, commands };
  }

  receive(bytes: Uint8Array, port: number) {
    const from = { ...ENDPOINT_A, port: ENDPOINT_A.port + port };
    this.side.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from });
    return this.work();
  }

  counts() {
    return sumOfCounts([this.side.dataplane.counts(), this.device.counters.counts()]);
  }
}

const fresh = (chance: Chance) => chance.bytes(32);

function initiationBytes(chance: Chance): Uint8Array {
  const unixNs = BigInt(chance.u32()) * 10n ** 9n;
  const timestamp = new TimestampSource(() => unixNs).next();
  const index = sessionIndex(chance.u32());
  const made = createInitiation(
    suite,
    start,
    identity,
    ours,
    shared,
    index,
    fresh(chance),
    timestamp,
  );
  return made!.message;
}

let firstNode: Node | undefined;
/** What every node sends, because its random numbers are the same. */
const awaiting = () => (firstNode ??= new Node()).initiation;

function responseBytes(chance: Chance): Uint8Array {
  const initiation = awaiting();
  const opened = openInitiation(suite, start, identity, initiation)!;
  openTimestamp(opened, shared, initiation);
  const to = readIndex(initiation, INITIATION.sender);
  const index = sessionIndex(chance.u32());
  return createResponse(opened, new Uint8Array(32), index, sessionIndex(to), fresh(chance))!
    .message;
}

function cookieReplyBytes(chance: Chance): Uint8Array {
  const initiation = awaiting();
  const at = mac1Offset(initiation.length);
  const nonce = chance.bytes(24);
  const message = new Uint8Array(64);
  message[0] = 3;
  message.set(initiation.subarray(INITIATION.sender, INITIATION.sender + 4), 4);
  message.set(nonce, 8);
  const mac1 = initiation.subarray(at, at + MAC_LENGTH);
  message.set(suite.xseal(cookieKey(suite, publicOf(1)), nonce, chance.bytes(16), mac1), 32);
  return message;
}

/** A byte of bits (which macs to seal, load, another port), and a message. */
export const handshake: Target = {
  name: "handshake",
  covers: ["lib/device/", "lib/data/gate.ts", "lib/noise/", "lib/cookie/", "lib/wire/messages.ts"],
  bytesMax: 400,
  words: [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(2, 0, 0, 0), Uint8Array.of(3, 0, 0, 0)],
  make(chance) {
    const message = chance.oneOf([initiationBytes, responseBytes, cookieReplyBytes])(chance);
    return Uint8Array.of(chance.oneOf([1, 1, 1, 2, 3, 5, 6, 7, 9, chance.int(16)]), ...message);
  },
  open() {
    let node = new Node();
    return (input) => {
      if (input.length < 2) return "nothing";
      if (node.fed++ > INPUTS_MAX) node = new Node();
      const [bits] = input;
      const message = input.slice(1);
      const loaded = (bits & LOADED) !== 0;
      node.pass(node.handshakes.loaded && !loaded ? UNLOAD_MS : STEP_MS);
      node.handshakes.loaded = loaded;
      const hasMacs = message.length === 148 || message.length === 92;
      if (hasMacs && (bits & SEALS_MAC2) !== 0) node.cookieJar.seal(message, node.now);
      else if (hasMacs && (bits & SEALS_MAC1) !== 0) node.plainJar.seal(message, node.now);
      const before = node.counts();
      const status = formatGet(node.device.status());
      const { datagrams, commands } = node.receive(message, (bits & ELSEWHERE) !== 0 ? 1 : 0);
      const now = node.counts();
      const verdicts = DATAGRAM_VERDICTS.filter((name) => now[name] !== before[name]);
      assert.deepEqual(verdicts.map((name) => now[name] - before[name]), [1], `${verdicts}`);
      const replies = node.side.udp.sent.splice(0);
      if (VERDICTS_OF_SUCCESS.includes(verdicts[0])) node = new Node();
      else {
        assert.equal(
          formatGet(node.device.status()),
          status,
          "a refused message changed something",
        );
        assert.deepEqual([datagrams.length, commands], [0, 0], "a refused message was answered");
        assert.ok(replies.length <= 1 && replies.every(({ bytes }) => bytes.length === 64));
      }
      return verdicts[0];
    };
  },
};
