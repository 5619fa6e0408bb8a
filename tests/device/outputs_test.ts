/** The outputs of a device, and how many lines of them there are in a second. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { Outputs } from "../../lib/device/outputs.ts";
import { endpointOf } from "./harness.ts";

const at = (ms: number) => milliseconds(ms);

Deno.test("200 lines of all kinds in a second, and then how many were left out", () => {
  const out = new Outputs();
  out.debug = true;
  out.at(at(5_000));
  for (let i = 0; i < 70; i++) {
    out.say(`said ${i}`);
    out.complain(`complained ${i}`);
    out.note(`noted ${i}`);
  }
  const { log, faults, notes } = out.take();
  assert.deepEqual([log.length, faults.length, notes.length], [67, 67, 66]);
  assert.deepEqual([log[66], faults[66], notes[65]], ["said 66", "complained 66", "noted 65"]);
  out.at(at(5_999));
  out.say("left out");
  assert.deepEqual(out.take().log, []);
  out.at(at(6_000));
  for (let i = 0; i < 300; i++) out.say(`later ${i}`);
  const later = out.take().log;
  assert.equal(later.length, 200);
  assert.deepEqual(later.slice(0, 2), ["11 messages left out", "later 0"]);
  // Nothing is told where all had room.
  out.at(at(7_000));
  out.take();
  for (let i = 0; i < 199; i++) out.say("one");
  out.at(at(8_000));
  assert.equal(out.take().log.length, 199);
  for (let i = 0; i < 201; i++) out.note("one");
  out.at(at(9_000));
  assert.deepEqual(out.take().log, ["1 messages left out"]);
});

Deno.test("debug messages only in debug mode, complaints and notes always; addresses in brackets", () => {
  const out = new Outputs();
  out.at(at(1));
  out.say("nothing");
  out.complain("a fault");
  out.note("a note");
  assert.deepEqual(out.take(), {
    commands: [],
    datagrams: [],
    log: [],
    faults: ["a fault"],
    notes: ["a note"],
    lookUps: [],
    events: [],
  });
  // What is not said does not count.
  for (let i = 0; i < 500; i++) out.say("nothing");
  out.note("still there");
  assert.deepEqual(out.take().notes, ["still there"]);
  out.debug = true;
  out.say("with", endpointOf(7, 51_820));
  out.say("without");
  assert.deepEqual(out.take().log, ["with (10.0.0.7:51820)", "without"]);
});

Deno.test("outputs are taken once, in their order", () => {
  const out = new Outputs();
  for (const slot of [1, 2]) {
    out.command({ type: "debug", on: slot === 1 });
    out.lookUp(`host ${slot}`);
  }
  const datagram = {
    bytes: new Uint8Array(1),
    endpoint: endpointOf(1),
    local: undefined,
    peer: 0 as never,
  };
  out.datagram(datagram);
  const taken = out.take();
  assert.deepEqual(taken.commands, [{ type: "debug", on: true }, { type: "debug", on: false }]);
  assert.deepEqual(taken.lookUps, ["host 1", "host 2"]);
  assert.deepEqual(taken.datagrams, [datagram]);
  assert.deepEqual(out.take().commands, []);
});
