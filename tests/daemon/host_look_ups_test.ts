/**
 * Look-ups of hosts: how many at once, how long, and with which process. The test is the process
 * that looks up names.
 * @module
 */
import assert from "node:assert/strict";
import { EPIPE, osError } from "../../lib/base/errno.ts";
import { HostLookUps } from "../../lib/daemon/host_look_ups.ts";
import { type SlotAnswer, SLOTS } from "../../lib/daemon/look_up_protocol.ts";
import type { LookUpProcess } from "../../lib/daemon/look_up_socket.ts";
import type { NameAnswer } from "../../lib/device/device.ts";
import { eventually } from "../../scripts/netlab.ts";

const FOUND: NameAnswer = { addresses: [{ address: Uint8Array.of(192, 0, 2, 1), scope: 0 }] };

/** A process that answers when the test says so. */
class Resolver implements LookUpProcess {
  /** The hosts that were asked for, in their order. */
  readonly begun: string[] = [];
  readonly #hosts = new Map<number, string>();
  readonly #results: SlotAnswer[] = [];
  readonly #used = new Set<number>();
  isClosed = false;
  hasEnded = false;

  constructor(readonly pid: number) {}

  ask(slot: number, host: string): void {
    this.#check();
    assert.ok(slot >= 0 && slot < SLOTS && !this.#used.has(slot), `slot ${slot} is free`);
    this.#used.add(slot);
    this.#hosts.set(slot, host);
    this.begun.push(host);
  }

  giveBack(slot: number): void {
    this.#check();
    assert.ok(this.#used.delete(slot), `slot ${slot} was used`);
  }

  answers(): readonly SlotAnswer[] {
    this.#check();
    return this.#results.splice(0);
  }

  close(): void {
    this.isClosed = true;
  }

  /** Answers for the host. */
  result(host: string, answer = FOUND): void {
    const [slot] = [...this.#hosts].findLast(([, of]) => of === host)!;
    this.#results.push({ slot, answer });
  }

  #check(): void {
    assert.ok(!this.isClosed);
    if (this.hasEnded) throw osError("recv", "look-ups", EPIPE);
  }
}

class Bench implements Disposable {
  now = 0;
  losses = 0;
  readonly resolver = new Resolver(71);
  readonly answers: [host: string, answer: NameAnswer][] = [];
  readonly lookUps = new HostLookUps({
    answered: (host, answer) => this.answers.push([host, answer]),
    lost: () => this.losses++,
    remedy: () => "do this",
    now: () => this.now,
  });

  constructor(hasResolver = true) {
    if (hasResolver) this.lookUps.use(this.resolver);
  }

  get begun(): readonly string[] {
    return this.resolver.begun;
  }

  [Symbol.dispose](): void {
    this.lookUps.close();
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `host${i}`);
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 250));

Deno.test("sixteen look-ups are under way at most, and each host is answered once", async () => {
  using bench = new Bench();
  const hosts = numbered(40);
  for (const host of hosts) bench.lookUps.lookUp(host);
  await eventually("the first ones", () => bench.begun.length === 16);
  for (let i = 0; i < 40; i++) {
    bench.resolver.result(`host${i}`);
    await eventually(`${i + 1} answers`, () => bench.answers.length === i + 1);
    await eventually("the next ones", () => bench.begun.length === Math.min(40, 17 + i));
  }
  assert.deepEqual(bench.answers.map(([host]) => host), hosts);
});

Deno.test("what hangs is given up after 30 s, keeps its place, and serves when it answers", async () => {
  using bench = new Bench();
  for (const host of numbered(17)) bench.lookUps.lookUp(host);
  await eventually("sixteen", () => bench.begun.length === 16);
  bench.now = 29_999;
  await aMoment();
  assert.deepEqual(bench.answers, []);
  bench.now = 30_000;
  await eventually("all are given up", () => bench.answers.length === 16);
  assert.deepEqual(bench.answers[0], ["host0", { problem: "no answer for 30 seconds" }]);
  assert.equal(bench.begun.length, 16, "their slots are still occupied");
  // Asked for again, the one that is under way is waited for.
  bench.lookUps.lookUp("host3");
  bench.resolver.result("host3");
  await eventually("its answer", () => bench.answers.length === 17);
  assert.deepEqual(bench.answers[16], ["host3", FOUND]);
  await eventually("there is room", () => bench.begun.length === 17);
  bench.resolver.result("host5");
  bench.resolver.result("host16");
  await eventually("the last", () => bench.answers.length === 18);
  assert.equal(bench.answers[17][0], "host16", "nobody waits for host5 any more");
});

Deno.test("answers that nobody asked for are of no effect", async () => {
  using bench = new Bench();
  for (const host of ["a", "b", "a"]) bench.lookUps.lookUp(host);
  await eventually("both", () => bench.begun.length === 2);
  for (let i = 0; i < 3; i++) bench.resolver.result("a");
  bench.resolver.result("b", { problem: "none" });
  await eventually("both", () => bench.answers.length === 2);
  await aMoment();
  assert.deepEqual(bench.answers, [["a", FOUND], ["b", { problem: "none" }]]);
  // Two slots were not given back twice, which `ask` of the resolver would notice.
  for (const host of numbered(20)) bench.lookUps.lookUp(host);
  await eventually("sixteen more", () => bench.begun.length === 18);
});

Deno.test("hosts wait for a process, but not for long", async () => {
  using bench = new Bench(false);
  assert.equal(bench.lookUps.pid, 0);
  bench.lookUps.lookUp("a");
  bench.now = 9_999;
  bench.lookUps.lookUp("b");
  await aMoment();
  assert.deepEqual(bench.answers, []);
  bench.now = 10_000;
  await eventually("a is given up", () => bench.answers.length === 1);
  assert.deepEqual(bench.answers, [["a", { problem: "no process looks it up; do this" }]]);
  bench.lookUps.use(bench.resolver);
  assert.equal(bench.lookUps.pid, 71);
  await eventually("b is asked for", () => bench.begun.length === 1);
  bench.resolver.result("b");
  await eventually("b", () => bench.answers.length === 2);
  assert.equal(bench.losses, 0);
});

Deno.test("what waits for a process is told why there is none", async () => {
  using bench = new Bench(false);
  bench.lookUps.lookUp("a");
  await aMoment();
  bench.lookUps.refused("socketpair: EMFILE");
  await eventually("a", () => bench.answers.length === 1);
  const problem = "no process looks it up (socketpair: EMFILE); do this";
  assert.deepEqual(bench.answers, [["a", { problem }]]);
  // The next one waits for the process of a command that is under way.
  bench.lookUps.lookUp("b");
  await aMoment();
  assert.equal(bench.answers.length, 1);
  bench.now = 10_000;
  await eventually("b", () => bench.answers.length === 2);
  assert.deepEqual(bench.answers[1], ["b", { problem }]);
  bench.lookUps.use(bench.resolver);
  bench.lookUps.lookUp("c");
  await eventually("c is asked for", () => bench.begun.length === 1);
  bench.resolver.hasEnded = true;
  await eventually("its end", () => bench.losses === 1);
  bench.now = 20_000;
  await eventually("c", () => bench.answers.length === 3);
  assert.deepEqual(bench.answers[2], ["c", { problem: "no process looks it up; do this" }]);
});

Deno.test("when the process has ended it is told, and another one goes on", async () => {
  using bench = new Bench();
  for (const host of numbered(18)) bench.lookUps.lookUp(host);
  await eventually("sixteen", () => bench.begun.length === 16);
  bench.resolver.hasEnded = true;
  await eventually("it is told", () => bench.losses === 1);
  assert.ok(bench.resolver.isClosed);
  assert.equal(bench.lookUps.pid, 0);
  const next = new Resolver(72);
  bench.lookUps.use(next);
  await eventually("the same ones", () => next.begun.length === 16);
  assert.deepEqual(next.begun, numbered(16));
  next.result("host2");
  await eventually("an answer", () => bench.answers.length === 1);
  // One that is replaced, for instance by one in another rdomain, ends.
  const last = new Resolver(73);
  bench.lookUps.use(last);
  assert.ok(next.isClosed);
  await eventually("sixteen of them", () => last.begun.length === 16);
  for (const host of last.begun.slice()) last.result(host);
  await eventually("the last", () => last.begun.length === 17);
  last.result("host17");
  await eventually("all", () => bench.answers.length === 18);
  assert.equal(new Set(bench.answers.map(([host]) => host)).size, 18);
  bench.lookUps.close();
  assert.ok(last.isClosed);
});

Deno.test("after close nothing is answered, and a process that comes is ended", async () => {
  const bench = new Bench();
  bench.lookUps.lookUp("a");
  await eventually("a", () => bench.begun.length === 1);
  bench.resolver.result("a");
  bench.lookUps.close();
  assert.ok(bench.resolver.isClosed);
  bench.lookUps.lookUp("b");
  const late = new Resolver(72);
  bench.lookUps.use(late);
  assert.ok(late.isClosed);
  await aMoment();
  assert.deepEqual(bench.answers, []);
});
