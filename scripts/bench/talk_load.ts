/**
 * Many peers that talk to one device: each makes a handshake and then sends echo requests in turn
 * with the others. The answers are counted. It runs on the host of the device, where all peers are
 * behind one TUN device. The argument is the path of a JSON file with the order. The output is the
 * count as JSON.
 * @module
 */

import { Arena } from "../../lib/base/arena.ts";
import { milliseconds, type SessionIndex, sessionIndex } from "../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  KEY_LENGTH,
  MESSAGE_DATA,
  MESSAGE_RESPONSE,
  TAG_LENGTH,
} from "../../lib/base/constants.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import type { PacketCipher } from "../../lib/crypto/suite.ts";
import { choosePacketCipher, chooseSuite } from "../../lib/runtime/crypto.ts";
import {
  consumeResponse,
  createInitiation,
  identityOf,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import { TimestampSource } from "../../lib/noise/tai64n.ts";
import { DATA, messageKind, readIndex, RESPONSE, writeIndex } from "../../lib/wire/messages.ts";
import { cpuSeconds } from "./laboratory.ts";
import { internetChecksum, OUTER_HEADROOM, OuterDevice } from "./outer_device.ts";

/** The order. Keys are in hexadecimal, addresses are 4 numbers. */
export interface TalkOrder {
  /** The outer address of the device. */
  readonly address: readonly number[];
  readonly port: number;
  readonly responder: string;
  readonly talkers: readonly { readonly key: string; readonly inside: readonly number[] }[];
  /** The inner address of the device. */
  readonly to: readonly number[];
  /** How long echoes are sent before they are counted, so that the device is warm. */
  readonly warmUpSeconds: number;
  /** How long they are counted. */
  readonly seconds: number;
}

/** The result. */
export interface TalkCount {
  readonly echoes: number;
  /** Talkers that got at least one echo. */
  readonly heard: number;
  readonly seconds: number;
  /** CPU seconds of this program, and of all other programs of the host, which are the device. */
  readonly ownCpu: number;
  readonly deviceCpu: number;
}

/** Pending echoes over all talkers, so many that the device need not wait for them. */
const OPEN_MAX = 256;
/** One of this many answers is decrypted. */
const VERIFY_EVERY = 64;
/** The longest time before the echoes begin. */
export const HANDSHAKES_SECONDS_MAX = 60;
const PATIENCE_MS = 500;
const ECHO_BYTES = 64;
const MESSAGE_BYTES = DATA.packet + ECHO_BYTES + TAG_LENGTH;
/** The time without an echo after which all pending echoes count as lost. */
const SILENCE_MS = 100;

/** Bytes of a talker's keys in the arena: the send key, and the receive key behind it. */
const KEYS_BYTES = 128;
const RECEIVE_KEY = 64;
const LONGEST_MESSAGE = 2048;
const ARENA_BYTES = 1 << 20;

interface Talker {
  readonly packet: Uint8Array;
  readonly keysAt: number;
  remote: SessionIndex;
  counter: number;
  heard: number;
}

/** Makes all handshakes, then sends echoes for the ordered time. */
export async function talk(order: TalkOrder): Promise<TalkCount> {
  const arena = new Arena(ARENA_BYTES + order.talkers.length * KEYS_BYTES);
  const cipher = choosePacketCipher(arena);
  using outer = await OuterDevice.open(arena, order);
  const talkers = order.talkers.map(({ inside }): Talker => ({
    packet: echoRequest(Uint8Array.from(inside), Uint8Array.from(order.to)),
    keysAt: arena.allocate(KEYS_BYTES),
    remote: sessionIndex(0),
    counter: 0,
    heard: 0,
  }));
  shakeHands(arena, outer, order, talkers);
  const exchange = new Exchange(arena, cipher, outer, talkers);
  exchange.run(order.warmUpSeconds);
  const device = processes().filter((pid) => pid !== Deno.pid);
  const before = { own: cpuSeconds([Deno.pid]), device: cpuSeconds(device) };
  for (const talker of talkers) talker.heard = 0;
  const seconds = exchange.run(order.seconds);
  return {
    echoes: talkers.reduce((sum, talker) => sum + talker.heard, 0),
    heard: talkers.filter((talker) => talker.heard > 0).length,
    seconds,
    ownCpu: cpuSeconds([Deno.pid]) - before.own,
    deviceCpu: cpuSeconds(device) - before.device,
  };
}

/** The processes of the host. */
function processes(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

/** Makes the handshakes one after the other, so that the responder is not under load. */
function shakeHands(
  arena: Arena,
  outer: OuterDevice,
  order: TalkOrder,
  talkers: readonly Talker[],
): void {
  const suite = chooseSuite();
  const start = wireguardStart(suite);
  const responder = Uint8Array.fromHex(order.responder);
  const timestamps = new TimestampSource(() => BigInt(Date.now()) * 1_000_000n);
  const random = () => crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
  const sendAt = arena.allocate(OUTER_HEADROOM + LONGEST_MESSAGE) + OUTER_HEADROOM;
  const deadline = performance.now() + HANDSHAKES_SECONDS_MAX * 1000;
  const answerTo = (wanted: number): Uint8Array | undefined => {
    let answer: Uint8Array | undefined;
    const until = performance.now() + PATIENCE_MS;
    while (answer === undefined && performance.now() < until) {
      const isThere = outer.receive((peer, at, length) => {
        if (peer === wanted) answer = arena.bytes.slice(at, at + length);
      });
      if (!isThere) outer.nap();
    }
    return answer;
  };
  for (const [place, talker] of talkers.entries()) {
    const identity = identityOf(suite, Uint8Array.fromHex(order.talkers[place].key));
    const shared = suite.sharedSecret(identity.privateKey, responder);
    if (shared === undefined) throw new Error("the responder's key is a point of small order");
    const jar = new CookieJar(suite, responder, COOKIE_SECRET_MAX_AGE_MS);
    while (true) {
      if (performance.now() > deadline) throw new Error(`talker ${place} got no session`);
      const index = sessionIndex(place);
      const made = createInitiation(
        suite,
        start,
        identity,
        responder,
        shared,
        index,
        random(),
        timestamps.next(),
      );
      if (made === undefined) throw new Error("the responder's key is a point of small order");
      jar.seal(made.message, milliseconds(performance.now()));
      arena.bytes.set(made.message, sendAt);
      outer.send(place, sendAt, made.message.length);
      const answer = answerTo(place);
      if (answer === undefined) continue;
      if (messageKind(answer) !== MESSAGE_RESPONSE) {
        jar.consume(answer, milliseconds(performance.now()));
        continue;
      }
      const nothing = new Uint8Array(KEY_LENGTH);
      const keys = consumeResponse(made.initiated, identity, nothing, answer);
      if (keys === undefined) throw new Error(`talker ${place} got a response that does not open`);
      arena.bytes.set(keys.sendKey, talker.keysAt);
      arena.bytes.set(keys.receiveKey, talker.keysAt + RECEIVE_KEY);
      talker.remote = readIndex(answer, RESPONSE.sender);
      break;
    }
  }
}

/**
 * Sends echoes. Each answer lets the next talker send, so that all take turns and OPEN_MAX echoes
 * are pending.
 */
class Exchange {
  readonly #arena: Arena;
  readonly #cipher: PacketCipher;
  readonly #outer: OuterDevice;
  readonly #talkers: readonly Talker[];
  /** The inner packet of the message that is sent, and of the one that is opened. */
  readonly #packetAt: number;
  readonly #openAt: number;
  #turn = 0;
  #heard = 0;

  constructor(
    arena: Arena,
    cipher: PacketCipher,
    outer: OuterDevice,
    talkers: readonly Talker[],
  ) {
    this.#arena = arena;
    this.#cipher = cipher;
    this.#outer = outer;
    this.#talkers = talkers;
    this.#packetAt = arena.allocate(64 + LONGEST_MESSAGE) + 64;
    this.#openAt = arena.allocate(64 + LONGEST_MESSAGE) + 64;
  }

  /** Sends for `seconds`. Returns how long it was. */
  run(seconds: number): number {
    const hear = (peer: number, at: number, length: number) => this.#hear(peer, at, length);
    const started = performance.now();
    let latest = -Infinity;
    for (let now = started; now - started < seconds * 1000; now = performance.now()) {
      if (now - latest > SILENCE_MS) {
        for (let i = 0; i < OPEN_MAX; i++) this.#askNext();
        latest = now;
      }
      if (this.#outer.receive(hear)) latest = now;
      else this.#outer.nap();
    }
    return (performance.now() - started) / 1000;
  }

  #askNext(): void {
    const { bytes, view } = this.#arena;
    const peer = this.#turn++ % this.#talkers.length;
    const talker = this.#talkers[peer];
    const counter = talker.counter++;
    const at = this.#packetAt - DATA.packet;
    bytes.set(talker.packet, this.#packetAt);
    this.#cipher.seal(talker.keysAt, counter, 0, this.#packetAt, ECHO_BYTES);
    view.setUint32(at, MESSAGE_DATA, true);
    writeIndex(bytes, at + DATA.receiver, talker.remote);
    view.setUint32(at + DATA.counter, counter, true);
    view.setUint32(at + DATA.counter + 4, 0, true);
    this.#outer.send(peer, at, MESSAGE_BYTES);
  }

  #hear(peer: number, at: number, length: number): void {
    const { bytes, view } = this.#arena;
    if (messageKind(bytes, at, length) !== MESSAGE_DATA || length !== MESSAGE_BYTES) return;
    const talker = this.#talkers[peer];
    talker.heard++;
    if (this.#heard++ % VERIFY_EVERY === 0) {
      const low = view.getUint32(at + DATA.counter, true);
      const packet = at + DATA.packet;
      const keyAt = talker.keysAt + RECEIVE_KEY;
      if (!this.#cipher.open(keyAt, low, 0, packet, ECHO_BYTES, this.#openAt)) {
        throw new Error("an answer that does not open");
      }
      if (view.getUint8(this.#openAt + 20) !== 0) throw new Error("an answer that is no echo");
    }
    this.#askNext();
  }
}

/** An ICMP echo request (RFC 792) in an IPv4 packet of ECHO_BYTES. */
export function echoRequest(from: Uint8Array, to: Uint8Array): Uint8Array {
  const packet = new Uint8Array(ECHO_BYTES);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, ECHO_BYTES);
  packet[8] = 64;
  packet[9] = 1;
  packet.set(from, 12);
  packet.set(to, 16);
  view.setUint16(10, internetChecksum(view, 0, 20));
  packet[20] = 8;
  view.setUint16(24, 1);
  view.setUint16(22, internetChecksum(view, 20, ECHO_BYTES - 20));
  return packet;
}

if (import.meta.main) {
  const order = JSON.parse(await Deno.readTextFile(Deno.args[0])) as TalkOrder;
  console.log(JSON.stringify(await talk(order)));
}
