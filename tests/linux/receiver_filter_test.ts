/** Sockets of one port for several receivers, with the filter that chooses among them. */
import assert from "node:assert/strict";
import { receiverFilter } from "../../lib/ports/receiver_filter.ts";
import { closeUdp, openUdp, pairsOf } from "../../lib/ports/open_udp.ts";
import { recv } from "../../ffi/libc.ts";

Deno.test("a datagram reaches the receiver that its index names, and all else the first", async () => {
  const opened = openUdp({ port: 0, receivers: 3 });
  try {
    const pairs = pairsOf(opened);
    assert.equal(pairs.length, 3);
    for (const address of ["127.0.0.1", "::1"]) {
      const six = address.includes(":");
      if (six && opened.fd6 < 0) continue;
      // Several source ports: without the filter the kernel would choose by these.
      for (let sender = 0; sender < 4; sender++) {
        const socket = Deno.listenDatagram({ transport: "udp", hostname: address, port: 0 });
        const send = (bytes: readonly number[]) =>
          socket.send(Uint8Array.from(bytes), {
            transport: "udp",
            hostname: address,
            port: opened.port,
          });
        const sent: (readonly [readonly number[], number])[] = [
          ...[0, 1, 2, 100, 255].map((last) => [[4, 0, 0, 0, 9, 9, 9, last, 1], last % 3] as const),
          [[1, 0, 0, 0, 9, 9, 9, 1], 0],
          [[3, 0, 0, 0, 9, 9, 9, 2], 0],
          [[4, 0, 0], 0],
          [[4], 0],
        ];
        for (const [bytes, receiver] of sent) {
          await send(bytes);
          const got = pairs.map(({ fd4, fd6 }) => {
            const buffer = new Uint8Array(64);
            const length = recv(six ? fd6 : fd4, buffer, 0);
            return length > 0 ? buffer.slice(0, length) : undefined;
          });
          assert.deepEqual(
            got.map((found) => found === undefined ? undefined : [...found]),
            pairs.map((_, i) => i === receiver ? [...bytes] : undefined),
          );
        }
        socket.close();
      }
    }
  } finally {
    closeUdp(opened);
  }
});

Deno.test("nobody else gets the port, with receivers or without", () => {
  const opened = openUdp({ port: 0, receivers: 2 });
  try {
    for (const receivers of [1, 2]) {
      assert.throws(() => openUdp({ port: opened.port, receivers }), /EADDRINUSE|in use/);
    }
  } finally {
    closeUdp(opened);
  }
});

Deno.test("the filter's program is six steps of 8 bytes", () => {
  assert.equal(receiverFilter(5).length, 48);
  assert.equal(receiverFilter(5)[3 * 8 + 4], 5);
});
