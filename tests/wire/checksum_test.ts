import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import {
  type Checksum,
  chooseChecksum,
  fold16,
  plainChecksum,
  swap16,
  wasmChecksum,
} from "../../lib/wire/checksum.ts";
import { CHECKSUM_WASM } from "../../lib/wire/checksum_wasm.ts";
import { buildChecksumWasm, checksumModuleText } from "../../scripts/build_wasm.ts";
import { Chance, SEED } from "../random.ts";

const IMPLEMENTATIONS: readonly ((arena: Arena) => Checksum)[] = [wasmChecksum, plainChecksum];

Deno.test("the example of RFC 1071 section 3", () => {
  const arena = new Arena(1 << 16);
  arena.bytes.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 100);
  for (const make of IMPLEMENTATIONS) assert.equal(swap16(make(arena).sum(100, 8, 0)), 0xddf2);
});

Deno.test("WebAssembly and its plain twin are equal at every length and alignment", () => {
  const arena = new Arena(1 << 19);
  arena.bytes.set(Chance.of(SEED).bytes(1 << 17));
  arena.bytes.fill(0xff, 80_000, 100_000);
  const [wasm, plain] = IMPLEMENTATIONS.map((make) => make(arena));
  const lengths = [...Array(300).keys(), 1420, 1424, 1500, 8961, 60_001, 65_535];
  for (const length of lengths) {
    for (const from of [4096, 4097, 4098, 4103, 80_001 - (length > 19_000 ? 70_000 : 0)]) {
      for (const initial of [0, 1, 0xffff, 0x1_ffff, 0xffff_ffff]) {
        const note = `${length} bytes at ${from}, from ${initial}, seed ${SEED}`;
        const expected = plain.sum(from, length, initial);
        assert.equal(wasm.sum(from, length, initial), expected, note);
        const to = 200_001;
        for (const checksum of [wasm, plain]) {
          arena.bytes.fill(0x5a, to - 1, to + length + 33);
          assert.equal(checksum.sumCopy(to, from, length, initial), expected, note);
          assert.deepEqual(
            arena.bytes.subarray(to, to + length),
            arena.bytes.subarray(from, from + length),
            note,
          );
          assert.equal(arena.bytes[to - 1], 0x5a, note);
          assert.equal(arena.bytes[to + length], 0x5a, note);
        }
      }
      for (const checksum of [wasm, plain]) {
        const to = 300_003;
        arena.bytes.fill(0x5a, to - 1, to + length + 33);
        checksum.copy(to, from, length);
        assert.deepEqual(
          arena.bytes.subarray(to, to + length),
          arena.bytes.subarray(from, from + length),
        );
        assert.equal(arena.bytes[to - 1], 0x5a);
        assert.equal(arena.bytes[to + length + 15], 0x5a, "at most 15 bytes past the end");
      }
    }
  }
});

Deno.test("this runtime supports the WebAssembly checksum", () => {
  assert.equal(chooseChecksum(new Arena(1 << 16)).name, "wasm simd");
});

Deno.test("fold16 and swap16", () => {
  for (
    const [sum, folded] of [[0, 0], [0xffff, 0xffff], [0x1_0000, 1], [0x1_ffff, 1], [
      0xffff_ffff,
      0xffff,
    ]]
  ) {
    assert.equal(fold16(sum), folded);
  }
  assert.equal(swap16(0x1234), 0x3412);
});

Deno.test("checksum_wasm.ts is what checksum.wat makes", async (t) => {
  let bytes: Uint8Array;
  try {
    bytes = await buildChecksumWasm();
  } catch (error) {
    // The test is skipped only when wabt is not available. A mistake in the source fails it.
    if (!String(error).includes("wabt") || String(error).includes("checksum.wat")) throw error;
    await t.step({ name: `skipped: ${error}`, ignore: true, fn: () => {} });
    return;
  }
  assert.equal(bytes.toBase64(), CHECKSUM_WASM);
  const file = Deno.readTextFileSync(new URL("../../lib/wire/checksum_wasm.ts", import.meta.url));
  assert.equal(checksumModuleText(bytes), file);
});
