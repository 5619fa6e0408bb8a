/**
 * * Measures the primitives in ns per call. `deno run -A tests/crypto/bench.ts [WORD]` measures
 * those whose name contains the word (composed, aead, noble, libcrypto). Measure one packet cipher
 * per run, because a second one in the same isolate slows down both. Times are the best of many
 * short rounds; compare them only with each other.
 * @module
 */
import { Arena } from "../../lib/base/arena.ts";
import { CIPHERS, SUITES } from "./implementations.ts";

const ROUNDS = 100;
const SLOTS = 64;
const SLOT_BYTES = 2048;
const LENGTHS = [64, 512, 1408, 1420, 1424];

/** The best time of a call, in ns. */
function measure(calls: number, body: (i: number) => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) body(i);
    best = Math.min(best, performance.now() - start);
  }
  return Math.round(best * 1e6 / calls);
}

const only = Deno.args[0] ?? "";
for (const { name, make } of CIPHERS.filter((cipher) => cipher.name.includes(only))) {
  const arena = new Arena(4 << 20), cipher = make(arena);
  const keys = [arena.allocate(64), arena.allocate(64), arena.allocate(64)];
  keys.forEach((keyAt, i) => arena.bytes.fill(i + 1, keyAt, keyAt + 32));
  cipher.forget();
  const out = arena.allocate(SLOTS * SLOT_BYTES) + 64, to = arena.allocate(SLOTS * SLOT_BYTES) + 64;
  const buffer = arena.allocate(1 << 17) + 128;
  const calls = name === "noble" ? 100 : 2_000;
  for (const length of LENGTHS) {
    const stride = length + 32;
    let opened = 0;
    const row = {
      "seal": measure(
        calls,
        (i) => cipher.seal(keys[0], i, 0, out + (i & 63) * SLOT_BYTES, length),
      ),
      "seal, another key": measure(
        calls,
        (i) => cipher.seal(keys[i & 1], i, 0, out + (i & 63) * SLOT_BYTES, length),
      ),
      // The tags are wrong, which takes the same time: they are compared last.
      "open": measure(calls, (i) => {
        if (
          cipher.open(
            keys[0],
            i,
            0,
            buffer + (i & 63) * stride + 16,
            length,
            to + (i & 63) * SLOT_BYTES,
          )
        ) opened++;
      }),
      "open, another key": measure(calls, (i) => {
        if (
          cipher.open(
            keys[i & 1],
            i,
            0,
            buffer + (i & 63) * stride + 16,
            length,
            to + (i & 63) * SLOT_BYTES,
          )
        ) {
          opened++;
        }
      }),
      "seal and open in turn": measure(calls, (i) => {
        cipher.seal(keys[0], i, 0, out + (i & 63) * SLOT_BYTES, length);
        if (
          cipher.open(
            keys[1],
            i,
            0,
            buffer + (i & 63) * stride + 16,
            length,
            to + (i & 63) * SLOT_BYTES,
          )
        ) opened++;
      }),
    };
    console.log(name.padEnd(26), `${length}`.padStart(5), row);
    if (opened > 2) console.log("tags were right:", opened);
  }
}

for (const suite of SUITES.filter((suite) => suite.name.includes(only))) {
  const key = new Uint8Array(32).fill(7), other = suite.publicKey(new Uint8Array(32).fill(9));
  const text = new Uint8Array(64), short = new Uint8Array(32), nonce = new Uint8Array(24);
  const first = new Uint8Array(32), second = new Uint8Array(32);
  const calls = suite.name === "noble" ? 4 : 40;
  console.log(suite.name.padEnd(18), {
    "X25519 shared secret": measure(calls / 2, () => suite.sharedSecret(key, other)),
    "X25519 of three points": measure(calls / 4, () => suite.products(key, other, other, other)),
    "X25519 public key": measure(calls / 2, () => suite.publicKey(key)),
    "BLAKE2s of 64": measure(calls * 10, () => suite.hash(text)),
    "BLAKE2s of 32 and 32": measure(calls * 10, () => suite.hash(short, key)),
    "keyed BLAKE2s of 64": measure(calls * 10, () => suite.mac(key, text)),
    "KDF2 of 32": measure(calls * 3, () => suite.kdf(key, short, first, second)),
    "AEAD seal of 32": measure(calls * 5, () => suite.seal(key, 1n, short, short)),
    "XChaCha seal of 16": measure(
      calls * 5,
      () => suite.xseal(key, nonce, short.subarray(16), short),
    ),
  });
}
