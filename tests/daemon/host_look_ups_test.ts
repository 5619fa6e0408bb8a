/**
 * Look-ups of hosts: how many at once, how long, and in which namespace, with a resolver that the
 * test answers for, and one with getaddrinfo(3).
 * @module
 */
import assert from "node:assert/strict";
import { HostLookUps } from "../../lib/daemon/host_look_ups.ts";
import type { NameAnswer } from "../../lib/device/device.ts";
import { eventually } from "../../scripts/netlab.ts";

const FOUND: NameAnswer = { addresses: [{ address: Uint8Array.of(192, 0, 2, 1), scope: 0 }] };

/** A resolver whose answers the test gives, in a time of its own. */
class Bench implements Disposable {
  now = 0;
  rtable = 0;
  readonly begun: { readonly host: string; readonly rtable: number; readonly at: number }[] = [];
  readonly results = new Map<string, NameAnswer>();
  readonly answers: [host: string, answer: NameAnswer][] = [];
  readonly lookUps = new HostLookUps({
    rtable: () => this.rtable,
    answered: (host, answer) => this.answers.push([host, answer]),
    begin: (host, rtable) => {
      this.begun.push({ host, rtable, at: this.now });
      return { result: () => this.results.get(host) };
    },
    now: () => this.now,
  });

  /** The hosts that were answered. */
  get answered(): string[] {
    return this.answers.map(([host]) => host);
  }

  [Symbol.dispose](): void {
    this.lookUps.close();
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `host${i}`);

Deno.test("sixteen look-ups are under way at most, and each host is answered once", async () => {
  using bench = new Bench();
  const hosts = numbered(40);
  for (const host of hosts) bench.lookUps.lookUp(host);
  await eventually("the first ones", () => bench.begun.length === 16);
  for (let i = 0; i < 40; i++) {
    bench.results.set(`host${i}`, FOUND);
    await eventually(`${i + 1} answers`, () => bench.answers.length === i + 1);
    await eventually("the next ones", () => bench.begun.length === Math.min(40, 17 + i));
  }
  assert.deepEqual(bench.answered, hosts);
});

Deno.test("what hangs is given up after 20 s, keeps its place, and serves when it answers", async () => {
  using bench = new Bench();
  for (const host of numbered(17)) bench.lookUps.lookUp(host);
  await eventually("sixteen", () => bench.begun.length === 16);
  bench.now = 19_999;
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual(bench.answers, []);
  bench.now = 20_000;
  await eventually("all are given up", () => bench.answers.length === 16);
  assert.deepEqual(bench.answers[0], ["host0", { problem: "no answer for 20 seconds" }]);
  assert.equal(bench.begun.length, 16, "their threads are still occupied");
  // Asked for again, the one that is under way is waited for.
  bench.lookUps.lookUp("host3");
  bench.results.set("host3", FOUND);
  await eventually("its answer", () => bench.answers.length === 17);
  assert.deepEqual(bench.answers[16], ["host3", FOUND]);
  await eventually("there is room", () => bench.begun.length === 17);
  bench.results.set("host5", FOUND);
  bench.results.set("host16", FOUND);
  await eventually("the last", () => bench.answers.length === 18);
  assert.equal(bench.answers[17][0], "host16", "nobody waits for host5 any more");
});

Deno.test("in another rdomain look-ups begin when the threads of the last one have ended", async () => {
  using bench = new Bench();
  bench.lookUps.lookUp("a");
  await eventually("a", () => bench.begun.length === 1);
  bench.rtable = 3;
  bench.lookUps.lookUp("b");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(bench.begun.length, 1, "one is under way");
  bench.now = 5_000;
  bench.results.set("a", FOUND);
  await eventually("its answer", () => bench.answers.length === 1);
  bench.now = 6_400;
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(bench.begun.length, 1, "glibc's thread may wait for more to do");
  bench.now = 6_500;
  await eventually("b", () => bench.begun.length === 2);
  assert.deepEqual(bench.begun[1], { host: "b", rtable: 3, at: 6_500 });
});

Deno.test("after close nothing is answered", async () => {
  const bench = new Bench();
  bench.lookUps.lookUp("a");
  await eventually("a", () => bench.begun.length === 1);
  bench.results.set("a", FOUND);
  bench.lookUps.close();
  bench.lookUps.lookUp("b");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(bench.answers, []);
});

Deno.test("an rdomain that does not exist is the problem of the name", async () => {
  const answers: [string, NameAnswer][] = [];
  const lookUps = new HostLookUps({
    rtable: () => 255,
    answered: (host, answer) => answers.push([host, answer]),
    now: () => 1e9,
  });
  lookUps.lookUp("localhost");
  await eventually("an answer", () => answers.length === 1);
  const [[host, answer]] = answers;
  assert.equal(host, "localhost");
  assert.match("problem" in answer ? answer.problem : "", /rdomain 255/);
  lookUps.close();
});

Deno.test("getaddrinfo(3) gives the addresses of /etc/hosts and says what it does not know", async () => {
  const answers = new Map<string, NameAnswer>();
  const lookUps = new HostLookUps({
    rtable: () => 0,
    answered: (host, answer) => answers.set(host, answer),
  });
  lookUps.lookUp("localhost");
  lookUps.lookUp(`${"a".repeat(63)}.invalid`);
  await eventually("both", () => answers.size === 2);
  const local = answers.get("localhost");
  const addresses = local !== undefined && "addresses" in local ? local.addresses : [];
  assert.ok(addresses.length > 0);
  for (const { address } of addresses) assert.ok(address[0] === 127 || address.at(-1) === 1);
  assert.ok("problem" in answers.get(`${"a".repeat(63)}.invalid`)!);
  lookUps.close();
});
