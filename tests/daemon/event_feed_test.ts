/**
 * Clients that follow the events of an interface: slow ones, many, and how they end.
 * @module
 */
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { EventFeed, FOLLOWER_QUEUE_MAX, FOLLOWERS_MAX } from "../../lib/daemon/event_feed.ts";
import { type EventRecord, parseEvent } from "../../lib/uapi/events.ts";

const UP = { kind: "up" } as const;
const DOWN = { kind: "down" } as const;
const START_MS = 1_700_000_000_000;

const feedOf = (name = "wg1") => new EventFeed(() => name, () => START_MS);

function records(text: string | undefined): EventRecord[] {
  return (text ?? "").split("\n").filter((line) => line !== "").map((line) => {
    const event = parseEvent(line);
    if (event === undefined) throw new Error(line);
    return event;
  });
}

Deno.test("events come in order, with the name and the time", async () => {
  const feed = feedOf();
  const follower = feed.follow();
  feed.tell(UP);
  feed.tell(DOWN);
  const time = new Date(START_MS).toISOString();
  deepEqual(records(await follower.next()), [
    { time, interface: "wg1", event: "up" },
    { time, interface: "wg1", event: "down" },
  ]);
  const next = follower.next();
  feed.tell(UP);
  equal(records(await next).length, 1);
});

Deno.test("what a slow client misses is counted and told; others get everything", async () => {
  const feed = feedOf();
  const slow = feed.follow();
  const quick = feed.follow();
  let taken = 0;
  for (let i = 0; i < FOLLOWER_QUEUE_MAX + 100; i++) {
    feed.tell(UP);
    taken += records(await quick.next()).length;
  }
  equal(taken, FOLLOWER_QUEUE_MAX + 100);
  const got = records(await slow.next());
  equal(got.length, FOLLOWER_QUEUE_MAX + 1);
  deepEqual([got.at(-1)?.event, got.at(-1)?.leftOut], ["missed", 100]);
  feed.tell(DOWN);
  deepEqual(records(await slow.next()).map(({ event }) => event), ["down"]);
});

Deno.test("too many clients are refused, and a closed one makes room", async () => {
  const feed = feedOf();
  const all = Array.from({ length: FOLLOWERS_MAX }, () => feed.follow());
  throws(() => feed.follow(), /16 clients follow it already \(EBUSY\)/);
  const waiting = all[3].next();
  all[3].close();
  equal(await waiting, undefined);
  feed.follow();
  throws(() => feed.follow(), /EBUSY/);
});

Deno.test("the end: waiting events are still got, then no more", async () => {
  const feed = feedOf();
  const follower = feed.follow();
  feed.tell(DOWN);
  feed.close();
  feed.tell(UP);
  match(await follower.next() ?? "", /^event=\{.*"down".*\}\n$/);
  equal(await follower.next(), undefined);
});

Deno.test("who begins to follow just after the start gets the first events too", async () => {
  const feed = feedOf();
  feed.tell(UP);
  equal(records(await feed.follow().next()).length, 1);
});
