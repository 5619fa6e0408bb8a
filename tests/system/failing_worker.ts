/**
 * A Worker for failing_interface.ts: the data plane's own, in which a fault is planted. Its tenth
 * turn throws an error, as a bug would throw it.
 * @module
 */
import { Dataplane } from "../../lib/data/dataplane.ts";

const turn = Dataplane.prototype.turn;
let turns = 0;
Dataplane.prototype.turn = function (...args) {
  if (++turns === 10) throw new Error("a fault planted in the Worker");
  return turn.apply(this, args);
};
await import("../../lib/worker/data_worker.ts");
