/** The Linux UDP port over loopback sockets. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import {
  type Endpoint,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import { SEND_FAILED, SEND_OK, SEND_SOURCE_LOST } from "../../lib/data/ports.ts";
import { sendDatagram } from "../../lib/ports/linux_datagram.ts";
import { LinuxUdpPort, type UdpOffloads } from "../../lib/ports/linux_udp_port.ts";
import { closeUdp, openUdp } from "../../lib/ports/open_udp.ts";
import { receiveBuffer, setReceiveBuffer } from "../../lib/ports/receive_buffer.ts";

const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = new Uint8Array(16).fill(1, 15);
const DATA = 65_536;

/** A port with its sockets in an arena of its own. */
class Post {
  readonly arena = new Arena(4 * 65_536);
  readonly sockets = openUdp({ port: 0 });
  readonly port: LinuxUdpPort;
  readonly counters = new Counters(new PeerTable());
  readonly cellAt: number;

  constructor(offloads: UdpOffloads = {}) {
    this.port = new LinuxUdpPort(
      this.arena,
      this.sockets.fd4,
      this.sockets.fd6,
      offloads,
      this.counters,
    );
    this.cellAt = this.arena.allocate(48);
  }
  at(address: Uint8Array): Endpoint {
    return { address, port: this.sockets.port, scope: 0 };
  }
  send(to: Endpoint, datagrams: readonly Uint8Array[], ecn = 0, local?: LocalAddress): number {
    writeEndpointCell(this.arena.bytes, this.cellAt, to, local);
    datagrams.forEach((datagram, i) => {
      // Apart from each other, as the data plane's slots are.
      this.arena.bytes.set(datagram, DATA + i * 2048);
      this.port.gather(i, DATA + i * 2048, datagram.length);
    });
    return this.port.send(datagrams.length, datagrams[0].length, this.cellAt, ecn);
  }
  /** Waits for the next run. */
  receive(): {
    datagrams: Uint8Array[];
    source: Endpoint | undefined;
    local: LocalAddress | undefined;
    ecn: number;
  } {
    const deadline = performance.now() + 30_000;
    while (performance.now() < deadline) {
      const received = this.port.receive(DATA);
      if (received === 0) continue;
      const segment = this.port.segmentSize || received;
      const datagrams: Uint8Array[] = [];
      for (let at = 0; at < received; at += segment) {
        datagrams.push(this.arena.bytes.slice(DATA + at, DATA + Math.min(received, at + segment)));
      }
      const { sourceAt, ecn } = this.port;
      const bytes = this.arena.bytes;
      return {
        datagrams,
        source: readEndpointCell(bytes, sourceAt),
        local: readLocalCell(bytes, sourceAt),
        ecn,
      };
    }
    throw new Error("nothing came");
  }
  receiveAll(count: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    while (all.length < count) all.push(...this.receive().datagrams);
    return all;
  }
  [Symbol.dispose](): void {
    closeUdp(this.sockets);
  }
}

const marked = (count: number, length: number, last = length): Uint8Array[] =>
  Array.from(
    { length: count },
    (_, i) => new Uint8Array(i === count - 1 ? last : length).fill(i + 1),
  );

for (const [family, address] of [["IPv4", LOOPBACK4], ["IPv6", LOOPBACK6]] as const) {
  Deno.test(`${family}: runs arrive as they were sent, with their source, destination and ECN`, () => {
    using a = new Post();
    using b = new Post();
    assert.equal(a.port.gso && a.port.gro, true, "this kernel has UDP_SEGMENT and UDP_GRO");
    for (
      const [count, length, last, ecn] of [
        [1, 100, 100, 0],
        [20, 1452, 300, 2],
        [64, 500, 500, 3],
        [2, 1, 1, 1],
      ]
    ) {
      const sent = marked(count, length, last);
      assert.equal(a.send(b.at(address), sent, ecn), SEND_OK);
      const got = b.receive();
      assert.deepEqual(got.datagrams, sent);
      assert.deepEqual(got.source, a.at(address));
      assert.deepEqual(got.local?.address, address);
      assert.equal(got.ecn, ecn);
    }
  });

  Deno.test(`${family}: without offloads every datagram comes alone`, () => {
    using a = new Post({ gso: false });
    using b = new Post({ gro: false });
    assert.deepEqual([a.port.gso, b.port.gro], [false, false]);
    const sent = marked(3, 700);
    for (const datagram of sent) assert.equal(a.send(b.at(address), [datagram]), SEND_OK);
    for (const datagram of sent) assert.deepEqual(b.receive().datagrams, [datagram]);
  });

  Deno.test(`${family}: GRO is switched off and on, also for the sockets that come after`, () => {
    using a = new Post();
    using b = new Post();
    const sent = marked(5, 700);
    for (const on of [false, true, false]) {
      b.port.setGro(on);
      for (const replaced of [false, true]) {
        if (replaced) {
          // Others in the place of these, as when the port changes: they begin with what a new
          // socket has.
          closeUdp(b.sockets);
          Object.assign(b.sockets, openUdp({ port: 0 }));
          b.port.replace(b.sockets.fd4, b.sockets.fd6);
        }
        assert.equal(b.port.gro, on);
        assert.equal(a.send(b.at(address), sent), SEND_OK);
        if (on) assert.deepEqual(b.receive().datagrams, sent);
        else for (const datagram of sent) assert.deepEqual(b.receive().datagrams, [datagram]);
      }
    }
    using never = new Post({ gro: false });
    never.port.setGro(true);
    assert.equal(never.port.gro, false, "left off for good");
  });

  Deno.test(`${family}: a source that is not ours is given up, in a run and alone`, () => {
    using a = new Post();
    using b = new Post();
    const foreign = address.slice();
    foreign[0] = address.length === 4 ? 203 : 0x20;
    const lost: LocalAddress = { address: foreign, interfaceIndex: 1 };
    for (const count of [1, 5]) {
      const sent = marked(count, 600);
      assert.equal(a.send(b.at(address), sent, 0, lost), SEND_SOURCE_LOST);
      assert.deepEqual(b.receiveAll(count), sent);
    }
    const bytes = Uint8Array.of(1, 2, 3);
    assert.equal(
      sendDatagram(a.sockets.fd4, a.sockets.fd6, bytes, b.at(address), lost, 0x88),
      SEND_SOURCE_LOST,
    );
    assert.deepEqual(b.receive().datagrams, [bytes]);
  });

  Deno.test(`${family}: a run that the path refuses goes one by one, now and later`, () => {
    using a = new Post();
    using b = new Post();
    // 67000 bytes are more than one send takes: EMSGSIZE, as a path too narrow for the segments
    // would give.
    const { arena, port, cellAt } = a;
    writeEndpointCell(arena.bytes, cellAt, b.at(address), undefined);
    port.gather(0, DATA, 65_000);
    port.gather(1, DATA, 1000);
    port.gather(2, DATA, 1000);
    assert.equal(a.counters.counts().udp_gso_refused, 0);
    assert.equal(port.send(3, 65_000, cellAt, 0), SEND_OK);
    assert.equal(a.counters.counts().udp_gso_refused, 1);
    assert.deepEqual(b.receiveAll(3).map((datagram) => datagram.length), [65_000, 1000, 1000]);
    assert.equal(a.send(b.at(address), marked(3, 400)), SEND_OK);
    assert.deepEqual(b.receiveAll(3), marked(3, 400));
    assert.equal(a.counters.counts().udp_gso_refused, 1, "the endpoint is known");
  });
}

Deno.test("neither family waits for the end of what came to the other", () => {
  for (const [first, second] of [[LOOPBACK4, LOOPBACK6], [LOOPBACK6, LOOPBACK4]]) {
    using a = new Post();
    using b = new Post({ gro: false });
    const datagram = Uint8Array.of(1);
    const send = (address: Uint8Array, count: number) => {
      for (let i = 0; i < count; i++) assert.equal(a.send(b.at(address), [datagram]), SEND_OK);
    };
    const families = (count: number) =>
      Array.from({ length: count }, () => {
        assert.equal(b.port.receive(DATA), 1);
        return b.arena.bytes[b.port.sourceAt];
      });
    send(first, 100);
    assert.deepEqual(new Set(families(50)), new Set([first.length]), "the other socket is empty");
    // Sockets that never become empty, as in a flood of both families.
    send(second, 100);
    send(first, 150);
    const came = families(160);
    for (const { length } of [first, second]) {
      for (let at = 0; at + 33 <= came.length; at++) {
        assert.ok(
          came.slice(at, at + 33).includes(length),
          `${length} is read from ${at} on: ${came}`,
        );
      }
    }
  }
});

Deno.test("queued datagrams are sent to both families in order, and a failed one stops no other", () => {
  using a = new Post();
  using b = new Post();
  using c = new Post();
  const { arena, port, cellAt } = a;
  const gone: LocalAddress = { address: Uint8Array.of(203, 0, 113, 9), interfaceIndex: 1 };
  const to: readonly (readonly [Endpoint | undefined, LocalAddress | undefined, number])[] = [
    [b.at(LOOPBACK4), undefined, SEND_OK],
    [c.at(LOOPBACK6), undefined, SEND_OK],
    [b.at(LOOPBACK4), gone, SEND_SOURCE_LOST],
    [undefined, undefined, SEND_FAILED],
    [{ address: Uint8Array.of(127, 0, 0, 1), port: 0, scope: 0 }, undefined, SEND_FAILED],
    [c.at(LOOPBACK6), undefined, SEND_OK],
    [b.at(LOOPBACK4), { address: LOOPBACK4, interfaceIndex: 1 }, SEND_OK],
    [b.at(LOOPBACK6), undefined, SEND_OK],
  ];
  const queue = port.makeSendQueue();
  for (let round = 0; round < 2; round++) {
    to.forEach(([endpoint, local], i) => {
      writeEndpointCell(arena.bytes, cellAt, endpoint, local);
      arena.bytes.fill(i + 1, DATA + i * 2048, DATA + i * 2048 + 200);
      queue.put(i, DATA + i * 2048, 200, cellAt, i & 1);
    });
    // The cells were read: what becomes of them later is no matter.
    arena.bytes.fill(0, cellAt, cellAt + 48);
    queue.send(to.length);
    assert.deepEqual(to.map((_, i) => queue.result(i)), to.map(([, , result]) => result));
    const marksAndEcn = (post: Post, count: number) =>
      Array.from({ length: count }, () => post.receive()).map((
        { datagrams, ecn },
      ) => [datagrams[0][0], ecn]);
    assert.deepEqual(marksAndEcn(b, 4).sort(), [[1, 0], [3, 0], [7, 0], [8, 1]]);
    assert.deepEqual(marksAndEcn(c, 2), [[2, 1], [6, 1]]);
  }
});

Deno.test("queued datagrams are sent on the sockets of the time of sending", () => {
  using a = new Post();
  using b = new Post();
  const fresh = openUdp({ port: 0 });
  const queue = a.port.makeSendQueue();
  try {
    for (const [i, address] of [LOOPBACK4, LOOPBACK6].entries()) {
      writeEndpointCell(a.arena.bytes, a.cellAt, b.at(address), undefined);
      queue.put(i, DATA, 100, a.cellAt, 0);
    }
    a.port.replace(fresh.fd4, fresh.fd6);
    queue.send(2);
    assert.deepEqual([b.receive(), b.receive()].map(({ source }) => source?.port), [
      fresh.port,
      fresh.port,
    ]);
  } finally {
    closeUdp(fresh);
  }
});

Deno.test("the answer is sent from the address that the datagram was sent to", () => {
  using a = new Post();
  using b = new Post();
  const other = Uint8Array.of(127, 0, 0, 2);
  a.send(b.at(other), marked(1, 10));
  const { source, local } = b.receive();
  assert.deepEqual(local?.address, other);
  b.send(source!, marked(1, 10), 0, local);
  assert.deepEqual(a.receive().source, b.at(other));
});

Deno.test("changing the family leaves nothing of the other one behind", () => {
  using a = new Post();
  using b = new Post();
  for (const address of [LOOPBACK4, LOOPBACK6, LOOPBACK6, LOOPBACK4, LOOPBACK6]) {
    const local = { address, interfaceIndex: 1 };
    assert.equal(a.send(b.at(address), marked(2, 50), 2, local), SEND_OK);
    const got = b.receive();
    assert.deepEqual([got.source, got.ecn], [a.at(address), 2]);
  }
});

Deno.test("datagrams of any size are received, and empty ones are skipped", () => {
  using a = new Post();
  using b = new Post();
  a.send(b.at(LOOPBACK4), [new Uint8Array(0)]);
  a.send(b.at(LOOPBACK6), [new Uint8Array(0)]);
  writeEndpointCell(a.arena.bytes, a.cellAt, b.at(LOOPBACK4), undefined);
  a.port.gather(0, DATA, 65_507);
  assert.equal(a.port.send(1, 65_507, a.cellAt, 0), SEND_OK);
  assert.equal(b.receive().datagrams[0].length, 65_507);
  a.port.gather(0, DATA, 65_508);
  assert.equal(a.port.send(1, 65_508, a.cellAt, 0), SEND_FAILED);
});

Deno.test("sending fails for a family without a socket, and for a cell without an endpoint", () => {
  using a = new Post();
  using b = new Post();
  a.port.use(-1, a.sockets.fd6);
  assert.equal(a.send(b.at(LOOPBACK4), marked(1, 10)), SEND_FAILED);
  assert.equal(a.send(b.at(LOOPBACK6), marked(1, 10)), SEND_OK);
  a.arena.bytes.fill(0, a.cellAt, a.cellAt + 48);
  assert.equal(a.port.send(1, 10, a.cellAt, 0), SEND_FAILED);
  assert.equal(b.receive().datagrams.length, 1);
});

Deno.test("the sockets are replaced while datagrams are sent", () => {
  using a = new Post();
  using b = new Post();
  const fresh = openUdp({ port: 0 });
  try {
    b.port.replace(fresh.fd4, fresh.fd6);
    assert.equal(b.port.gso && b.port.gro, true);
    for (const address of [LOOPBACK4, LOOPBACK6]) {
      a.send({ address, port: fresh.port, scope: 0 }, marked(4, 200));
      const got = b.receive();
      assert.deepEqual([got.datagrams, got.local?.address], [marked(4, 200), address]);
    }
  } finally {
    closeUdp(fresh);
  }
});

Deno.test("a short queue takes less, keeps what is in it, and becomes as long as it was", () => {
  using a = new Post();
  using b = new Post({ gro: false });
  const { port } = b;
  const pairs = [{ ...b.sockets }, openUdp({ port: 0 })];
  const buffers = () => pairs.flatMap(({ fd4, fd6 }) => [fd4, fd6].map(receiveBuffer));
  try {
    const long = buffers();
    // Without CAP_NET_ADMIN the limit of the sysctl applies, which may be below.
    const short = long.map((bytes) => Math.min(bytes, 512 << 10));
    port.setShortQueue(false);
    assert.deepEqual(buffers(), long);
    const send = (count: number) => {
      for (let i = 0; i < count; i++) a.send(b.at(LOOPBACK4), [Uint8Array.of(1)]);
    };
    const drain = () => {
      let count = 0;
      while (port.receive(DATA) > 0) count++;
      return count;
    };
    send(4_000);
    for (let i = 0; i < 2; i++) port.setShortQueue(true);
    assert.deepEqual(buffers(), [...short.slice(0, 2), ...long.slice(2)]);
    send(10);
    const kept = drain();
    if (long[0] >= 7 << 20) assert.equal(kept, 4_000);
    send(4_000);
    const taken = drain();
    assert.ok(taken > 100 && taken < 2_500, `${taken}`);
    for (let i = 0; i < 2; i++) port.setShortQueue(false);
    assert.deepEqual(buffers(), long);
    // Others in their place: these are long, and so are the first ones again.
    port.setShortQueue(true);
    port.replace(pairs[1].fd4, pairs[1].fd6);
    assert.deepEqual(buffers(), long);
    port.setShortQueue(true);
    assert.deepEqual(buffers(), [...long.slice(0, 2), ...short.slice(2)]);
    // A buffer that is smaller is left alone.
    port.setShortQueue(false);
    for (const fd of [pairs[1].fd4, pairs[1].fd6]) setReceiveBuffer(fd, 100_000);
    port.setShortQueue(true);
    assert.deepEqual(buffers().slice(2), [100_000, 100_000]);
    port.setShortQueue(false);
    assert.deepEqual(buffers().slice(2), [100_000, 100_000]);
  } finally {
    closeUdp(pairs[1]);
  }
});

Deno.test("handshake messages carry their DSCP and reach both families", () => {
  using a = new Post();
  using b = new Post();
  for (const address of [LOOPBACK4, LOOPBACK6]) {
    const bytes = new Uint8Array(148).fill(7);
    // The low two bits of the byte are ECN: what a receiver of this project can see of it.
    assert.equal(
      sendDatagram(a.sockets.fd4, a.sockets.fd6, bytes, b.at(address), undefined, 0x88 | 1),
      SEND_OK,
    );
    const got = b.receive();
    assert.deepEqual([got.datagrams, got.source, got.ecn], [[bytes], a.at(address), 1]);
  }
});
