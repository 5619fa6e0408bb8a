/**
 * A program for first_data_test.ts: as many peers, one after the other in a few lanes, it shakes
 * hands and sends a ping the moment it has the keys. The order comes as JSON on standard input; the
 * numbers of those whose ping was not answered leave as JSON on standard output.
 * @module
 */
import { milliseconds, sessionIndex } from "../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  KEY_LENGTH,
  MESSAGE_DATA,
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
import { TimestampSource } from "../../lib/noise/tai64n.ts";
import { internetChecksum } from "./internet_checksum.ts";
import { DATA, messageKind, readIndex, RESPONSE, writeIndex } from "../../lib/wire/messages.ts";

/** What is asked for; keys are base64. */
export interface AskOrder {
  readonly host: string;
  readonly port: number;
  readonly responder: string;
  /** The address inside the tunnel that is pinged. */
  readonly inside: readonly number[];
  readonly peers: readonly { readonly key: string; readonly inside: readonly number[] }[];
  readonly lanes: number;
}

const PATIENCE_MS = 3_000;
const suite = chooseSuite();
const start = wireguardStart(suite);
const timestamps = new TimestampSource(() => BigInt(Date.now()) * 1_000_000n);
const noPsk = new Uint8Array(KEY_LENGTH);

/** An ICMP echo request of 32 bytes, whole multiples of 16 as they are. */
function echoRequest(from: readonly number[], to: readonly number[]): Uint8Array {
  const packet = Uint8Array.of(
    0x45,
    0,
    0,
    32,
    0,
    1,
    0,
    0,
    64,
    1,
    0,
    0,
    ...from,
    ...to,
    8,
    0,
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
  );
  new DataView(packet.buffer).setUint16(10, internetChecksum(packet.subarray(0, 20)));
  new DataView(packet.buffer).setUint16(22, internetChecksum(packet.subarray(20)));
  return packet;
}

async function answers(order: AskOrder, number: number): Promise<boolean> {
  const peer = order.peers[number];
  const responder = Uint8Array.fromBase64(order.responder);
  const identity = identityOf(suite, Uint8Array.fromBase64(peer.key));
  const shared = suite.sharedSecret(identity.privateKey, responder);
  const ephemeral = crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
  const made = shared &&
    createInitiation(
      suite,
      start,
      identity,
      responder,
      shared,
      sessionIndex(number),
      ephemeral,
      timestamps.next(),
    );
  if (made === undefined) throw new Error("a key of small order");
  new CookieJar(suite, responder, COOKIE_SECRET_MAX_AGE_MS).seal(made.message, milliseconds(1));

  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const to: Deno.NetAddr = { transport: "udp", hostname: order.host, port: order.port };
  let open = true;
  const close = () => {
    if (open) socket.close();
    open = false;
  };
  const late = setTimeout(close, PATIENCE_MS);
  try {
    await socket.send(made.message, to);
    const [response] = await socket.receive();
    if (messageKind(response) !== MESSAGE_RESPONSE) return false;
    const keys = consumeResponse(made.initiated, identity, noPsk, response);
    if (keys === undefined) return false;
    const sealed = suite.seal(
      keys.sendKey,
      0n,
      echoRequest(peer.inside, order.inside),
      new Uint8Array(),
    );
    const message = new Uint8Array(DATA.packet + sealed.length);
    message[0] = MESSAGE_DATA;
    writeIndex(message, DATA.receiver, readIndex(response, RESPONSE.sender));
    message.set(sealed, DATA.packet);
    await socket.send(message, to);
    const [reply] = await socket.receive();
    if (messageKind(reply) !== MESSAGE_DATA) return false;
    const packet = suite.open(keys.receiveKey, 0n, reply.subarray(DATA.packet), new Uint8Array());
    return packet !== undefined && packet[9] === 1 && packet[20] === 0;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
    close();
  }
}

if (import.meta.main) {
  const order = JSON.parse(await new Response(Deno.stdin.readable).text()) as AskOrder;
  const lost: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < order.peers.length) {
      const number = next++;
      if (!await answers(order, number)) lost.push(number);
    }
  };
  await Promise.all(Array.from({ length: order.lanes }, lane));
  console.log(JSON.stringify(lost));
  Deno.exit(0);
}
