/** Libraries that are refused because they would crash. tests/crypto tests the cipher itself. */
import assert from "node:assert/strict";
import { formOf, type IpsecMb, openIpsecMb } from "../../ffi/ipsec_mb.ts";
import { jobsCipher } from "../../ffi/ipsec_mb_jobs.ts";
import { addressOf } from "../../ffi/libc.ts";
import type { Pinned } from "../../ffi/memory.ts";
import { Arena } from "../../lib/base/arena.ts";
import { ipsecMbPath } from "../../scripts/facilities.ts";

const library = openIpsecMb();
const NEEDED = { ignore: library === undefined };
const NEEDED_JOBS = { ignore: library?.form !== "jobs" || !library.fast };

Deno.test("three versions are known, with any patch level", () => {
  const forms: readonly (readonly [number, ReturnType<typeof formOf>])[] = [
    [0x00_34_00, undefined],
    [0x01_02_00, undefined],
    [0x01_03_00, "jobs"],
    [0x01_03_01, "jobs"],
    [0x01_04_00, undefined],
    [0x01_05_00, "arguments"],
    [0x02_00_00, "arguments"],
    [0x02_00_02, "arguments"],
    [0x02_01_00, undefined],
    [0x03_00_00, undefined],
    [0, undefined],
    [0xffff_ffff, undefined],
  ];
  for (const [version, form] of forms) assert.equal(formOf(version), form, version.toString(16));
});

/** Opens a copy of the library in which the code `from` is replaced by `to` everywhere. */
async function altered(
  from: Uint8Array,
  to: Uint8Array,
  use: (found: IpsecMb | undefined) => void,
): Promise<void> {
  const bytes = Deno.readFileSync(ipsecMbPath()!);
  const folder = await Deno.makeTempDir({ prefix: "wg-ipsec-mb-" });
  try {
    let places = 0;
    for (let at = bytes.indexOf(from[0]); at >= 0; at = bytes.indexOf(from[0], at + 1)) {
      if (!from.every((byte, i) => bytes[at + i] === byte)) continue;
      bytes.set(to, at);
      places++;
    }
    assert.ok(places > 0, "the code that was to be altered is not there");
    const file = `${folder}/library.so`;
    await Deno.writeFile(file, bytes);
    use(openIpsecMb([file]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The code `mov $value, %eax`, with which the library's functions return a constant. */
function give(value: number): Uint8Array {
  const code = new Uint8Array(5);
  code[0] = 0xb8;
  new DataView(code.buffer).setUint32(1, value, true);
  return code;
}

Deno.test("a library of another version is not used", NEEDED, async () => {
  const [major, minor, patch] = library!.version.split(".").map(Number);
  const version = major << 16 | minor << 8 | patch;
  await altered(give(version), give(version), (same) => {
    assert.equal(same?.form, library!.form, "an unaltered copy is used");
  });
  for (const other of [0x01_02_00, 0x01_04_00, 0x02_01_00, 0x03_00_00]) {
    await altered(give(version), give(other), (found) => {
      assert.equal(found, undefined, other.toString(16));
    });
  }
});

Deno.test("a library of 1.3 whose manager has another size is not used", NEEDED_JOBS, async () => {
  // The end of imb_get_mb_mgr_size: `add $0xcd68, %rax`, where 0xcd68 is the size without the
  // managers of algorithms.
  const add = (value: number) => Uint8Array.of(0x48, 0x05, value & 255, value >>> 8, 0, 0, 0xc3);
  await altered(add(0xcd68), add(0xcd68 + 64), (found) => {
    assert.equal(found?.form, "jobs");
    assert.equal(found!.makeManager(), undefined);
    assert.equal(jobsCipher(new Arena(65_536), found!), undefined);
  });
});

Deno.test("a manager without the layout of 1.3 is not used", NEEDED_JOBS, () => {
  const cipherOf = (alter: (manager: Pinned, view: DataView) => void) => {
    const makeManager = () => {
      const manager = library!.makeManager();
      if (manager === undefined) throw new Error("no manager");
      alter(manager, new DataView(manager.bytes.buffer, manager.bytes.byteOffset));
      return manager;
    };
    return jobsCipher(new Arena(65_536), { ...library!, makeManager });
  };
  assert.notEqual(cipherOf(() => {}), undefined);
  // Functions for another processor, or a layout that is 8 bytes longer.
  for (const offset of [72, 80]) {
    assert.equal(
      cipherOf((_, view) => view.setBigUint64(offset, view.getBigUint64(64, true), true)),
      undefined,
    );
  }
  assert.equal(cipherOf(({ bytes }) => bytes.copyWithin(72, 64, 2048)), undefined);
  // The offset of the next job is not the start of a job.
  for (const next of [199, 100, 256 * 200, 0xffff_ff38]) {
    assert.equal(cipherOf((_, view) => view.setUint32(1020, next, true)), undefined, `${next}`);
  }
});

Deno.test("after forget() the ring of 1.3 has no address of a message or key", NEEDED_JOBS, () => {
  const managers: Pinned[] = [];
  const makeManager = () => {
    const manager = library!.makeManager();
    if (manager !== undefined) managers.push(manager);
    return manager;
  };
  const arena = new Arena(65_536), start = addressOf(arena.bytes);
  const cipher = jobsCipher(arena, { ...library!, makeManager })!;
  const keyAt = arena.allocate(64), at = arena.allocate(256) + 64;
  const kept = () => {
    const [{ bytes }] = managers;
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
    return words.filter((word) => word >= start && word < start + 65_536n).length;
  };
  for (let counter = 0; counter < 300; counter++) cipher.seal(keyAt, counter, 0, at, 64);
  assert.ok(kept() > 0);
  cipher.forget();
  assert.equal(kept(), 0);
  cipher.open(keyAt, 0, 0, at, 64, arena.allocate(256) + 64);
  assert.ok(kept() > 0);
  cipher.forget();
  assert.equal(kept(), 0);
});
