/** Packets that wait for a session: which of them are dropped, and what is counted. */
import assert from "node:assert/strict";
import { peerSlot } from "../../lib/base/brands.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { Peer } from "../../lib/data/sessions.ts";
import { Staging } from "../../lib/data/staging.ts";

const BYTES_MAX = 33_554_432;

function staging() {
  const counters = new Counters(new PeerTable());
  const peers = [0, 1].map((slot) => new Peer(peerSlot(slot), 0));
  const dropped = () => counters.counts().tx_staged_dropped;
  return { staged: new Staging(counters), peers, dropped };
}

const numbered = (length: number, number: number) => {
  const packet = new Uint8Array(length);
  packet[0] = number;
  return packet;
};
const numbers = (packets: readonly Uint8Array[]) => packets.map(([number]) => number);

Deno.test("128 packets of a peer wait, and the oldest is dropped for the next one", () => {
  const { staged, peers: [peer, other], dropped } = staging();
  staged.push(other, numbered(10, 7));
  for (let i = 0; i < 128; i++) staged.push(peer, numbered(100, i));
  assert.deepEqual([staged.bytes, dropped()], [12_810, 0]);
  for (let i = 128; i < 131; i++) staged.push(peer, numbered(50, i));
  assert.deepEqual([staged.bytes, dropped()], [12_660, 3]);
  assert.deepEqual(numbers(staged.takeAll(peer)), Array.from({ length: 128 }, (_, i) => i + 3));
  assert.deepEqual(staged.takeAll(peer), []);
  assert.deepEqual([staged.bytes, dropped()], [10, 3]);
  assert.deepEqual(numbers(staged.takeAll(other)), [7]);
  assert.equal(staged.bytes, 0);
});

Deno.test("all peers together have 32 MiB, to the byte", () => {
  const { staged, peers: [peer, other], dropped } = staging();
  staged.push(other, new Uint8Array(BYTES_MAX - 300));
  staged.push(peer, numbered(100, 1));
  staged.push(peer, numbered(200, 2));
  assert.deepEqual([staged.bytes, dropped()], [BYTES_MAX, 0]);
  // The oldest ones of the same peer make room, as many as are needed.
  staged.push(peer, numbered(100, 3));
  assert.deepEqual([staged.bytes, dropped()], [BYTES_MAX, 1]);
  staged.push(peer, numbered(101, 4));
  assert.deepEqual([staged.bytes, dropped()], [BYTES_MAX - 99, 2]);
  assert.deepEqual(numbers(staged.takeAll(peer)), [3, 4]);
  staged.takeAll(peer);
  staged.push(peer, numbered(300, 5));
  staged.push(peer, numbered(200, 6));
  assert.deepEqual([staged.bytes, dropped()], [BYTES_MAX - 100, 3]);
  staged.takeAll(peer);
  // Where there are none, the packet itself is dropped.
  staged.push(peer, new Uint8Array(301));
  assert.deepEqual([staged.bytes, dropped(), peer.staged], [BYTES_MAX - 300, 4, []]);
});

Deno.test("dropped packets are counted for their peer, and only when there are some", () => {
  const { staged, peers: [peer, other], dropped } = staging();
  staged.drop(peer);
  assert.equal(dropped(), 0);
  for (let i = 0; i < 3; i++) staged.push(peer, numbered(10, i));
  staged.push(other, numbered(10, 9));
  staged.drop(peer);
  assert.deepEqual([dropped(), staged.bytes, peer.staged], [3, 10, null]);
  staged.drop(other);
  assert.deepEqual([dropped(), staged.bytes], [4, 0]);
});
