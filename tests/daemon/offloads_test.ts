import assert from "node:assert/strict";
import { ALL_OFFLOADS, NO_OFFLOADS } from "../../lib/base/offloads.ts";
import { OsError } from "../../lib/base/errors.ts";
import { InterfaceOffloads } from "../../lib/daemon/offloads.ts";

/** Offloads without a device: every system call fails. */
const DEVICE = { fd: -1, name: "wg1" };

Deno.test("running offloads and offloads that were switched off are reported separately", () => {
  const offloads = new InterfaceOffloads(DEVICE);
  assert.deepEqual(offloads.facts, { offloads: "", offloadsOff: "" });
  offloads.running = { ...ALL_OFFLOADS, uso: false };
  assert.notEqual(offloads.change({ gro: false }), undefined);
  assert.deepEqual(offloads.usable, { ...ALL_OFFLOADS, gro: false });
  assert.deepEqual(offloads.facts, { offloads: "tso gso gro", offloadsOff: "gro" });
  for (const nothing of [undefined, {}, { gro: false }, { tso: true, gro: false }]) {
    assert.equal(offloads.change(nothing), undefined);
  }
});

Deno.test("a change is undone whole, and a refused change changes nothing", () => {
  const offloads = new InterfaceOffloads(DEVICE);
  const step = offloads.change({ gso: false, gro: false });
  const refused = (error: unknown) =>
    error instanceof OsError && error.call === "TUNSETOFFLOAD" && error.object === "wg1";
  for (const wanted of [{ tso: false, gro: true }, { uso: false }, NO_OFFLOADS]) {
    assert.throws(() => offloads.change(wanted), refused);
    assert.deepEqual(offloads.usable, { ...ALL_OFFLOADS, gso: false, gro: false });
  }
  step?.undo();
  assert.deepEqual(offloads.usable, ALL_OFFLOADS);
  assert.equal(offloads.facts.offloadsOff, "");
});
