/**
 * * Nothing of a key is left in this process after its bytes in the arena were wiped and the cipher
 * was told to forget it.
 * @module
 */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { CIPHERS } from "./implementations.ts";

/** The searched bytes are stored XORed with this, so that the search does not find itself. */
const MASK = 0xa5;
const PIECE = 8;
const CHUNK_BYTES = 1 << 20;

/** Counts the places in the memory of this process that have a part of the key. */
function places(masked: Uint8Array): number {
  using memory = Deno.openSync("/proc/self/mem");
  const chunk = new Uint8Array(CHUNK_BYTES);
  let found = 0;
  for (const line of Deno.readTextFileSync("/proc/self/maps").split("\n")) {
    const area = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (area === null) continue;
    const start = parseInt(area[1], 16), end = parseInt(area[2], 16);
    for (let at = start; at < end; at += CHUNK_BYTES - PIECE) {
      let length: number;
      try {
        memory.seekSync(at, Deno.SeekMode.Start);
        length = memory.readSync(chunk.subarray(0, Math.min(CHUNK_BYTES, end - at))) ?? 0;
      } catch {
        // The mapping has no memory: the rest of a thread's stack, or a mapping that has gone.
        break;
      }
      for (let piece = 0; piece < masked.length; piece += PIECE) {
        const first = masked[piece] ^ MASK;
        for (
          let i = chunk.indexOf(first);
          i >= 0 && i <= length - PIECE;
          i = chunk.indexOf(first, i + 1)
        ) {
          let same = 1;
          while (same < PIECE && (masked[piece + same] ^ MASK) === chunk[i + same]) same++;
          if (same === PIECE) found++;
        }
      }
      chunk.fill(0);
    }
  }
  return found;
}

// The garbage collector removes what @noble's functions leave.
for (const { name, make } of CIPHERS.filter(({ name }) => name !== "noble")) {
  Deno.test(
    { name: `${name}: nothing of a key is left after forget()`, ignore: Deno.build.os !== "linux" },
    () => {
      const arena = new Arena(65_536), cipher = make(arena);
      const keyAt = arena.allocate(64),
        at = arena.allocate(4096) + 64,
        to = arena.allocate(4096) + 64;
      const masked = crypto.getRandomValues(new Uint8Array(32));
      for (let i = 0; i < 32; i++) arena.bytes[keyAt + i] = masked[i] ^ MASK;
      cipher.forget();
      for (const length of [64, 1424]) {
        for (let counter = 0; counter < 20; counter++) {
          cipher.seal(keyAt, counter, 0, at, length);
          assert.ok(cipher.open(keyAt, counter, 0, at, length, to));
        }
      }
      assert.ok(places(masked) >= 4, "the key in the arena is found");
      arena.bytes.fill(0, keyAt, keyAt + 32);
      cipher.forget();
      assert.equal(places(masked), 0);
    },
  );
}
