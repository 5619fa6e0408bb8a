import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ALLOWED_IPS_MAX, PEERS_MAX } from "../../lib/base/constants.ts";
import { AllowedIps } from "../../lib/allowed_ips/allowed_ips.ts";
import { PrefixTrie } from "../../lib/allowed_ips/prefix_trie.ts";
import { rangeBits, RangeList } from "./range_list.ts";
import { Chance, property } from "../random.ts";

/** Random addresses that differ in few bits, so that prefixes nest. */
function randomAddress(chance: Chance): Uint8Array {
  const address = new Uint8Array(chance.int(2) === 0 ? 4 : 16);
  const loose = chance.int(3);
  for (let i = 0; i < address.length; i++) {
    address[i] = loose === 0
      ? chance.int(256)
      : loose === 1
      ? chance.int(2) * 128
      : i < address.length - 2
      ? 10
      : chance.int(8);
  }
  return address;
}

const lookup = (ranges: AllowedIps, address: Uint8Array) =>
  address.length === 4 ? ranges.lookup4(address, 0) : ranges.lookup6(address, 0);

/** A trial of many changes. The trie and the list must agree after each of them. */
function trial(chance: Chance, steps: number): void {
  const ranges = new AllowedIps();
  const list = new RangeList();
  const known: [Uint8Array, number][] = [];
  for (let step = 0; step < steps; step++) {
    const where = `step ${step}`;
    const peer = chance.int(12);
    const again = known.length > 0 && chance.int(3) === 0;
    const [address, prefix] = again ? known[chance.int(known.length)] : [randomAddress(chance), -1];
    const bits = prefix !== -1 ? prefix : chance.int(8 * address.length + 1);
    switch (chance.int(8)) {
      case 0:
        ranges.removePeer(peer);
        list.removePeer(peer);
        break;
      case 1:
      case 2:
        equal(ranges.remove(address, bits, peer), list.remove(address, bits, peer), where);
        break;
      default:
        equal(ranges.insert(address, bits, peer), true, where);
        list.insert(address, bits, peer);
        known.push([address, bits]);
    }
    equal(ranges.size, list.size, where);
    for (let i = 0; i < 6; i++) {
      const wanted = i < 3 && known.length > 0
        ? known[chance.int(known.length)][0].slice()
        : randomAddress(chance);
      if (i === 1) wanted[wanted.length - 1] ^= 1 << chance.int(8);
      equal(lookup(ranges, wanted), list.lookup(wanted), `${where}, ${wanted}`);
      equal(lookup(ranges, wanted), list.lookup(wanted), `${where}, ${wanted}, the cached answer`);
    }
    equal(ranges.owner(address, bits), list.owner(address, bits), where);
    const listed = ranges.ranges(peer).map((range) => rangeBits(range.address, range.prefix))
      .sort();
    deepEqual(listed, list.listed(peer), where);
  }
}

Deno.test("random changes and lookups agree with a plain list", () => {
  property(40, (chance) => trial(chance, 1 + chance.int(400)));
});

Deno.test("a lookup reads only the address at its offset", () => {
  const ranges = new AllowedIps();
  ranges.insert(Uint8Array.of(192, 0, 2, 0), 24, 7);
  ranges.insert(Uint8Array.fromHex("20010db8000000000000000000000000"), 32, 9);
  const packet = new Uint8Array(64).fill(255);
  packet.set([192, 0, 2, 200], 17);
  equal(ranges.lookup4(packet, 17), 7);
  equal(ranges.lookup4(packet, 16), -1);
  packet.set(Uint8Array.fromHex("20010db8ffffffffffffffffffffffff"), 33);
  equal(ranges.lookup6(packet, 33), 9);
  equal(ranges.lookup6(packet, 32), -1);
});

Deno.test("a change of any kind is seen by the very next lookup of the same address", () => {
  const ranges = new AllowedIps();
  const [v4, v6] = [Uint8Array.of(0, 0, 0, 0), new Uint8Array(16)];
  for (const address of [v4, v6]) {
    const bits = 8 * address.length;
    equal(lookup(ranges, address), -1);
    ranges.insert(address, 0, 1);
    equal(lookup(ranges, address), 1);
    ranges.insert(address, bits, 2);
    equal(lookup(ranges, address), 2);
    ranges.insert(address, bits, 3);
    equal(lookup(ranges, address), 3);
    ranges.remove(address, bits, 3);
    equal(lookup(ranges, address), 1);
    ranges.removePeer(1);
    equal(lookup(ranges, address), -1);
  }
});

Deno.test("addresses that differ in one word only are told apart, however many were looked up", () => {
  for (const [bytes, word] of [[4, 0], [16, 0], [16, 1], [16, 2], [16, 3]]) {
    const ranges = new AllowedIps();
    // So many that most places of the recent answers have had several of them.
    const addresses = Array.from({ length: 5_000 }, (_, i) => {
      const address = new Uint8Array(bytes);
      new DataView(address.buffer).setUint32(4 * word, Math.imul(i, 0x9e37_79b1));
      return address;
    });
    addresses.forEach((address, i) => ranges.insert(address, 8 * bytes, i));
    const found = () => addresses.map((address) => lookup(ranges, address));
    const own = addresses.map((_, i) => i);
    deepEqual(found(), own, `${bytes} bytes, word ${word}`);
    deepEqual(found(), own, `${bytes} bytes, word ${word}, again`);
  }
});

Deno.test("recent addresses are not searched for again, whichever of their bits differ", () => {
  const { lookup32, lookup128 } = PrefixTrie.prototype;
  let searches = 0;
  PrefixTrie.prototype.lookup32 = function (...key) {
    searches++;
    return lookup32.apply(this, key);
  };
  PrefixTrie.prototype.lookup128 = function (...key) {
    searches++;
    return lookup128.apply(this, key);
  };
  try {
    for (const [bytes, word] of [[4, 0], [16, 0], [16, 1], [16, 2], [16, 3]]) {
      for (const [shift, count] of [[0, 2_048], [11, 2_048], [22, 1_024]]) {
        const ranges = new AllowedIps();
        const addresses = Array.from({ length: count }, (_, i) => {
          const address = new Uint8Array(bytes);
          new DataView(address.buffer).setUint32(4 * word, i << shift);
          return address;
        });
        for (const address of addresses) lookup(ranges, address);
        const first = searches;
        for (const address of addresses) lookup(ranges, address);
        deepEqual([first, searches], [count, count], `${bytes} bytes, word ${word}, bit ${shift}`);
        searches = 0;
      }
    }
  } finally {
    Object.assign(PrefixTrie.prototype, { lookup32, lookup128 });
  }
});

Deno.test("memory: 200,000 inserts and removes take no more room than the most ranges at once", () => {
  const ranges = new AllowedIps();
  const chance = Chance.of(20);
  const fill = (round: number) => {
    const made: Uint8Array[] = [];
    for (let i = 0; i < 1000; i++) {
      const address = i % 2 === 0
        ? Uint8Array.of(10, round, i >>> 8, i)
        : new Uint8Array(16).map(() => chance.int(256));
      made.push(address);
      ranges.insert(address, 8 * address.length - chance.int(2), i % 50);
    }
    return made;
  };
  fill(0);
  for (let peer = 0; peer < 50; peer++) ranges.removePeer(peer);
  const room = ranges.capacity;
  for (let round = 1; round <= 100; round++) {
    const made = fill(round);
    ok(ranges.size > 900);
    if (round % 2 === 0) { for (let peer = 0; peer < 50; peer++) ranges.removePeer(peer); }
    else for (const [i, address] of made.entries()) removeEither(ranges, address, i % 50);
    equal(ranges.size, 0, `round ${round}`);
    equal(ranges.capacity, room, `round ${round}`);
  }
});

function removeEither(ranges: AllowedIps, address: Uint8Array, peer: number): void {
  const bits = 8 * address.length;
  ranges.remove(address, bits, peer);
  ranges.remove(address, bits - 1, peer);
}

Deno.test("memory is allocated for so many nodes as the capacity says", () => {
  const trie = new PrefixTrie(128);
  const { capacity } = trie;
  // Each prefix that contains the next one is a node.
  const key = new Int32Array(4);
  for (let prefix = 0; prefix < capacity; prefix++) trie.insert(key, prefix, 1);
  deepEqual([trie.size, trie.capacity], [capacity, capacity]);
  trie.insert(key, capacity, 1);
  equal(trie.capacity, 2 * capacity + 1);
});

Deno.test("n ranges take at most 2n nodes", () => {
  const ranges = new AllowedIps();
  for (let i = 0; i < 10_000; i++) ranges.insert(Uint8Array.of(10, i >>> 16, i >>> 8, i), 32, i);
  equal(ranges.size, 10_000);
  ok(ranges.capacity < 2 * 2 * 10_000, `${ranges.capacity} nodes`);
  for (let i = 0; i < 10_000; i++) {
    equal(ranges.lookup4(Uint8Array.of(10, i >>> 16, i >>> 8, i), 0), i);
  }
});

Deno.test("ALLOWED_IPS_MAX ranges fit, one more is refused, a move is not", () => {
  const ranges = new AllowedIps();
  const address = (i: number) => Uint8Array.of(i >>> 24, i >>> 16, i >>> 8, i);
  for (let i = 0; i < ALLOWED_IPS_MAX; i++) ranges.insert(address(i), 32, i % PEERS_MAX);
  equal(ranges.size, ALLOWED_IPS_MAX);
  equal(ranges.insert(address(ALLOWED_IPS_MAX), 32, 1), false);
  equal(ranges.lookup4(address(ALLOWED_IPS_MAX), 0), -1);
  equal(ranges.insert(new Uint8Array(16), 0, 1), false);
  equal(ranges.insert(address(5), 32, 77), true);
  equal(ranges.lookup4(address(5), 0), 77);
  equal(ranges.remove(address(5), 32, 77), true);
  equal(ranges.insert(new Uint8Array(16), 0, 1), true);
  equal(ranges.lookup6(new Uint8Array(16), 0), 1);
});

Deno.test("arguments out of range are the caller's mistake", () => {
  const ranges = new AllowedIps();
  throws(() => ranges.insert(new Uint8Array(5), 1, 0), RangeError);
  throws(() => ranges.insert(new Uint8Array(4), 33, 0), RangeError);
  throws(() => ranges.insert(new Uint8Array(16), 129, 0), RangeError);
  throws(() => ranges.insert(new Uint8Array(4), -1, 0), RangeError);
  throws(
    () => ranges.insert(new Uint8Array(4), 8, PEERS_MAX),
    new RangeError(`allowed IP: peer ${PEERS_MAX}; 0 to ${PEERS_MAX - 1} is required`),
  );
  throws(() => ranges.insert(new Uint8Array(4), 8, -1), RangeError);
  throws(() => ranges.owner(new Uint8Array(4), 33), RangeError);
  throws(() => ranges.remove(new Uint8Array(16), 129, 0), RangeError);
  equal(ranges.size, 0);
});
