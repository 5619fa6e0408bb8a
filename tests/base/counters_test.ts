/** The list of counters, and the memory of their values. */
import assert from "node:assert/strict";
import { peerSlot } from "../../lib/base/brands.ts";
import { PEERS_MAX } from "../../lib/base/constants.ts";
import {
  COUNTER_BLOCK_BYTES,
  Counters,
  countsIn,
  sumOfCounts,
} from "../../lib/base/counter_block.ts";
import { COUNTER, COUNTERS, isCounterName, PEER_COUNTERS } from "../../lib/base/counters.ts";
import { PEER_COUNTERS_BYTES } from "../../lib/base/peer_counters.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";

function* sources(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (path.endsWith(".ts") && path !== "lib/base/counters.ts") {
      yield Deno.readTextFileSync(path);
    }
  }
}

Deno.test("every counter has a unique name that Prometheus accepts, and one line of help", () => {
  const names = COUNTERS.map(([name]) => name);
  assert.equal(new Set(names).size, names.length);
  for (const [name, , text] of COUNTERS) {
    assert.match(name, /^(tun|udp|tx|rx|icmp|session|handshake|cookie)(_[a-z0-9]+)+$/);
    assert.match(text, /^[A-Za-z][^\n]{9,95}[^.\n]$/, name);
    assert.ok(isCounterName(name));
  }
  assert.deepEqual(names.map((name) => COUNTER[name] as number), names.map((_, index) => index));
  assert.ok(!isCounterName("toString") && !isCounterName("__proto__"));
});

Deno.test("every counter is counted somewhere in lib", () => {
  const code = [...sources("lib")].join("\n");
  const isCounted = (name: string) =>
    [
      `values\\[COUNTER\\.${name}\\](\\+\\+| \\+=)`,
      // Also in a branch of a condition, and as a literal that names the result of a message.
      `(add|addOf|#count|#drop)\\([^;]*COUNTER\\.${name}\\b`,
      `#(refuse|refuseOf|accept)\\([^)]*"${name}"[,)]`,
    ].some((pattern) => new RegExp(pattern).test(code));
  assert.deepEqual(COUNTERS.map(([name]) => name).filter((name) => !isCounted(name)), []);
});

Deno.test("a peer's counters are added to the interface's, and begin at 0 for the next peer of the slot", () => {
  const table = new PeerTable();
  const block = new SharedArrayBuffer(COUNTER_BLOCK_BYTES);
  const counters = new Counters(table, block);
  const [first, last] = [peerSlot(0), peerSlot(PEERS_MAX - 1)];
  counters.addOf(COUNTER.rx_replayed, first);
  counters.addOf(COUNTER.rx_replayed, last, 4);
  counters.addOf(COUNTER.cookie_forged, last);
  counters.add(COUNTER.rx_replayed);
  counters.add(COUNTER.tx_no_peer, 2);

  const seen = new PeerTable(table.buffer).counters;
  assert.deepEqual(seen.counts(first), { rx_replayed: 1 });
  assert.deepEqual(seen.counts(last), { rx_replayed: 4, cookie_forged: 1 });
  assert.deepEqual(seen.counts(peerSlot(1)), {});
  const all = countsIn(new Float64Array(block));
  assert.deepEqual([all.rx_replayed, all.cookie_forged, all.tx_no_peer, all.tx_sealed], [
    6,
    1,
    2,
    0,
  ]);

  table.clear(last);
  assert.deepEqual([seen.counts(first), seen.counts(last)], [{ rx_replayed: 1 }, {}]);
  assert.equal(counters.counts().rx_replayed, 6, "the interface's stay");
});

Deno.test("the interface's count is exact far beyond 32 bits; a peer's stops there", () => {
  const table = new PeerTable();
  const counters = new Counters(table);
  const peer = peerSlot(7);
  counters.addOf(COUNTER.rx_replayed, peer, 2 ** 32 - 2);
  for (let i = 0; i < 4; i++) counters.addOf(COUNTER.rx_replayed, peer);
  assert.equal(counters.counts().rx_replayed, 2 ** 32 + 2);
  assert.deepEqual(table.counters.counts(peer), { rx_replayed: 2 ** 32 - 1 });
  counters.add(COUNTER.rx_replayed, 2 ** 52);
  assert.equal(counters.counts().rx_replayed, 2 ** 52 + 2 ** 32 + 2);
});

Deno.test("the counts of two threads add up, and an absent count is 0", () => {
  const sum = sumOfCounts([{ tx_sealed: 3, rx_opened: 1 }, { tx_sealed: 4 }]);
  assert.deepEqual([sum.tx_sealed, sum.rx_opened, sum.rx_expired], [7, 1, 0]);
  assert.deepEqual(Object.keys(sum), COUNTERS.map(([name]) => name));
});

Deno.test("the counters of 10,000 peers take less than a tenth of the memory a peer may take", () => {
  assert.ok(PEER_COUNTERS_BYTES <= 200, `${PEER_COUNTERS.length} counters a peer`);
});
