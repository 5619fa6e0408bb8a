/**
 * Asks one responder for handshakes as many peers, with a bounded number of questions open, and
 * counts the answers. Runs on its own host of the laboratory: the order comes as JSON on standard
 * input, the count leaves as JSON on standard output.
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import { milliseconds, sessionIndex } from "../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  KEY_LENGTH,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_RESPONSE,
} from "../../lib/base/constants.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";
import {
  consumeResponse,
  createInitiation,
  identityOf,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import type { Identity, Initiated } from "../../lib/noise/ikpsk2.ts";
import { TimestampSource } from "../../lib/noise/tai64n.ts";
import { COOKIE_REPLY, messageKind, readIndex, RESPONSE } from "../../lib/wire/messages.ts";

/** What is asked for; keys are hex. */
export interface HandshakeOrder {
  readonly address: string;
  readonly port: number;
  readonly responder: string;
  readonly initiators: readonly string[];
  readonly seconds: number;
}

/** What came of it. */
export interface HandshakeCount {
  readonly answered: number;
  readonly cookies: number;
  readonly unanswered: number;
  /** Answers whose keys were worked out, as a check that they are real. */
  readonly verified: number;
}

/**
 * Questions open at a time: enough to keep a responder busy, and fewer than make one feel "under
 * load" (1/8 of 1024 at the least).
 */
const OPEN_MAX = 16;
/** A question without an answer is given up after this long; its peer asks again later. */
const PATIENCE_MS = 250;
/** One answer in so many is opened. */
const VERIFY_EVERY = 64;

interface Initiator {
  /** Its own, as peers have: some responders connect a socket to each peer's address. */
  readonly socket: Socket;
  readonly identity: Identity;
  readonly shared: Uint8Array;
  readonly jar: CookieJar;
  question:
    | {
      readonly message: Uint8Array;
      readonly initiated: Initiated;
      readonly index: number;
      readonly askedAt: number;
    }
    | undefined;
}

/** Keeps OPEN_MAX questions open for the time asked for. */
export async function ask(order: HandshakeOrder): Promise<HandshakeCount> {
  const suite = chooseSuite();
  const start = wireguardStart(suite);
  const responder = Uint8Array.fromHex(order.responder);
  const timestamps = new TimestampSource(() => BigInt(Date.now()) * 1_000_000n);
  const initiators = order.initiators.map((hex): Initiator => {
    const identity = identityOf(suite, Uint8Array.fromHex(hex));
    const shared = suite.sharedSecret(identity.privateKey, responder);
    if (shared === undefined) throw new Error("the responder's key is a point of small order");
    const socket = createSocket("udp4");
    return {
      socket,
      identity,
      shared,
      jar: new CookieJar(suite, responder, COOKIE_SECRET_MAX_AGE_MS),
      question: undefined,
    };
  });
  const noPsk = new Uint8Array(KEY_LENGTH);
  let [answered, cookies, unanswered, verified, open, turn, asked] = [0, 0, 0, 0, 0, 0, 0];
  // Each question has an index of its own: a late answer to one that was given up has no initiator.
  const asking = new Map<number, Initiator>();
  const now = () => milliseconds(performance.now());

  const send = (initiator: Initiator) => {
    if (initiator.question === undefined) return;
    initiator.jar.seal(initiator.question.message, now());
    initiator.socket.send(initiator.question.message, order.port, order.address);
  };
  const fill = () => {
    // One turn round the initiators at most: all may have a question open.
    for (let tried = 0; open < OPEN_MAX && tried < initiators.length; tried++) {
      const initiator = initiators[turn++ % initiators.length];
      if (initiator.question !== undefined) continue;
      const ephemeral = crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
      const { identity, shared } = initiator;
      const index = sessionIndex(asked++);
      const made = createInitiation(
        suite,
        start,
        identity,
        responder,
        shared,
        index,
        ephemeral,
        timestamps.next(),
      );
      if (made === undefined) throw new Error("the responder's key is a point of small order");
      initiator.question = { ...made, index, askedAt: performance.now() };
      asking.set(index, initiator);
      open++;
      send(initiator);
    }
  };
  const giveUp = () => {
    for (const initiator of initiators) {
      if (
        initiator.question === undefined ||
        performance.now() - initiator.question.askedAt < PATIENCE_MS
      ) continue;
      asking.delete(initiator.question.index);
      initiator.question = undefined;
      unanswered++;
      open--;
    }
  };

  const take = (message: Uint8Array) => {
    const kind = messageKind(message);
    if (kind !== MESSAGE_RESPONSE && kind !== MESSAGE_COOKIE_REPLY) return;
    const at = kind === MESSAGE_RESPONSE ? RESPONSE.receiver : COOKIE_REPLY.receiver;
    const initiator = asking.get(readIndex(message, at));
    if (initiator?.question === undefined) return;
    if (kind === MESSAGE_COOKIE_REPLY) {
      if (initiator.jar.consume(message, now())) cookies++;
      send(initiator);
      return;
    }
    if (answered++ % VERIFY_EVERY === 0) {
      const keys = consumeResponse(
        initiator.question.initiated,
        initiator.identity,
        noPsk,
        message,
      );
      if (keys === undefined) throw new Error("a response that does not open");
      verified++;
    }
    asking.delete(initiator.question.index);
    initiator.question = undefined;
    open--;
    fill();
  };

  for (const { socket } of initiators) {
    socket.on("message", take);
    await new Promise<void>((bound) => socket.bind(0, bound));
  }
  const timer = setInterval(() => {
    giveUp();
    fill();
  }, 20);
  fill();
  await new Promise((done) => setTimeout(done, order.seconds * 1000));
  clearInterval(timer);
  for (const { socket } of initiators) socket.close();
  return { answered, cookies, unanswered, verified };
}

if (import.meta.main) {
  const order = JSON.parse(await new Response(Deno.stdin.readable).text()) as HandshakeOrder;
  console.log(JSON.stringify(await ask(order)));
}
