import assert from "node:assert/strict";
import { type Milliseconds, milliseconds } from "../../lib/base/brands.ts";
import { RateLimiter } from "../../lib/cookie/rate_limiter.ts";

const LIMITER_SOURCES_MAX = 16_384;

const v4 = (n: number) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
const v6 = (subnet: number, host: number) => {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, 0, 0, subnet >> 8, subnet & 255]);
  address.set([host >> 8, host & 255], 14);
  return address;
};
/** What is around the address makes no difference. */
const allow = (limiter: RateLimiter, address: Uint8Array, now: Milliseconds) => {
  const bytes = crypto.getRandomValues(new Uint8Array(40));
  bytes.set(address, 12);
  return limiter.allow(bytes, 12, address.length, now);
};
const allowed = (limiter: RateLimiter, address: Uint8Array, now: number, tries: number) => {
  let count = 0;
  for (let i = 0; i < tries; i++) if (allow(limiter, address, milliseconds(now))) count++;
  return count;
};

Deno.test("five at once, then twenty a second", () => {
  const limiter = new RateLimiter();
  assert.equal(allowed(limiter, v4(1), 1000, 100), 5);
  assert.equal(allowed(limiter, v4(1), 1049, 100), 0);
  assert.equal(allowed(limiter, v4(1), 1049.99, 100), 0);
  assert.equal(allowed(limiter, v4(1), 1050, 100), 1);
  let sum = 0;
  for (let now = 1051; now <= 11_050; now++) sum += allowed(limiter, v4(1), now, 3);
  assert.equal(sum, 200);
  assert.equal(allowed(limiter, v4(1), 60_000, 100), 5, "no more is saved up than the burst");
  assert.equal(allowed(limiter, v4(2), 60_000, 100), 5, "another source has its own");
});

Deno.test("a clock that stops or goes back gives no tokens", () => {
  const limiter = new RateLimiter();
  assert.equal(allowed(limiter, v4(1), 5000, 10), 5);
  assert.equal(allowed(limiter, v4(1), 1000, 10), 0);
  assert.equal(allowed(limiter, v4(1), 1050, 10), 1);
});

Deno.test("IPv6 sources share a /64, and never a bucket with IPv4", () => {
  const limiter = new RateLimiter();
  let sum = 0;
  for (let host = 0; host < 100; host++) sum += allowed(limiter, v6(1, host), 1000, 1);
  assert.equal(sum, 5);
  assert.equal(allowed(limiter, v6(2, 1), 1000, 10), 5);
  assert.equal(allowed(limiter, v4(0x20010db8), 1000, 10), 5);
  assert.equal(limiter.size, 3);
});

Deno.test("every bit of an IPv4 address and of an IPv6 network makes another source", () => {
  const limiter = new RateLimiter();
  const oneBit = (length: number, bit: number) => {
    const address = new Uint8Array(length);
    address[bit >> 3] = 1 << (bit & 7);
    return address;
  };
  for (let bit = 0; bit < 32; bit++) allow(limiter, oneBit(4, bit), milliseconds(1000));
  allow(limiter, v4(0), milliseconds(1000));
  assert.equal(limiter.size, 33);
  for (let bit = 0; bit < 128; bit++) allow(limiter, oneBit(16, bit), milliseconds(1000));
  assert.equal(limiter.size, 33 + 64 + 1, "the last 64 bits are those of one network");
});

Deno.test("the table is capped and emptied", () => {
  const limiter = new RateLimiter();
  for (let i = 0; i < LIMITER_SOURCES_MAX; i++) {
    assert.ok(allow(limiter, v4(i), milliseconds(1000)));
  }
  assert.equal(allow(limiter, v4(LIMITER_SOURCES_MAX), milliseconds(1000)), false);
  assert.ok(allow(limiter, v4(0), milliseconds(1000)), "a known one goes on");
  assert.equal(limiter.size, LIMITER_SOURCES_MAX);
  limiter.collect(milliseconds(2000));
  assert.equal(limiter.size, LIMITER_SOURCES_MAX, "a second has not passed");
  assert.ok(allow(limiter, v4(3), milliseconds(2000)));
  limiter.collect(milliseconds(2001));
  assert.equal(limiter.size, LIMITER_SOURCES_MAX, "it was looked at in this second");
  limiter.collect(milliseconds(3000));
  assert.equal(limiter.size, 1);
  limiter.collect(milliseconds(4000));
  assert.equal(limiter.size, 0, "the last one too");
});
