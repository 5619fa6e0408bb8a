/** The packet loop with a data plane that always has packets, so that the loop naps. */
import assert from "node:assert/strict";
import { COUNTER } from "../../lib/base/counters.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import type { Dataplane } from "../../lib/data/dataplane.ts";
import { napMicroseconds, PLACE_LINK, runPacketLoop } from "../../lib/worker/packet_loop.ts";
import { SHARED_WORDS, WORD_BELL } from "../../lib/worker/worker_messages.ts";
import { now } from "../../lib/runtime/clock.ts";
import { type DrainedSocket, EventFd, PollSet } from "../../ffi/poll.ts";

const TURNS = 40;

Deno.test("in a flood link events are reported, and the bell is drained", () => {
  const bell = new EventFd();
  const link = new EventFd();
  const words = new Int32Array(SHARED_WORDS);
  const counters = new Counters(new PeerTable());
  let turns = 0;
  let heard = 0;
  const dataplane = {
    counters,
    gone: false,
    drained: true,
    turn: () => {
      counters.add(COUNTER.rx_opened, 100_000);
      // The loop reads the word before it polls the descriptor.
      if (++turns === TURNS / 2) bell.signal();
      if (turns >= TURNS) words[WORD_BELL] = 1;
      return true;
    },
  } as unknown as Dataplane;
  const polls = new PollSet([-1, -1, -1, bell.descriptor, -1, -1]);
  polls.set(PLACE_LINK, link.descriptor);
  link.signal();
  try {
    const end = runPacketLoop({
      dataplane,
      polls,
      bell,
      words,
      now,
      carryOutOrders: () => false,
      flush: () => {},
      link: link as unknown as DrainedSocket,
      linkChanged: () => heard++,
      routesChanged: () => {},
    });
    assert.deepEqual([end, turns, heard], ["stopped", TURNS, 1]);
    assert.equal(new PollSet([bell.descriptor]).wait(0), 0, "the bell is silent");
  } finally {
    bell.close();
    link.close();
  }
});

Deno.test("a nap is as long as 32 packets take to come, between 80 and 240 us", () => {
  const naps = [[200, 1], [100, 0.5], [50, 0.25], [1000, 2], [64, 1], [8, 0]].map(([came, ms]) =>
    napMicroseconds(came, ms)
  );
  assert.deepEqual(naps, [160, 160, 160, 80, 240, 80]);
});
