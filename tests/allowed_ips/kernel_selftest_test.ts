/**
 * * The cases of Linux's drivers/net/wireguard/selftest/allowedips.c (v6.x), as data, in its order.
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { AllowedIps } from "../../lib/allowed_ips/allowed_ips.ts";

const [A, B, C, D, E, F, G, H] = [0, 1, 2, 3, 4, 5, 6, 7];

type V4 = readonly [number, number, number, number];
/** An IPv6 address of four 32-bit words, as in the kernel's file. */
type V6 = readonly [number, number, number, number];

const ip4 = (parts: V4) => Uint8Array.from(parts);
function ip6(words: V6): Uint8Array {
  const bytes = new Uint8Array(16);
  words.forEach((word, i) => new DataView(bytes.buffer).setUint32(4 * i, word));
  return bytes;
}

const INSERT4: readonly [number, V4, number][] = [
  [A, [192, 168, 4, 0], 24],
  [B, [192, 168, 4, 4], 32],
  [C, [192, 168, 0, 0], 16],
  [D, [192, 95, 5, 64], 27],
  [C, [192, 95, 5, 65], 27],
  [E, [0, 0, 0, 0], 0],
  [G, [64, 15, 112, 0], 20],
  [H, [64, 15, 123, 211], 25],
  [A, [10, 0, 0, 0], 25],
  [B, [10, 0, 0, 128], 25],
  [A, [10, 1, 0, 0], 30],
  [B, [10, 1, 0, 4], 30],
  [C, [10, 1, 0, 8], 29],
  [D, [10, 1, 0, 16], 29],
];

const INSERT6: readonly [number, V6, number][] = [
  [D, [0x26075300, 0x60006b00, 0, 0xc05f0543], 128],
  [C, [0x26075300, 0x60006b00, 0, 0], 64],
  [E, [0, 0, 0, 0], 0],
  [F, [0, 0, 0, 0], 0],
  [G, [0x24046800, 0, 0, 0], 32],
  [H, [0x24046800, 0x40040800, 0xdeadbeef, 0xdeadbeef], 64],
  [A, [0x24046800, 0x40040800, 0xdeadbeef, 0xdeadbeef], 128],
  [C, [0x24446800, 0x40e40800, 0xdeaebeef, 0xdefbeef], 128],
  [B, [0x24446800, 0xf0e40800, 0xeeaebeef, 0], 98],
];

const LOOKUP4: readonly [number, V4][] = [
  [A, [192, 168, 4, 20]],
  [A, [192, 168, 4, 0]],
  [B, [192, 168, 4, 4]],
  [C, [192, 168, 200, 182]],
  [C, [192, 95, 5, 68]],
  [E, [192, 95, 5, 96]],
  [G, [64, 15, 116, 26]],
  [G, [64, 15, 127, 3]],
  [G, [64, 15, 123, 1]],
  [H, [64, 15, 123, 128]],
  [H, [64, 15, 123, 129]],
  [A, [10, 0, 0, 52]],
  [B, [10, 0, 0, 220]],
  [A, [10, 1, 0, 2]],
  [B, [10, 1, 0, 6]],
  [C, [10, 1, 0, 10]],
  [D, [10, 1, 0, 20]],
];

const LOOKUP6: readonly [number, V6][] = [
  [D, [0x26075300, 0x60006b00, 0, 0xc05f0543]],
  [C, [0x26075300, 0x60006b00, 0, 0xc02e01ee]],
  [F, [0x26075300, 0x60006b01, 0, 0]],
  [G, [0x24046800, 0x40040806, 0, 0x1006]],
  [G, [0x24046800, 0x40040806, 0x1234, 0x5678]],
  [F, [0x240467ff, 0x40040806, 0x1234, 0x5678]],
  [F, [0x24046801, 0x40040806, 0x1234, 0x5678]],
  [H, [0x24046800, 0x40040800, 0x1234, 0x5678]],
  [H, [0x24046800, 0x40040800, 0, 0]],
  [H, [0x24046800, 0x40040800, 0x10101010, 0x10101010]],
  [A, [0x24046800, 0x40040800, 0xdeadbeef, 0xdeadbeef]],
];

Deno.test("the kernel's table: longest prefix wins, the latest owner of a range wins, host bits do not count", () => {
  const ranges = new AllowedIps();
  for (const [peer, address, prefix] of INSERT4) ranges.insert(ip4(address), prefix, peer);
  for (const [peer, address, prefix] of INSERT6) ranges.insert(ip6(address), prefix, peer);
  for (const [peer, address] of LOOKUP4) {
    equal(ranges.lookup4(ip4(address), 0), peer, address.join("."));
  }
  for (const [peer, address] of LOOKUP6) {
    equal(ranges.lookup6(ip6(address), 0), peer, address.map((w) => w.toString(16)).join(":"));
  }

  const gone = [1, 64, 128, 192, 255].map((first) => ip4([first, 0, 0, 0]));
  for (const address of gone) ranges.insert(address, 32, A);
  for (const address of gone) equal(ranges.lookup4(address, 0), A);
  ranges.removePeer(A);
  for (const address of gone) equal(ranges.lookup4(address, 0), E);
});

Deno.test("the kernel's table: all nested ranges of a removed peer are removed", () => {
  const ranges = new AllowedIps();
  ranges.insert(ip4([192, 168, 0, 0]), 16, A);
  ranges.insert(ip4([192, 168, 0, 0]), 24, A);
  ranges.removePeer(A);
  equal(ranges.lookup4(ip4([192, 168, 0, 1]), 0), -1);
  equal(ranges.size, 0);
});

Deno.test("the kernel's table: the deepest trie of 128 one-bit-off addresses", () => {
  const ranges = new AllowedIps();
  const addresses = Array.from({ length: 128 }, (_, bit) => {
    const address = new Uint8Array(16).fill(255);
    address[bit >>> 3] ^= 128 >>> (bit & 7);
    return address;
  });
  addresses.forEach((address, i) => ranges.insert(address, 128, i));
  addresses.forEach((address, i) => equal(ranges.lookup6(address, 0), i));
  equal(ranges.lookup6(new Uint8Array(16).fill(255), 0), -1);
  addresses.forEach((_, i) => ranges.removePeer(i));
  equal(ranges.size, 0);
});

Deno.test("the kernel's table: a peer's ranges are listed with host bits cut", () => {
  const ranges = new AllowedIps();
  ranges.insert(ip4([192, 95, 5, 93]), 27, A);
  ranges.insert(ip6([0x26075300, 0x60006b00, 0, 0xc05f0543]), 128, A);
  ranges.insert(ip4([10, 1, 0, 20]), 29, A);
  ranges.insert(ip6([0x26075300, 0x6d8a6bf8, 0xdab1f1df, 0xc05f1523]), 83, A);
  ranges.insert(ip6([0x26075300, 0x6d8a6bf8, 0xdab1f1df, 0xc05f1523]), 21, A);
  deepEqual(ranges.ranges(A), [
    { address: ip4([10, 1, 0, 16]), prefix: 29 },
    { address: ip4([192, 95, 5, 64]), prefix: 27 },
    { address: ip6([0x26075000, 0, 0, 0]), prefix: 21 },
    { address: ip6([0x26075300, 0x6d8a6bf8, 0xdab1e000, 0]), prefix: 83 },
    { address: ip6([0x26075300, 0x60006b00, 0, 0xc05f0543]), prefix: 128 },
  ]);
});
