/**
 * * Two data planes, one for each direction, in one isolate. The daemon uses two with many
 * processors. `deno test -A tests/data tests/sim tests/conformance -- --two-ways` runs these tests
 * with them.
 * @module
 */
import { type AllCounts, sumOfCounts } from "../../lib/base/counter_block.ts";
import type { Milliseconds } from "../../lib/base/brands.ts";
import type { DataCommand } from "../../lib/base/messages.ts";
import type { Offloads } from "../../lib/base/offloads.ts";
import { BULK_FLOWS_BYTES } from "../../lib/data/bulk_flows.ts";
import {
  Dataplane,
  DATAPLANE_ARENA_BYTES,
  type DataplaneOptions,
} from "../../lib/data/dataplane.ts";

/** Whether the tests run with two data planes per node. */
export const TWO_WAYS = Deno.args.includes("--two-ways");

/** Bytes of the arena of a node that has one data plane or two. */
export function nodeArenaBytes(twoWays: boolean): number {
  return twoWays ? 2 * DATAPLANE_ARENA_BYTES : DATAPLANE_ARENA_BYTES;
}

/** Bytes of the arena of a node. */
export const NODE_ARENA_BYTES = nodeArenaBytes(TWO_WAYS);

/** The methods of a data plane that tests use. */
export type Plane = Pick<
  Dataplane,
  "apply" | "turn" | "counts" | "gone" | "offloads" | "setOffloads"
>;

/** The data planes of a node, in the order in which they get commands. */
export function planesOf(options: DataplaneOptions, twoWays = TWO_WAYS): Dataplane[] {
  if (!twoWays) return [new Dataplane(options)];
  const shared = { ...options, bulkFlows: new SharedArrayBuffer(BULK_FLOWS_BYTES) };
  return [
    new Dataplane({ ...shared, direction: "inbound" }),
    new Dataplane({ ...shared, direction: "outbound" }),
  ];
}

/** The sums of their counters. */
export function countsOf(planes: readonly Dataplane[]): AllCounts {
  return sumOfCounts(planes.map((plane) => plane.counts()));
}

/** Makes one data plane, or two with the same interface. */
export function planeOf(options: DataplaneOptions): Plane {
  const planes = planesOf(options);
  return planes.length === 1 ? planes[0] : new TwoWays(planes);
}

/** Two data planes that get every command. */
class TwoWays implements Plane {
  constructor(readonly planes: readonly Dataplane[]) {}

  apply(command: DataCommand, now: Milliseconds): void {
    for (const plane of this.planes) plane.apply(command, now);
  }
  turn(now: Milliseconds): boolean {
    return this.planes.map((plane) => plane.turn(now)).includes(true);
  }
  get gone(): boolean {
    return this.planes.some((plane) => plane.gone);
  }
  get offloads(): Offloads {
    const [inbound, outbound] = this.planes;
    return { ...inbound.offloads, gso: outbound.offloads.gso };
  }
  setOffloads(wanted: Offloads): void {
    for (const plane of this.planes) plane.setOffloads(wanted);
  }
  counts(): AllCounts {
    return countsOf(this.planes);
  }
}
