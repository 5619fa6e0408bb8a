/**
 * Sends UDP flows that nobody answers, in super-packets: `one_end_load.ts SECONDS GBITS FLOWS
 * ADDRESS...`. The flows take turns, as do the addresses. Prints how many bytes it sent; it sends
 * no faster than so many Gbit/s.
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import { ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../lib/base/endpoint.ts";
import { parseIp } from "../../lib/base/ip_text.ts";
import { SEND_OK } from "../../lib/data/ports.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { openUdp } from "../../lib/ports/open_udp.ts";

/** Bytes of a datagram, which fills a packet of 1400 bytes, and the datagrams of a super-packet. */
const DATAGRAM_BYTES = 1372;
const DATAGRAMS = 46;
/** The port of the flows (discard). */
const PORT = 9;
/** Super-packets that may be late. More are given up, so that no burst follows a pause. */
const LATE_MAX = 32;
const PAUSE_MS = 0.3;

function send(seconds: number, gbits: number, flows: number, addresses: readonly string[]): number {
  const arena = new Arena(1 << 20);
  const cells = addresses.map((address) => {
    const cellAt = arena.allocate(ENDPOINT_CELL_BYTES);
    const endpoint = { address: parseIp(address)!, port: PORT, scope: 0 };
    writeEndpointCell(arena.bytes, cellAt, endpoint, undefined);
    return cellAt;
  });
  const sockets = Array.from({ length: flows }, () => openUdp({ port: 0 }));
  const port = new LinuxUdpPort(arena, sockets[0].fd4, sockets[0].fd6);
  const from = arena.allocate(DATAGRAM_BYTES);
  for (let i = 0; i < DATAGRAMS; i++) port.gather(i, from, DATAGRAM_BYTES);
  const bytes = DATAGRAM_BYTES * DATAGRAMS;
  const everyMs = bytes * 8 / (gbits * 1e6);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const start = performance.now();
  let next = start;
  let sent = 0;
  for (let turn = 0;; turn++) {
    const now = performance.now();
    if (now - start >= seconds * 1000) return sent;
    if (now < next) {
      Atomics.wait(clock, 0, 0, PAUSE_MS);
      continue;
    }
    next = Math.max(next + everyMs, now - LATE_MAX * everyMs);
    const { fd4, fd6 } = sockets[turn % flows];
    port.use(fd4, fd6);
    if (port.send(DATAGRAMS, DATAGRAM_BYTES, cells[turn % cells.length], 0) === SEND_OK) {
      sent += bytes;
    }
  }
}

if (import.meta.main) {
  const [seconds, gbits, flows, ...addresses] = Deno.args;
  console.log(send(Number(seconds), Number(gbits), Number(flows), addresses));
  Deno.exit(0);
}
