/** The values of the data plane, as its interface to the kernel and its memory need them. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import * as Bulk from "../../lib/data/bulk_flows.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { LOOP_EVERY_MS } from "../../lib/data/event_reporter.ts";
import { INBOUND_BYTES_MAX, INBOUND_RECEIVES_MAX } from "../../lib/data/inbound.ts";
import { CARRIED_MS, HOPS_MAX } from "../../lib/data/loops.ts";
import * as M from "../../lib/data/memory.ts";
import { OUTBOUND_BYTES_MAX, OUTBOUND_READS_MAX } from "../../lib/data/outbound.ts";
import * as P from "../../lib/data/ports.ts";
import { REPLAY_WINDOW_USABLE } from "../../lib/data/replay.ts";
import { STAGED_BYTES_MAX } from "../../lib/data/staging.ts";

Deno.test("what ports and data planes tell each other", () => {
  assert.equal(P.VNET_HEADER_BYTES, 10, "struct virtio_net_hdr");
  assert.equal(P.GATHER_MAX, 256);
  assert.deepEqual([P.PORT_DRAINED, P.PORT_GONE], [0, -1]);
  assert.deepEqual([P.SEND_OK, P.SEND_FAILED, P.SEND_SOURCE_LOST], [0, 1, 2]);
  assert.deepEqual([Bulk.QUEUE_MAIN, Bulk.QUEUE_BULK, Bulk.BULK_PACKET_BYTES], [0, 1, 8_192]);
});

Deno.test("what a turn does at most, and what waits at most", () => {
  assert.deepEqual([OUTBOUND_READS_MAX, OUTBOUND_BYTES_MAX], [128, 130_000]);
  assert.deepEqual([INBOUND_RECEIVES_MAX, INBOUND_BYTES_MAX], [64, 260_000]);
  assert.equal(STAGED_BYTES_MAX, 33_554_432);
  assert.deepEqual([CARRIED_MS, HOPS_MAX, LOOP_EVERY_MS], [1_000, 8, 60_000]);
  // RFC 6479: the words of the window less the one that is being filled; Linux has 64 bits a word.
  assert.equal(REPLAY_WINDOW_USABLE, 8_128);
});

Deno.test("the places in the memory of packets: aligned for the cipher, apart, and within the arena", () => {
  assert.deepEqual([M.SLOT_BYTES, M.SLOT_MESSAGE_MAX], [2_048, 1_904]);
  assert.deepEqual([M.SEAL_SLOTS, M.SEAL_LARGE_SLOTS], [128, 8]);
  assert.deepEqual([M.OPEN_SLOTS, M.OPEN_LARGE_SLOTS], [512, 16]);
  assert.deepEqual([M.SESSIONS_MAX, M.SESSION_KEYS_BYTES], [131_072, 128]);
  assert.equal(M.COOKIE_REPLIES_MAX, 32);
  assert.equal(DATAPLANE_ARENA_BYTES, 33_554_432);
  const arena = new Arena(DATAPLANE_ARENA_BYTES);
  const memory = new M.PacketMemory(arena);
  // Each place with the bytes before it and from it on that are its own.
  const places: [at: number, before: number, after: number][] = [
    [memory.tunPacket, 64, 65_535 + 128],
    [memory.received, 64, 65_535 + 128],
    [memory.scratch, 64, 0x11000 - 64],
    [memory.unanswered, 0, 148],
    [memory.unansweredCell, 0, 48],
    // What is allocated next.
    [arena.allocate(64), 0, 64],
  ];
  for (const [slots, isLarge] of [[M.SEAL_SLOTS, false], [M.SEAL_LARGE_SLOTS, true]] as const) {
    for (let i = 0; i < slots; i++) {
      places.push([memory.sealMessage(i, isLarge), 64, (isLarge ? 0x11000 : 2_048) - 64]);
    }
  }
  for (const [slots, isLarge] of [[M.OPEN_SLOTS, false], [M.OPEN_LARGE_SLOTS, true]] as const) {
    for (let i = 0; i < slots; i++) {
      places.push([memory.openMessage(i, isLarge), 64, (isLarge ? 0x11000 : 2_048) - 64]);
    }
  }
  for (let i = 0; i < 65_536; i++) places.push([memory.cell(i), 0, 48]);
  for (let i = 0; i < M.SESSIONS_MAX; i++) places.push([memory.keys(i), 0, 128]);
  for (let i = 0; i < 32; i++) places.push([memory.cookieReply(i), 0, 64]);
  places.sort(([a], [b]) => a - b);
  let end = 0;
  for (const [at, before, after] of places) {
    if (at % 64 !== 0 || at - before < end) assert.fail(`place ${at}, after ${end}`);
    end = at + after;
  }
  assert.ok(end <= DATAPLANE_ARENA_BYTES);
});

Deno.test("endpoint cells are the same with the same words, and endpoints without the local address", () => {
  const memory = new M.PacketMemory(new Arena(DATAPLANE_ARENA_BYTES));
  const [a, b] = [memory.cell(1), memory.cell(2)];
  for (let i = 0; i < 48; i++) memory.bytes[a + i] = memory.bytes[b + i] = i + 1;
  assert.deepEqual([memory.sameCell(a, b), memory.sameEndpoint(a, b)], [true, true]);
  for (let i = 0; i < 48; i++) {
    for (const bit of [1, 0x80]) {
      memory.bytes[b + i] ^= bit;
      assert.equal(memory.sameCell(a, b), false, `byte ${i}`);
      // The length of the local address is in byte 1, the local address from byte 24 on.
      assert.equal(memory.sameEndpoint(a, b), i === 1 || i >= 24, `byte ${i}`);
      memory.bytes[b + i] ^= bit;
    }
  }
  memory.bytes[b + 48] ^= 1;
  assert.equal(memory.sameCell(a, b), true);
});
