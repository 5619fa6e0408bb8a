import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { NOT_PENDING } from "../../lib/base/times.ts";
import { DeadlineHeap } from "../../lib/timers/deadline_heap.ts";
import { fractions, SEED } from "../random.ts";

Deno.test("the heap agrees with a plain map over random sets, moves and clears", () => {
  const seed = SEED;
  const random = fractions(seed);
  const heap = new DeadlineHeap();
  const plain = new Map<number, number>();
  let now = 0;
  for (let step = 0; step < 50_000; step++) {
    const slot = Math.floor(random() * 200);
    const kind = random();
    if (kind < 0.6) {
      const at = now + Math.floor(random() * 100);
      heap.set(slot, milliseconds(at));
      plain.set(slot, at);
    } else if (kind < 0.75) {
      heap.set(slot, NOT_PENDING);
      plain.delete(slot);
    } else {
      now += Math.floor(random() * 10);
      for (
        let due = heap.popDue(milliseconds(now));
        due !== undefined;
        due = heap.popDue(milliseconds(now))
      ) {
        assert.equal(plain.get(due), Math.min(...plain.values()), `seed ${seed}, step ${step}`);
        assert.ok(plain.get(due)! <= now);
        plain.delete(due);
      }
    }
    const earliest = Math.min(...plain.values());
    assert.equal(heap.next(), earliest, `seed ${seed}, step ${step}`);
    assert.equal(heap.size, plain.size);
    assert.equal(heap.get(slot), plain.get(slot) ?? NOT_PENDING);
  }
});
