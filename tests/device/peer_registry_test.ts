/** Peers by key and slot, the reuse of slots, and the owners of ranges, beside plain maps. */
import assert from "node:assert/strict";
import { milliseconds, type PublicKey } from "../../lib/base/brands.ts";
import { PEERS_MAX } from "../../lib/base/constants.ts";
import type { AllowedIp } from "../../lib/base/endpoint.ts";
import { parseRange } from "../../lib/base/ip_text.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import type { Peer } from "../../lib/device/peer.ts";
import { PeerRegistry, rangeKey } from "../../lib/device/peer_registry.ts";
import { TimerQueue } from "../../lib/timers/timer_queue.ts";
import { trial } from "../random.ts";

const at = (ms: number) => milliseconds(ms);
const range = (text: string): AllowedIp => parseRange(text)!;

function keyOf(number: number): PublicKey {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(28, number);
  return key as Uint8Array as PublicKey;
}

const registry = () => new PeerRegistry(new TimerQueue(STANDARD_TIMES, new PeerTable()));

Deno.test("a freed slot is used again 10 s later, the oldest one first, and never by two peers", () => {
  trial((chance) => {
    const peers = registry();
    const live = new Map<number, { peer: Peer; key: number }>();
    let freed: { slot: number; since: number }[] = [];
    let slots = 0;
    let key = 0;
    let now = 1_000;
    for (let step = 0; step < 12_000; step++) {
      now += chance.oneOf([0, 1, 500, 9_999, 10_000]);
      // Many more are removed and made again than there are at a time.
      if (live.size > 0 && chance.once(2) || live.size > 40) {
        const [slot, { peer, key }] = chance.oneOf([...live]);
        peers.remove(peer, at(now));
        live.delete(slot);
        freed.push({ slot, since: now });
        assert.equal(peers.at(peer.slot), undefined);
        assert.equal(peers.find(keyOf(key)), undefined);
        continue;
      }
      const [oldest, ...others] = freed;
      const isFree = oldest !== undefined && now - oldest.since >= 10_000;
      const peer = peers.add(keyOf(++key), at(now));
      assert.equal(peer.slot, isFree ? oldest.slot : slots++, `step ${step}`);
      if (isFree) freed = others;
      assert.ok(!live.has(peer.slot));
      live.set(peer.slot, { peer, key });
      assert.deepEqual(peer.publicKey, keyOf(key));
      assert.equal(peer.number, key);
      assert.equal(peers.find(keyOf(key)), peer);
      assert.equal(peers.at(peer.slot), peer);
    }
    assert.equal(peers.size, live.size);
    for (const { peer, key } of live.values()) assert.deepEqual(peer.publicKey, keyOf(key));
  });
});

Deno.test("with all slots in use a freed one is used again at once", () => {
  const peers = registry();
  for (let i = 0; i < PEERS_MAX - 1; i++) peers.add(keyOf(i), at(0));
  const early = peers.find(keyOf(7))!;
  peers.remove(early, at(0));
  assert.equal(peers.add(keyOf(PEERS_MAX), at(1)).slot, PEERS_MAX - 1);
  assert.equal(peers.add(keyOf(PEERS_MAX + 1), at(1)).slot, early.slot);
});

Deno.test("a range has one owner: it moves, it is removed by its owner only, and it may come back", () => {
  const peers = registry();
  const [a, b] = [1, 2].map((number) => peers.add(keyOf(number), at(0)));
  const one = range("10.0.0.0/8"), other = range("fd00::/16");
  const ownerOf = (of: AllowedIp) => peers.ownerOf(rangeKey(of));
  peers.addRange(a, one);
  peers.addRange(a, other);
  peers.addRange(a, one);
  assert.deepEqual(peers.rangesOf(a), [one, other]);
  assert.equal(peers.rangeCount, 2);
  peers.removeRange(b, one);
  assert.deepEqual([ownerOf(one), peers.rangeCount], [a, 2], "it is not b's");
  peers.addRange(b, one);
  assert.deepEqual([peers.rangesOf(a), peers.rangesOf(b)], [[other], [one]]);
  peers.removeRange(a, one);
  assert.equal(ownerOf(one), b);
  peers.removeRange(b, one);
  assert.deepEqual([ownerOf(one), peers.rangeCount, peers.rangesOf(b)], [undefined, 1, []]);
  peers.addRange(b, one);
  assert.deepEqual([ownerOf(one), peers.rangesOf(b)], [b, [one]]);
  peers.clearRanges(a);
  assert.deepEqual([ownerOf(other), peers.rangesOf(a), peers.rangeCount], [undefined, [], 1]);
  peers.remove(b, at(0));
  assert.deepEqual([ownerOf(one), peers.rangeCount], [undefined, 0]);
  // The same address with another prefix is another range.
  peers.addRange(a, range("10.0.0.0/9"));
  assert.equal(ownerOf(one), undefined);
});
