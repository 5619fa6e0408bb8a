/**
 * The timer of the control driver, with a device that has only deadlines.
 * @module
 */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { Device } from "../../lib/device/device.ts";
import { ControlDriver } from "../../lib/worker/control.ts";

function bench() {
  const timers: { callback: () => void; delayMs: number; stopped: boolean }[] = [];
  const state = {
    now: 1000,
    deadline: undefined as number | undefined,
    ticks: [] as number[],
    log: [] as string[],
  };
  const device = {
    configure: () => {},
    link: () => {},
    handle: () => {},
    tick: (now: number) => state.ticks.push(now),
    nextDeadline: () => state.deadline,
    takeOutputs: () => ({
      commands: [],
      datagrams: [],
      log: ["x"],
      faults: [],
      notes: [],
      lookUps: [],
      events: [],
    }),
  } as unknown as Device;
  const driver = new ControlDriver({
    device,
    handshakes: new HandshakeMemory(),
    now: () => milliseconds(state.now),
    command: () => assert.fail("no commands"),
    send: () => assert.fail("no datagrams"),
    log: (line) => state.log.push(line),
    timer: (callback, delayMs) => {
      const timer = { callback, delayMs, stopped: false };
      timers.push(timer);
      return () => timer.stopped = true;
    },
  });
  return { driver, state, timers };
}

Deno.test("a deadline sets one timer, and a new deadline replaces it", () => {
  const { driver, state, timers } = bench();
  driver.configure({});
  assert.equal(timers.length, 0);
  state.deadline = 1500.5;
  driver.configure({});
  driver.configure({});
  assert.deepEqual(timers.map(({ delayMs, stopped }) => [delayMs, stopped]), [[501, false]]);
  state.deadline = 1200;
  driver.link(true, 1420);
  assert.deepEqual(timers.map(({ delayMs, stopped }) => [delayMs, stopped]), [[501, true], [
    200,
    false,
  ]]);
});

Deno.test("after a jump of the clock an overdue timer runs at the next look, once", () => {
  const { driver, state, timers } = bench();
  state.deadline = 50_000;
  driver.configure({});
  driver.wake();
  assert.deepEqual(state.ticks, []);
  state.now += 8 * 3_600_000;
  state.deadline = undefined;
  driver.wake();
  driver.wake();
  assert.deepEqual([state.ticks.length, timers[0].stopped], [1, true]);
  driver.close();
  driver.wake();
  assert.equal(state.ticks.length, 1);
});

Deno.test("an early timer does not tick, a due timer does, and a far deadline needs several timers", () => {
  const { driver, state, timers } = bench();
  state.deadline = 1_000_000;
  driver.configure({});
  assert.equal(timers[0].delayMs, 60_000);
  state.now = 61_000;
  timers[0].callback();
  assert.deepEqual(state.ticks, []);
  assert.equal(timers.length, 2, "it waits on");
  state.now = 1_000_001;
  state.deadline = undefined;
  const [, second] = timers;
  second.callback();
  assert.deepEqual(state.ticks, [1_000_001]);
  driver.close();
});

Deno.test("after close nothing is sent or logged, and no timer is set", () => {
  const { driver, state, timers } = bench();
  state.deadline = 1500;
  driver.configure({});
  const lines = state.log.length;
  driver.close();
  assert.ok(timers[0].stopped);
  driver.configure({});
  assert.equal(timers.length, 1);
  assert.equal(state.log.length, lines);
});
