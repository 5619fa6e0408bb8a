/** Which packets are messages of ours that came back, told from their bytes. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { DataEvent } from "../../lib/base/messages.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { EventReporter } from "../../lib/data/event_reporter.ts";
import { Loops } from "../../lib/data/loops.ts";
import { PacketMemory } from "../../lib/data/memory.ts";
import { Peer, SessionTable } from "../../lib/data/sessions.ts";
import { makePacket } from "./packets.ts";

const NOW = milliseconds(50_000);
const REMOTE = 0x8123_4567;
const SENDER = 0xfedc_ba98;

/** Two peers; the first one has a session, and was sent a handshake message. */
function looking() {
  const arena = new Arena(DATAPLANE_ARENA_BYTES);
  const memory = new PacketMemory(arena);
  const table = new PeerTable();
  const handshakes = new HandshakeMemory();
  const counters = new Counters(table);
  const events: DataEvent[] = [];
  const peers = Array.from(
    { length: 12 },
    (_, slot) => new Peer(peerSlot(slot), memory.cell(slot)),
  );
  const sessions = new SessionTable(memory, handshakes.sessionKeys, true, true);
  const session = sessions.install(peers[0], {
    type: "session-install",
    peer: peerSlot(0),
    initiator: true,
    localIndex: sessionIndex(5),
    remoteIndex: sessionIndex(REMOTE),
    keySlot: handshakes.sessionKeys.put(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)),
    createdAt: NOW,
  });
  peers[0].current = session;
  table.handshakeLeaves(peerSlot(0), sessionIndex(SENDER));
  const reporter = new EventReporter(table, handshakes, (event) => events.push(event));
  const loops = new Loops({ memory, table, peers, sessions, counters, events: reporter });
  const isLoop = (to: number, packet: Uint8Array, now = NOW, length = packet.length) => {
    // Behind the packet is the rest of a message of ours.
    arena.bytes.fill(0, memory.tunPacket - 64, memory.tunPacket + 300);
    arena.bytes.set(packet, memory.tunPacket);
    return loops.isLoop(peers[to], packet[0] >>> 4 === 4, length, now);
  };
  return { isLoop, peers, events, looped: () => counters.counts().tx_looped };
}

/** A message of a type with an index, in UDP. */
function message(type: number, index: number, v6 = false, more: { ipOptions?: Uint8Array } = {}) {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, index, true);
  const fields = { source: 1, destination: 2, sourcePort: 3, destinationPort: 4, payload };
  return makePacket({ v6, udp: true, ...fields, ...more });
}

/** An IPv6 packet with a fragment header before its transport. */
function fragment(packet: Uint8Array, next: number, offset: number): Uint8Array {
  const header = Uint8Array.of(next, 0, offset >>> 8, offset & 255, 1, 2, 3, 4);
  const whole = Uint8Array.of(...packet.subarray(0, 40), ...header, ...packet.subarray(40));
  whole[6] = 44;
  return whole;
}

Deno.test("our data, initiation and response messages to the same peer are loops, with their index alone", () => {
  const { isLoop, events, looped } = looking();
  for (const v6 of [false, true]) {
    assert.ok(isLoop(0, message(4, REMOTE, v6)));
    assert.ok(isLoop(0, message(1, SENDER, v6)));
    assert.ok(isLoop(0, message(2, SENDER, v6)));
    // A cookie reply, messages of others, and no messages.
    for (const [type, index] of [[3, SENDER], [3, REMOTE], [4, SENDER], [1, REMOTE], [0, REMOTE]]) {
      assert.ok(!isLoop(0, message(type, index, v6)), `${type} ${index}`);
    }
    for (const type of [5, 0x104, 0x4000_0001]) assert.ok(!isLoop(0, message(type, SENDER, v6)));
  }
  assert.equal(looped(), 6);
  assert.deepEqual(events, [{ type: "loop", peer: 0, through: 0 }]);
});

Deno.test("a message that ends before its index is none", () => {
  const { isLoop } = looking();
  for (const v6 of [false, true]) {
    const packet = message(4, REMOTE, v6);
    assert.ok(isLoop(0, packet));
    assert.ok(!isLoop(0, packet, NOW, packet.length - 1));
  }
});

Deno.test("IPv4: UDP only, behind options too, and no later fragment", () => {
  const { isLoop } = looking();
  assert.ok(isLoop(0, message(4, REMOTE, false, { ipOptions: new Uint8Array(8) })));
  for (const protocol of [6, 16, 18]) {
    const packet = message(4, REMOTE);
    packet[9] = protocol;
    assert.ok(!isLoop(0, packet), `protocol ${protocol}`);
  }
  for (const flags of [0x40, 0x20, 0x80]) {
    const packet = message(4, REMOTE);
    packet[6] = flags;
    assert.ok(isLoop(0, packet), `flags ${flags}`);
  }
  for (let bit = 0; bit < 13; bit++) {
    const packet = message(4, REMOTE);
    packet[6] = (1 << bit) >>> 8;
    packet[7] = 1 << bit;
    assert.ok(!isLoop(0, packet), `offset ${1 << bit}`);
  }
});

Deno.test("IPv6: UDP, or the first fragment of UDP", () => {
  const { isLoop } = looking();
  const packet = message(4, REMOTE, true);
  assert.ok(isLoop(0, fragment(packet, 17, 0)));
  assert.ok(isLoop(0, fragment(packet, 17, 1)), "more fragments follow");
  for (let bit = 3; bit < 16; bit++) {
    assert.ok(!isLoop(0, fragment(packet, 17, 1 << bit)), `offset ${1 << bit}`);
  }
  assert.ok(!isLoop(0, fragment(packet, 6, 0)), "of TCP");
  const other = fragment(packet, 17, 0);
  other[6] = 60;
  assert.ok(!isLoop(0, other), "another extension header");
  const tcp = packet.slice();
  tcp[6] = 6;
  assert.ok(!isLoop(0, tcp));
});

Deno.test("through another peer it is sent on, and the peers are known as carrier and carried for a second", () => {
  const { isLoop, peers, looped, events } = looking();
  assert.ok(!isLoop(3, message(4, REMOTE)));
  assert.deepEqual([peers[0].carrier, peers[0].carriedAt], [peers[3], NOW]);
  assert.equal(looped(), 0);
  // Messages to 3 go through 0 then, which is a ring as long as the other way is in use.
  peers[3].carrier = peers[0];
  peers[3].carriedAt = NOW;
  assert.ok(isLoop(3, message(4, REMOTE), milliseconds(NOW + 999)));
  assert.deepEqual(events, [{ type: "loop", peer: 0, through: 3 }]);
  assert.ok(!isLoop(3, message(4, REMOTE), milliseconds(NOW + 1_000)));
  assert.equal(looped(), 1);
});

Deno.test("a ring is a loop although its last peer was not carried yet", () => {
  const { isLoop, peers } = looking();
  peers[3].carrier = peers[4];
  peers[4].carrier = peers[0];
  peers[3].carriedAt = peers[4].carriedAt = NOW;
  assert.ok(isLoop(3, message(4, REMOTE)));
  assert.ok(!isLoop(5, message(4, REMOTE)));
});

Deno.test("a chain in which eight peers are carried counts as a loop, one of seven does not", () => {
  for (const [links, is] of [[6, false], [7, false], [8, true]] as const) {
    const { isLoop, peers } = looking();
    for (let i = 1; i <= links; i++) {
      peers[i].carrier = peers[i + 1];
      peers[i].carriedAt = NOW;
    }
    assert.equal(isLoop(1, message(4, REMOTE)), is, `${links}`);
  }
});

Deno.test("the session in use counts before another peer's with the same index", () => {
  const { isLoop, peers } = looking();
  const [mine] = peers;
  const other = Object.assign(Object.create(Object.getPrototypeOf(mine.current!)), mine.current);
  peers[4].current = other;
  assert.ok(isLoop(4, message(4, REMOTE)), "it is sent to the peer of the session in use");
});
