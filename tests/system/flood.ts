/**
 * Sends hostile datagrams as fast as it can, for the tests in hostile_test.ts: `flood.ts KIND ADDRESS PORT PUBLIC-KEY SECONDS`. Prints how many it sent.
 * Handshake messages come from 10.1.0.0/16, which must be local here (`ip route add local 10.1.0.0/16 dev lo`).
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import { writeEndpointCell } from "../../lib/base/endpoint.ts";
import { parseIp } from "../../lib/base/ip_text.ts";
import { mac1Key, mac1Of } from "../../lib/cookie/macs.ts";
import { SEND_FAILED } from "../../lib/data/ports.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { openUdp } from "../../lib/ports/open_udp.ts";

const [kind, address, port, publicKey, seconds] = Deno.args;
const DATA = 1 << 20;
const SLOT_BYTES = 2048;
const arena = new Arena(8 << 20);
const sockets = openUdp({ port: 0 });
const udp = new LinuxUdpPort(arena, sockets.fd4, sockets.fd6);
const cellAt = arena.allocate(48);
const target = { address: parseIp(address)!, port: Number(port), scope: 0 };
const suite = chooseSuite();
const key = mac1Key(suite, Uint8Array.fromBase64(publicKey));

const random = (type: number, length: number): Uint8Array => {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  bytes.set([type, 0, 0, 0].slice(0, length));
  return bytes;
};

/** Initiations whose mac1 is right, as everybody can make them who knows the public key. */
function initiation(): Uint8Array {
  const message = random(1, 148);
  message.set(mac1Of(suite, key, message), 116);
  return message;
}

/** The next run of equal datagrams. */
function next(turn: number): Uint8Array[] {
  switch (kind) {
    case "initiations":
      return [initiation()];
    case "cookies":
      return [random(3, 64)];
    case "sizes":
      return [random(turn % 6, turn % 1600)];
    case "runs": {
      const length = 16 + turn * 7 % 1400;
      return Array.from(
        { length: Math.min(40, Math.floor(65_000 / length)) },
        (_, i) => random(4 - i % 5, length),
      );
    }
    default:
      throw new Error(`${kind}: no such flood`);
  }
}

let sent = 0;
const until = performance.now() + Number(seconds) * 1000;
for (let turn = 0; performance.now() < until; turn++) {
  const spoofed = kind === "initiations" || kind === "cookies";
  const local = { address: Uint8Array.of(10, 1, turn >> 8 & 255, turn & 255), interfaceIndex: 0 };
  writeEndpointCell(arena.bytes, cellAt, target, spoofed ? local : undefined);
  const run = next(turn);
  run.forEach((datagram, i) => {
    arena.bytes.set(datagram, DATA + i * SLOT_BYTES);
    udp.gather(i, DATA + i * SLOT_BYTES, datagram.length);
  });
  if (udp.send(run.length, run[0].length, cellAt, turn & 3) !== SEND_FAILED) sent += run.length;
}
console.log(sent);
Deno.exit(0);
