import assert from "node:assert/strict";
import { type Milliseconds, milliseconds } from "../../lib/base/brands.ts";
import { UNANSWERED_MAX } from "../../lib/base/constants.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  readEndpointCell,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import { Unanswered } from "../../lib/data/unanswered.ts";
import { endpointOf } from "../device/harness.ts";

const NOON = milliseconds(1_000_000);
const after = (ms: number): Milliseconds => milliseconds(NOON + ms);
const MESSAGE_AT = 64;
const TAKEN_CELL_AT = 256;
const TAKEN_AT = TAKEN_CELL_AT + ENDPOINT_CELL_BYTES;
const bytes = new Uint8Array(512);

function put(queue: Unanswered, mark: number, from: Endpoint, now = NOON): boolean {
  writeEndpointCell(bytes, 0, from, undefined);
  bytes.fill(mark, MESSAGE_AT, MESSAGE_AT + 148);
  const ring = queue.queueFor(bytes, 0, now);
  if (ring !== undefined) assert.ok(ring.put(bytes, MESSAGE_AT, 148, 0));
  return ring !== undefined;
}

/** The mark of the next message and its source; undefined when none waits. */
function take(queue: Unanswered): [number, Endpoint] | undefined {
  const length = queue.takeTo(bytes, TAKEN_AT, TAKEN_CELL_AT);
  if (length === 0) return undefined;
  assert.equal(length, 148);
  return [bytes[TAKEN_AT + 147], readEndpointCell(bytes, TAKEN_CELL_AT)!];
}

Deno.test("the first message of a source comes before the others' second ones", () => {
  const queue = new Unanswered();
  assert.ok(put(queue, 1, endpointOf(1)));
  assert.ok(put(queue, 2, endpointOf(1, 4_001)), "another port is the same source");
  assert.ok(put(queue, 3, endpointOf(2)));
  assert.ok(put(queue, 4, endpointOf(2)));
  assert.ok(put(queue, 5, endpointOf(3)));
  assert.equal(queue.waiting, 5);
  const taken = Array.from({ length: 5 }, () => take(queue));
  assert.deepEqual(taken.map((one) => one?.[0]), [1, 3, 5, 2, 4]);
  assert.deepEqual(taken[3]?.[1], endpointOf(1, 4_001));
  assert.deepEqual([take(queue), queue.waiting], [undefined, 0]);
});

Deno.test("a source that sends every five seconds comes first, one that floods never does again", () => {
  const queue = new Unanswered();
  const peer = endpointOf(1), flooder = endpointOf(2);
  for (let ms = 0; ms < 60_000; ms += 1_000) {
    assert.ok(put(queue, 2, flooder, after(ms)));
    if (ms % 5_000 === 0) {
      assert.ok(put(queue, 1, peer, after(ms + 1)));
      assert.equal(take(queue)?.[0], ms === 0 ? 2 : 1);
      assert.equal(take(queue)?.[0], ms === 0 ? 1 : 2);
    } else assert.equal(take(queue)?.[0], 2);
  }
});

Deno.test("each queue has a limit, and a full one keeps nobody out of the other", () => {
  const queue = new Unanswered();
  assert.ok(put(queue, 0, endpointOf(1)));
  for (let i = 0; i < UNANSWERED_MAX; i++) assert.ok(put(queue, 1, endpointOf(1)));
  assert.ok(!put(queue, 2, endpointOf(1)), "one source has filled its queue");
  for (let i = 1; i < UNANSWERED_MAX; i++) assert.ok(put(queue, 3, endpointOf(1 + i)), `${i}`);
  assert.ok(!put(queue, 4, endpointOf(9_999)), "many have filled both");
  assert.equal(queue.waiting, 2 * UNANSWERED_MAX);
  assert.equal(take(queue)?.[0], 0);
  assert.ok(!put(queue, 5, endpointOf(9_999)), "which is recent from then on");
  assert.ok(put(queue, 6, endpointOf(9_998)));
});

Deno.test("a new source that finds no room among the first waits with the others", () => {
  const queue = new Unanswered();
  for (let i = 0; i < UNANSWERED_MAX; i++) assert.ok(put(queue, 1, endpointOf(1 + i)));
  assert.ok(put(queue, 2, endpointOf(5_000)));
  assert.equal(take(queue)?.[0], 1);
  assert.ok(put(queue, 3, endpointOf(5_001)));
  const marks = new Set<number>();
  for (let next = take(queue); next !== undefined; next = take(queue)) marks.add(next[0]);
  assert.deepEqual([...marks], [1, 3, 2]);
});
