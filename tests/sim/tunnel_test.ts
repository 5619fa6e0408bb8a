import assert from "node:assert/strict";
import { parseRange } from "../../lib/base/ip_text.ts";
import { STANDARD_TIMES, type Times } from "../../lib/base/times.ts";
import { keyOf, publicOf } from "../device/harness.ts";
import { endpoint, Tunnel } from "./traffic.ts";
import { CALM, type Faults, Node, ROUGH, World } from "./world.ts";

const MINUTE = 60_000;

function tunnel(seed: number, faults: Faults = CALM): Tunnel {
  const world = new World(seed);
  const made = new Tunnel(world);
  world.faults = faults;
  return made;
}

for (const seed of [1, 2]) {
  Deno.test(`ten minutes of traffic over a rough network, seed ${seed}`, () => {
    const pair = tunnel(seed, ROUGH);
    pair.flow(10);
    pair.world.run(10 * MINUTE);
    const share = pair.arrived.size / pair.sent;
    assert.ok(share > 0.85, `seed ${seed}: ${share}`);
    assert.ok(
      pair.a.counts().rx_replayed + pair.b.counts().rx_replayed > 100,
      "repeated ones came and were refused",
    );
    assert.ok(
      pair.a.counts().rx_unauthentic + pair.b.counts().rx_unauthentic > 20,
      "damaged ones came and were refused",
    );
    assert.ok(
      pair.a.handshakesSent + pair.b.handshakesSent < 60,
      "a handshake every two minutes, not more",
    );
    pair.world.faults = CALM;
    pair.assertConnected(1_000);
  });
}

for (const [seed, delay] of [[3, 5], [4, 60], [5, 300]]) {
  Deno.test(`ten minutes over a calm network of ${delay} ms lose nothing, not even when both sides renew at once`, () => {
    const pair = tunnel(seed, { ...CALM, delayMin: delay, delayMax: delay + 0.01 });
    pair.flow(20);
    pair.world.run(10 * MINUTE);
    const sent = pair.sent;
    pair.world.run(1_000);
    const lost = Array.from({ length: sent }, (_, number) => number).filter((number) =>
      !pair.arrived.has(number)
    );
    assert.deepEqual(lost, [], `seed ${seed}`);
    assert.ok(
      pair.a.handshakesSent <= 2 * 6 && pair.b.handshakesSent <= 2 * 6,
      "one a side every two minutes at most",
    );
  });
}

Deno.test("both sides initiate at once, again and again: connected within a round trip", () => {
  for (let seed = 10; seed < 20; seed++) {
    const pair = tunnel(seed);
    const first = [pair.packet("a"), pair.packet("b")];
    pair.world.run(40);
    assert.ok(first.every((number) => pair.arrived.has(number)), `seed ${seed}`);
    pair.flow(5);
    pair.world.run(3 * MINUTE);
    assert.ok(
      pair.arrived.size > 0.99 * pair.sent,
      `seed ${seed}: ${pair.arrived.size} of ${pair.sent}`,
    );
  }
});

Deno.test("two idle peers send nothing", () => {
  const pair = tunnel(21);
  pair.assertConnected(1_000);
  pair.world.run(MINUTE);
  const before = pair.world.delivered;
  pair.world.run(20 * MINUTE);
  assert.equal(pair.world.delivered, before);
  assert.equal(pair.a.device.nextDeadline(), undefined);
  assert.equal(pair.b.device.nextDeadline(), undefined);
  pair.assertConnected(1_000);
});

Deno.test("data one way only: the receiver's passive keepalives are enough", () => {
  const pair = tunnel(22);
  pair.world.every(500, () => void pair.packet("a"));
  pair.world.run(5 * MINUTE);
  assert.ok(pair.arrived.size >= pair.sent - 2);
  assert.ok(
    !pair.a.log.some((line) => line.includes("stopped hearing back")),
    "nobody lost patience",
  );
  const keepalives = pair.b.log.filter((line) => line.startsWith("Sending keepalive")).length;
  assert.ok(keepalives >= 20 && keepalives <= 40, `${keepalives}`);
});

Deno.test("a node that roams is followed, from IPv4 to IPv6 and back", () => {
  const pair = tunnel(23);
  pair.flow(10);
  const places = [
    "192.0.2.9:5",
    "[2001:db8::5]:7",
    "192.0.2.9:6",
    "[2001:db8::6]:7",
    "203.0.113.4:40000",
  ];
  for (const place of places) {
    pair.world.run(20_000);
    pair.a.endpoint = endpoint(place);
    pair.packet("a");
    pair.world.run(100);
    assert.deepEqual(pair.b.device.status().peers[0].endpoint, endpoint(place));
    pair.assertConnected(1_000);
  }
  assert.ok(pair.arrived.size > 0.97 * pair.sent);
});

Deno.test("an outage of every length heals by itself", () => {
  for (const [seed, minutes] of [[30, 0.2], [31, 1], [32, 2.5], [33, 4], [34, 15]]) {
    const pair = tunnel(seed);
    pair.flow(5);
    pair.world.run(90_000);
    pair.world.faults = { ...CALM, loss: 1 };
    pair.world.run(minutes * MINUTE);
    pair.world.faults = CALM;
    pair.assertConnected(16_000);
  }
});

Deno.test("an interface that goes down and comes up again is back at once", () => {
  const pair = tunnel(40);
  pair.flow(5);
  pair.world.run(30_000);
  pair.b.device.link(false, 1420, pair.world.now);
  pair.world.run(3_000);
  const before = pair.arrived.size;
  pair.world.run(10_000);
  assert.equal(pair.arrived.size, before);
  pair.b.device.link(true, 1420, pair.world.now);
  pair.assertConnected(6_000);
});

Deno.test("a new private key, told to the peer a little later", () => {
  const pair = tunnel(41);
  pair.flow(5);
  pair.world.run(30_000);
  pair.a.device.configure({ privateKey: keyOf(7) }, pair.world.now);
  pair.keySeeds.a = 7;
  pair.world.run(2_000);
  const stale = { publicKey: publicOf(1), remove: true };
  pair.b.device.configure({ peers: [stale, pair.peerOf("b", false)] }, pair.world.now);
  pair.assertConnected(6_000);
});

Deno.test("a peer removed and made again while its packets are under way", () => {
  for (let seed = 50; seed < 56; seed++) {
    const pair = tunnel(seed, { ...CALM, delayMax: 40 });
    pair.flow(20);
    for (let i = 0; i < 10; i++) {
      pair.world.run(1_000 * pair.world.random());
      pair.b.device.configure(
        { peers: [{ publicKey: publicOf(1), remove: true }] },
        pair.world.now,
      );
      pair.world.run(200 * pair.world.random());
      pair.b.device.configure({ peers: [pair.peerOf("b", true)] }, pair.world.now);
    }
    pair.assertConnected(16_000);
    assert.equal(pair.b.device.status().peers.length, 1);
  }
});

Deno.test("a preshared key changed on both sides takes effect without a break", () => {
  const pair = tunnel(60);
  pair.flow(5);
  pair.world.run(10_000);
  const before = pair.sent;
  for (const [node, other] of [[pair.a, 2], [pair.b, 1]] as const) {
    node.device.configure({
      peers: [{ publicKey: publicOf(other), presharedKey: keyOf(8) as never }],
    }, pair.world.now);
  }
  pair.world.run(4 * MINUTE);
  pair.world.run(1);
  const lost = Array.from({ length: pair.sent - before }, (_, i) => before + i).filter((n) =>
    !pair.arrived.has(n)
  );
  assert.ok(lost.length <= 4, `${lost.length}`);
});

Deno.test("under load on a network with faults, cookies let peers connect", () => {
  for (let seed = 70; seed < 74; seed++) {
    const pair = tunnel(seed, ROUGH);
    pair.a.pretendWaiting = pair.b.pretendWaiting = 600;
    pair.flow(5);
    pair.world.run(2 * MINUTE);
    assert.ok(
      pair.arrived.size > 0.5 * pair.sent,
      `seed ${seed}: ${pair.arrived.size} of ${pair.sent}`,
    );
    assert.ok(
      [...pair.a.log, ...pair.b.log].some((line) => line.startsWith("Receiving cookie response")),
    );
  }
});

Deno.test("jumps of both wall clocks stop nothing", () => {
  for (const seed of [80, 81]) {
    const pair = tunnel(seed, { ...ROUGH, loss: 0.02 });
    pair.flow(5);
    pair.world.every(20_000, () => {
      const node = pair.world.random() < 0.5 ? pair.a : pair.b;
      node.wallOffsetNs = BigInt(Math.floor(pair.world.random() * 4e9)) * 1_000_000_000n;
    });
    pair.world.run(10 * MINUTE);
    assert.ok(
      pair.arrived.size > 0.93 * pair.sent,
      `seed ${seed}: ${pair.arrived.size} of ${pair.sent}`,
    );
  }
});

Deno.test("a node that starts again with its clock behind is served once the clock has caught up", () => {
  const pair = tunnel(82);
  const { a, b, world } = pair;
  pair.assertConnected(1_000);
  a.wallOffsetNs -= 120n * 1_000_000_000n;
  a.restart();
  a.device.configure({ privateKey: keyOf(1), peers: [pair.peerOf("a", true)] }, world.now);
  a.device.link(true, 1420, world.now);
  world.every(1_000, () => void pair.packet("a"));
  const before = pair.arrived.size;
  world.run(115_000);
  assert.equal(pair.arrived.size, before);
  const { handshake_replayed, handshake_initiation_accepted } = b.counts();
  assert.ok(handshake_replayed > 15, `${handshake_replayed} refused`);
  world.run(15_000);
  assert.ok(pair.arrived.size > before);
  assert.equal(b.counts().handshake_initiation_accepted, handshake_initiation_accepted + 1);
});

Deno.test("the same with all intervals divided by twenty: no constants are used instead", () => {
  const times = Object.fromEntries(
    Object.entries(STANDARD_TIMES).map(([name, ms]) => [name, ms / 20]),
  ) as unknown as Times;
  const world = new World(90, times);
  const pair = new Tunnel(world);
  pair.flow(20);
  world.run(60_000);
  world.run(1);
  assert.ok(
    pair.sent - pair.arrived.size <= 20,
    `${pair.sent - pair.arrived.size} lost of ${pair.sent}`,
  );
  const handshakes = pair.a.handshakesSent + pair.b.handshakesSent;
  assert.ok(handshakes >= 2 * 9 && handshakes <= 4 * 11, `${handshakes}`);
  world.faults = { ...CALM, loss: 1 };
  world.run(30_000);
  world.faults = CALM;
  pair.assertConnected(1_000);
});

Deno.test("a hub of twenty spokes that start, move and stop at random", () => {
  const world = new World(91);
  const arrived = new Set<string>();
  const inside = (i: number) => `10.1.0.${i}`;
  const packet = (from: number, to: number, serial: number) => {
    const bytes = new Uint8Array(64);
    bytes.set([0x45, 0, 0, 64, 0, 0, 0, 0, 64, 253, 0, 0, 10, 1, 0, from, 10, 1, 0, to]);
    new DataView(bytes.buffer).setUint32(20, serial);
    return bytes;
  };
  const keep = (packet: Uint8Array) =>
    void (packet[9] === 253 && arrived.add(packet.slice(12, 24).toHex()));
  const hub = new Node(world, endpoint("192.0.2.1:1"), keep);
  const range = (i: number) => parseRange(`${inside(i)}/32`)!;
  const spokes = Array.from({ length: 20 }, (_, i) => {
    const node = new Node(world, endpoint(`198.51.100.${i + 10}:7`), keep);
    const peer = {
      publicKey: publicOf(500),
      endpoint: hub.endpoint,
      allowedIps: [parseRange("10.1.0.0/16")!],
    };
    node.device.configure({ privateKey: keyOf(501 + i), peers: [peer] }, world.now);
    node.device.link(true, 1420, world.now);
    return node;
  });
  const peers = spokes.map((_, i) => ({
    publicKey: publicOf(501 + i),
    allowedIps: [range(i + 2)],
  }));
  hub.device.configure({ privateKey: keyOf(500), peers }, world.now);
  hub.device.link(true, 1420, world.now);
  world.run(100);
  let serial = 0;
  const expected = new Set<string>();
  for (let round = 0; round < 300; round++) {
    const i = Math.floor(world.random() * spokes.length);
    if (world.random() < 0.2) {
      spokes[i].endpoint = endpoint(
        `203.0.113.${Math.floor(world.random() * 10) + 20 * i % 200}:${i + 1}`,
      );
    }
    const there = packet(i + 2, 1, serial++);
    spokes[i].tun.inject(there);
    world.run(100);
    const back = packet(1, i + 2, serial++);
    hub.tun.inject(back);
    for (const bytes of [there, back]) expected.add(bytes.slice(12, 24).toHex());
    world.run(5_000 * world.random());
  }
  assert.deepEqual([...expected].filter((key) => !arrived.has(key)), []);
  world.run(15 * MINUTE);
  assert.equal(hub.device.nextDeadline(), undefined, "all is quiet in the end");
});
