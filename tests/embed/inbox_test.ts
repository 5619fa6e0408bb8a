/**
 * The inbox: one packet at a time, in order, with limits, whatever the callback does.
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { Inbox, INBOX_BYTES_MAX, INBOX_PACKETS_MAX } from "../../lib/embed/inbox.ts";
import { reported } from "./reported.ts";

const packet = (mark: number, length = 20): Uint8Array => new Uint8Array(length).fill(mark);

Deno.test("a callback that returns nothing gets everything at once, in order", () => {
  const seen: number[] = [];
  const inbox = new Inbox(([mark]) => {
    seen.push(mark);
  });
  for (let mark = 0; mark < 5; mark++) inbox.put(packet(mark));
  deepEqual(seen, []);
  inbox.handOver();
  deepEqual([seen, inbox.dropped], [[0, 1, 2, 3, 4], 0]);
});

Deno.test("while a promise is pending packets wait, up to the limit of packets; later ones are dropped and counted", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const seen: number[] = [];
  const inbox = new Inbox((bytes) => {
    seen.push(new DataView(bytes.buffer).getUint32(0));
    gates.push(Promise.withResolvers<void>());
    return gates[gates.length - 1].promise;
  });
  for (let i = 0; i < INBOX_PACKETS_MAX + 100; i++) {
    const bytes = new Uint8Array(20);
    new DataView(bytes.buffer).setUint32(0, i);
    inbox.put(bytes);
    inbox.handOver();
  }
  // One is with the callback.
  deepEqual([seen, inbox.dropped], [[0], 99]);
  for (let i = 0; i <= INBOX_PACKETS_MAX; i++) {
    gates[i].resolve();
    await gates[i].promise;
    await Promise.resolve();
  }
  deepEqual(seen, Array.from({ length: INBOX_PACKETS_MAX + 1 }, (_, i) => i));
});

Deno.test("the bytes that wait are limited too, and given back as packets leave", async () => {
  const gate = Promise.withResolvers<void>();
  let seen = 0;
  const inbox = new Inbox(() => ++seen === 1 ? gate.promise : undefined);
  inbox.put(packet(0));
  inbox.handOver();
  const fit = Math.floor(INBOX_BYTES_MAX / 65_535);
  for (let i = 0; i < fit + 7; i++) inbox.put(packet(1, 65_535));
  equal(inbox.dropped, 7);
  gate.resolve();
  await gate.promise;
  await Promise.resolve();
  equal(seen, 1 + fit);
  for (let i = 0; i < fit; i++) inbox.put(packet(2, 65_535));
  inbox.handOver();
  deepEqual([seen, inbox.dropped], [1 + 2 * fit, 7]);
});

Deno.test("an error of the callback, thrown or by its promise, is reported and the next packet comes", async () => {
  const seen: number[] = [];
  const inbox = new Inbox(([mark]) => {
    seen.push(mark);
    if (mark === 0) throw new Error("thrown");
    return mark === 1 ? Promise.reject(new Error("rejected")) : undefined;
  });
  for (let mark = 0; mark < 3; mark++) inbox.put(packet(mark));
  const messages = await reported(async () => {
    inbox.handOver();
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
  deepEqual([messages, seen], [["thrown", "rejected"], [0, 1, 2]]);
});

Deno.test("a closed inbox calls nothing, not even when the callback closes it", async () => {
  const seen: number[] = [];
  const gate = Promise.withResolvers<void>();
  const inbox = new Inbox(([mark]) => {
    seen.push(mark);
    if (mark === 1) inbox.close();
    return gate.promise;
  });
  for (let mark = 0; mark < 3; mark++) inbox.put(packet(mark));
  inbox.handOver();
  gate.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepEqual(seen, [0, 1]);
});
