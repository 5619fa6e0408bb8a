/**
 * Sends hostile datagrams to one device: `flood_load.ts KIND ADDRESS PORT PUBLIC-KEY SECONDS
 * [RATE]`, where KIND is one of FLOODS and RATE datagrams a second; without it, as fast as it can.
 * Prints how many it sent. They come from 10.1.0.0/16, or from fd10::/112 to an IPv6 address, which
 * must be local here (`ip route add local 10.1.0.0/16 dev lo`).
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import { ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../lib/base/endpoint.ts";
import { parseIp } from "../../lib/base/ip_text.ts";
import { mac1Key, mac1Of } from "../../lib/cookie/macs.ts";
import { SEND_FAILED } from "../../lib/data/ports.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { openUdp } from "../../lib/ports/open_udp.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";

/** The kinds, and how the datagrams of each are made: random bytes of a type and a length. */
export const FLOODS = {
  /** mac1 is right, as everybody can make it who knows the public key. */
  initiations: () => withMac1(1, 148),
  responses: () => withMac1(2, 92),
  /** mac1 is right and mac2 is wrong, so that both are computed. */
  mac2s: () => withMac2(1, 148),
  /** mac1 is wrong. */
  macs: () => typed(1, 148),
  cookies: () => typed(3, 64),
  /** Data messages of sessions that do not exist. */
  unknown: () => typed(4, 128),
  sizes: (turn: number) => typed(turn % 6, 1 + turn % 1_500),
} as const satisfies Record<string, (turn: number) => Uint8Array>;

/** Datagrams that are made. They are sent again and again, from other addresses. */
const POOL = 4_096;
const SLOT_BYTES = 2_048;
const suite = chooseSuite();
let key = new Uint8Array(32);

function typed(type: number, length: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  bytes.set([type, 0, 0, 0].slice(0, length));
  return bytes;
}

function withMac1(type: number, length: number): Uint8Array {
  const message = typed(type, length);
  message.set(mac1Of(suite, key, message), length - 32);
  message.fill(0, length - 16);
  return message;
}

function withMac2(type: number, length: number): Uint8Array {
  const message = withMac1(type, length);
  crypto.getRandomValues(message.subarray(length - 16));
  return message;
}

/** Sends for so long, so many a second. Returns how many datagrams were sent. */
function flood(
  kind: keyof typeof FLOODS,
  address: string,
  port: number,
  seconds: number,
  rate: number,
): number {
  const arena = new Arena(16 << 20);
  const { fd4, fd6 } = openUdp({ port: 0 });
  const queue = new LinuxUdpPort(arena, fd4, fd6).makeSendQueue();
  const cellAt = arena.allocate(ENDPOINT_CELL_BYTES);
  const poolAt = arena.allocate(POOL * SLOT_BYTES);
  const endpoint = { address: parseIp(address)!, port, scope: 0 };
  const source = parseIp(endpoint.address.length === 4 ? "10.1.0.0" : "fd10::")!;
  const local = { address: source, interfaceIndex: 0 };
  writeEndpointCell(arena.bytes, cellAt, endpoint, local);
  const pool = Array.from({ length: POOL }, (_, turn) => FLOODS[kind](turn));
  pool.forEach((datagram, i) => arena.bytes.set(datagram, poolAt + i * SLOT_BYTES));
  // The last two bytes of the source address in the cell.
  const hostAt = cellAt + 28 + source.length - 2;
  let sent = 0;
  const start = performance.now();
  for (let turn = 0;;) {
    const elapsed = (performance.now() - start) / 1_000;
    if (elapsed >= seconds) return sent;
    if (sent > rate * elapsed) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.2);
      continue;
    }
    for (let i = 0; i < queue.max; i++, turn++) {
      arena.bytes[hostAt] = turn >>> 8;
      arena.bytes[hostAt + 1] = turn;
      queue.put(i, poolAt + turn % POOL * SLOT_BYTES, pool[turn % POOL].length, cellAt, turn & 3);
    }
    queue.send(queue.max);
    for (let i = 0; i < queue.max; i++) if (queue.result(i) !== SEND_FAILED) sent++;
  }
}

if (import.meta.main) {
  const [kind, address, port, publicKey, seconds, rate = "Infinity"] = Deno.args;
  if (!(kind in FLOODS)) throw new Error(`${kind}: no such flood`);
  key = mac1Key(suite, Uint8Array.fromBase64(publicKey)) as Uint8Array<ArrayBuffer>;
  const named = kind as keyof typeof FLOODS;
  console.log(flood(named, address, Number(port), Number(seconds), Number(rate)));
  Deno.exit(0);
}
