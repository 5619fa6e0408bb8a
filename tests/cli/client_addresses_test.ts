/** Addresses of new clients. */
import assert from "node:assert/strict";
import { formatIp, parseIp, parseRange } from "../../lib/base/ip_text.ts";
import { freeAddress, networkOfEnd, takenBy } from "../../lib/cli/client/addresses.ts";
import { Chance, SEED } from "../random.ts";

const network = (text: string) => {
  const [address, prefix] = text.split("/");
  return { address: parseIp(address) ?? assert.fail(text), prefix: Number(prefix) };
};
const ranges = (...texts: string[]) => texts.map((text) => parseRange(text) ?? assert.fail(text));
const free = (own: string, ...taken: string[]) => {
  const found = freeAddress(network(own), ranges(...taken));
  return found && formatIp(found);
};

Deno.test("the lowest address that nobody has", () => {
  assert.equal(free("10.0.0.1/24"), "10.0.0.2");
  assert.equal(free("10.0.0.7/24"), "10.0.0.1");
  assert.equal(free("10.0.0.1/24", "10.0.0.2/32", "10.0.0.4/32"), "10.0.0.3");
  assert.equal(free("10.0.0.1/16", "10.0.0.0/23", "10.0.2.0/32"), "10.0.2.1");
  assert.equal(free("10.0.0.1/24", "10.0.0.0/25", "fd00::/64"), "10.0.0.128");
  assert.equal(free("fd00::1/64", "fd00::2/128"), "fd00::3");
  assert.equal(free("fd00::ffff/64", "fd00::/120"), "fd00::100");
  assert.equal(free("fd00::/112"), "fd00::1");
});

Deno.test("a peer for everything else takes none, and a network can be full", () => {
  assert.equal(free("10.0.0.1/24", "0.0.0.0/0", "10.0.0.0/24"), "10.0.0.2");
  assert.equal(free("10.0.0.1/30"), "10.0.0.2");
  assert.equal(free("10.0.0.1/30", "10.0.0.2/32"), undefined);
  assert.equal(free("10.0.0.0/31"), "10.0.0.1");
  assert.equal(free("10.0.0.1/32"), undefined);
  assert.equal(free("fd00::1/127"), "fd00::");
  assert.equal(free("fd00::1/128"), undefined);
});

Deno.test("as many clients as there is room for get addresses of their own, of any taken ranges", () => {
  const chance = Chance.of(SEED);
  for (let round = 0; round < 50; round++) {
    const prefix = 25 + chance.int(4);
    const size = 2 ** (32 - prefix);
    const own = network(`10.1.0.${1 + chance.int(size - 2)}/${prefix}`);
    const taken = Array.from({ length: chance.int(6) }, () => {
      const bits = prefix + 1 + chance.int(32 - prefix);
      return `10.1.0.${chance.int(size)}/${bits}`;
    }).flatMap((text) => ranges(text));
    // The slow twin: each address alone.
    const wanted: string[] = [];
    for (let host = 1; host < size - 1; host++) {
      const address = Uint8Array.of(10, 1, 0, host);
      const isTaken = taken.some((range) =>
        parseRange(`${formatIp(address)}/${range.prefix}`)?.address.join() === range.address.join()
      );
      if (!isTaken && host !== own.address[3]) wanted.push(formatIp(address));
    }
    const got: string[] = [];
    for (let next = freeAddress(own, taken); next; next = freeAddress(own, taken)) {
      got.push(formatIp(next));
      taken.push({ address: next, prefix: 32 });
    }
    assert.deepEqual(got, wanted, `seed ${SEED}, round ${round}`);
  }
});

Deno.test("an address that somebody has is told with the range", () => {
  const own = [network("10.0.0.1/24")];
  const taken = ranges("0.0.0.0/0", "10.0.0.0/24", "10.0.0.8/29", "10.9.0.0/16");
  const by = (text: string) => takenBy(parseIp(text)!, taken, own);
  assert.equal(by("10.0.0.9"), "10.0.0.8/29");
  assert.equal(by("10.0.0.20"), undefined);
  assert.equal(by("10.9.1.1"), "10.9.0.0/16");
  assert.equal(by("192.0.2.1"), undefined);
});

Deno.test("the ends of a network are no addresses of clients", () => {
  const own = [network("10.66.0.1/24"), network("10.9.0.0/31"), network("fd00::1/64")];
  const isEnd = (text: string) => networkOfEnd(parseIp(text)!, own) !== undefined;
  for (const text of ["10.66.0.0", "10.66.0.255", "fd00::"]) assert.ok(isEnd(text), text);
  for (const text of ["10.66.0.254", "10.67.0.255", "10.9.0.1", "10.9.0.0", "fd00::ffff"]) {
    assert.ok(!isEnd(text), text);
  }
});
