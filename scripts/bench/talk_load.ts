/**
 * Many peers that talk to one device: each makes a handshake and then sends echo requests in turn
 * with the others. The answers are counted. It runs on its own host of the laboratory. The argument
 * is the path of a JSON file with the order. The output has the lines `begin` and `end` and the
 * count as JSON.
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import { milliseconds, type SessionIndex, sessionIndex } from "../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  KEY_LENGTH,
  MESSAGE_DATA,
  MESSAGE_RESPONSE,
  TAG_LENGTH,
} from "../../lib/base/constants.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import type { Suite } from "../../lib/crypto/suite.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";
import {
  consumeResponse,
  createInitiation,
  identityOf,
  type SessionKeys,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import { TimestampSource } from "../../lib/noise/tai64n.ts";
import { DATA, messageKind, readIndex, RESPONSE, writeIndex } from "../../lib/wire/messages.ts";

/** The order. Keys are in hexadecimal, inner addresses are 4 numbers. */
export interface TalkOrder {
  readonly address: string;
  readonly port: number;
  readonly responder: string;
  readonly talkers: readonly { readonly key: string; readonly inside: readonly number[] }[];
  /** The inner address of the device. */
  readonly to: readonly number[];
  readonly seconds: number;
}

/** The result. */
export interface TalkCount {
  readonly echoes: number;
  /** Talkers that got at least one echo. */
  readonly heard: number;
  readonly seconds: number;
}

/** The number of pending echoes over all talkers. */
const OPEN_MAX = 64;
/** One of this many answers is decrypted. */
const VERIFY_EVERY = 64;
/** The longest time before the echoes begin. */
const HANDSHAKES_SECONDS_MAX = 60;
const ECHO_BYTES = 64;
/** The time without an echo after which all pending echoes count as lost. */
const SILENCE_MS = 100;
/**
 * The time between a line of the output and the work it announces, in which the reader reads the
 * clocks.
 */
const NOTICE_MS = 150;

interface Talker {
  readonly socket: Socket;
  readonly packet: Uint8Array;
  keys: SessionKeys | undefined;
  remote: SessionIndex;
  counter: bigint;
  heard: number;
}

/**
 * Makes all handshakes, then sends echoes for the ordered time. Reports `begin` and `end` around
 * this.
 */
export async function talk(
  order: TalkOrder,
  say: (word: "begin" | "end") => void,
): Promise<TalkCount> {
  const suite = chooseSuite();
  const talkers: Talker[] = [];
  try {
    for (const { inside } of order.talkers) {
      const socket = createSocket("udp4");
      await new Promise<void>((bound) => socket.bind(0, bound));
      const packet = echoRequest(Uint8Array.from(inside), Uint8Array.from(order.to));
      talkers.push({
        socket,
        packet,
        keys: undefined,
        remote: sessionIndex(0),
        counter: 0n,
        heard: 0,
      });
    }
    await shakeHands(suite, order, talkers);
    say("begin");
    await pause(NOTICE_MS);
    const started = performance.now();
    await exchange(suite, order, talkers);
    const seconds = (performance.now() - started) / 1000;
    await pause(NOTICE_MS);
    say("end");
    const echoes = talkers.reduce((sum, talker) => sum + talker.heard, 0);
    return { echoes, heard: talkers.filter((talker) => talker.heard > 0).length, seconds };
  } finally {
    for (const { socket } of talkers) socket.close();
  }
}

/** Makes the handshakes one after the other, so that the responder is not under load. */
async function shakeHands(
  suite: Suite,
  order: TalkOrder,
  talkers: readonly Talker[],
): Promise<void> {
  const start = wireguardStart(suite);
  const responder = Uint8Array.fromHex(order.responder);
  const timestamps = new TimestampSource(() => BigInt(Date.now()) * 1_000_000n);
  const random = () => crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
  const deadline = performance.now() + HANDSHAKES_SECONDS_MAX * 1000;
  for (const [place, talker] of talkers.entries()) {
    const identity = identityOf(suite, Uint8Array.fromHex(order.talkers[place].key));
    const shared = suite.sharedSecret(identity.privateKey, responder);
    if (shared === undefined) throw new Error("the responder's key is a point of small order");
    const jar = new CookieJar(suite, responder, COOKIE_SECRET_MAX_AGE_MS);
    while (talker.keys === undefined) {
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
      talker.socket.send(made.message, order.port, order.address);
      const answer = await nextMessage(talker.socket, 500);
      if (answer === undefined) continue;
      if (messageKind(answer) !== MESSAGE_RESPONSE) {
        jar.consume(answer, milliseconds(performance.now()));
        continue;
      }
      talker.keys = consumeResponse(made.initiated, identity, new Uint8Array(KEY_LENGTH), answer);
      talker.remote = readIndex(answer, RESPONSE.sender);
    }
  }
}

function nextMessage(socket: Socket, patience: number): Promise<Uint8Array | undefined> {
  return new Promise((done) => {
    const take = (message: Uint8Array) => {
      clearTimeout(timer);
      done(message);
    };
    const timer = setTimeout(() => {
      socket.off("message", take);
      done(undefined);
    }, patience);
    socket.once("message", take);
  });
}

/**
 * Sends echoes. Each answer lets the next talker send, so that all take turns and OPEN_MAX echoes
 * are pending.
 */
async function exchange(suite: Suite, order: TalkOrder, talkers: readonly Talker[]): Promise<void> {
  const nothing = new Uint8Array(0);
  let turn = 0;
  let latest = performance.now();
  let over = false;
  const askNext = () => {
    const talker = talkers[turn++ % talkers.length];
    if (talker.keys === undefined) return;
    const counter = talker.counter++;
    const message = new Uint8Array(DATA.packet + ECHO_BYTES + TAG_LENGTH);
    message[0] = MESSAGE_DATA;
    writeIndex(message, DATA.receiver, talker.remote);
    new DataView(message.buffer).setBigUint64(DATA.counter, counter, true);
    message.set(suite.seal(talker.keys.sendKey, counter, talker.packet, nothing), DATA.packet);
    talker.socket.send(message, order.port, order.address);
  };
  const hear = (talker: Talker, message: Uint8Array) => {
    if (over || messageKind(message) !== MESSAGE_DATA || message.length <= DATA.lengthMin) return;
    if (talker.heard++ % VERIFY_EVERY === 0 && talker.keys !== undefined) {
      const counter = new DataView(message.buffer, message.byteOffset).getBigUint64(
        DATA.counter,
        true,
      );
      const opened = suite.open(
        talker.keys.receiveKey,
        counter,
        message.subarray(DATA.packet),
        nothing,
      );
      if (opened === undefined) throw new Error("an answer that does not open");
    }
    latest = performance.now();
    askNext();
  };
  for (const talker of talkers) {
    talker.socket.on("message", (message: Uint8Array) => hear(talker, message));
  }
  for (let i = 0; i < OPEN_MAX; i++) askNext();
  const timer = setInterval(() => {
    if (performance.now() - latest > SILENCE_MS) { for (let i = 0; i < OPEN_MAX; i++) askNext(); }
  }, SILENCE_MS);
  await pause(order.seconds * 1000);
  over = true;
  clearInterval(timer);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
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
  view.setUint16(22, internetChecksum(view, 20, ECHO_BYTES));
  return packet;
}

function internetChecksum(view: DataView, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

if (import.meta.main) {
  const order = JSON.parse(await Deno.readTextFile(Deno.args[0])) as TalkOrder;
  console.log(JSON.stringify(await talk(order, (word) => console.log(word))));
}
