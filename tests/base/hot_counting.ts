/**
 * Counts packets in a hot function after the counts were read by name, as in a process that runs
 * both planes in one isolate. Run by counter_shape_test.ts.
 */
import { Counters } from "../../lib/base/counter_block.ts";
import { COUNTER } from "../../lib/base/counters.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";

const counters = new Counters(new PeerTable());

function countPackets(values: Float64Array): void {
  for (let i = 0; i < 100; i++) values[COUNTER.rx_opened]++;
}

for (let call = 0; call < 20_000; call++) {
  countPackets(counters.values);
  if (call !== 300) continue;
  // A count that no small integer of V8 holds.
  counters.values[COUNTER.rx_datagrams] = 2 ** 40;
  counters.counts();
}
