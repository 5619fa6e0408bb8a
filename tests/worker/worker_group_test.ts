/**
 * Two Workers act as one: one report of events at a time, common offloads, one end.
 * @module
 */
import { BULK_FLOWS_BYTES } from "../../lib/data/bulk_flows.ts";
import assert from "node:assert/strict";
import { NO_OFFLOADS } from "../../lib/base/offloads.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import type { WorkerListener } from "../../lib/worker/worker_handle.ts";
import type { WorkerReport } from "../../lib/worker/worker_messages.ts";
import { type GroupSetup, WorkerGroup, workersByDefault } from "../../lib/worker/worker_group.ts";
import { eventually } from "../../scripts/running.ts";

const BLOCKING = new URL("./blocking_worker.ts", import.meta.url);
const module = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

const setup = (): GroupSetup => ({
  table: new PeerTable().buffer,
  handshakes: new HandshakeMemory().buffer,
  tun: { queues: [], tso: false, uso: false },
  bulkFlows: new SharedArrayBuffer(BULK_FLOWS_BYTES),
  sockets: [{ fd4: -1, fd6: -1 }],
  linkSocket: 77,
  routeSocket: 78,
  times: undefined,
  offloads: undefined,
});

class Ends implements WorkerListener {
  readonly reports: WorkerReport[] = [];
  ends = 0;
  readonly #end = Promise.withResolvers<Parameters<WorkerListener["ended"]>[0]>();
  readonly end = this.#end.promise;
  report(report: WorkerReport): void {
    this.reports.push(report);
  }
  ended(reason: Parameters<WorkerListener["ended"]>[0]): void {
    this.ends++;
    this.#end.resolve(reason);
  }
  events(): string[] {
    return this.reports.flatMap((report) =>
      report.type === "events" ? [JSON.stringify(report.events)] : []
    );
  }
}

/** A Worker that runs and does `then`, with `start` at hand, and stops when it is told to. */
const running = (then: string) =>
  module(`
    onmessage = ({ data: start }) => {
      start.orders.onmessage = ({ data }) => {
        if (data.get("order").type === "stop") postMessage({ type: "stopped" });
      };
      const inbound = start.direction === "inbound";
      postMessage({ type: "running", cipher: "none", offloads: { tso: inbound, uso: false, gso: !inbound, gro: inbound } });
      ${then}
    };
    postMessage({ type: "loaded" });
  `);

Deno.test("orders reach both, and stop ends both, once", async () => {
  const ends = new Ends();
  const pair = new WorkerGroup(BLOCKING, 2);
  await pair.run(setup(), ends);
  pair.command([{ type: "debug", on: true }, { type: "debug", on: false }]);
  await pair.replaceSockets([{ fd4: 5, fd6: 6 }]);
  await pair.setOffloads(NO_OFFLOADS);
  await pair.stop();
  assert.equal(await ends.end, "stopped");
  assert.equal(ends.ends, 1);
});

Deno.test("one Worker polls link and routes, and each offload is reported by the Worker that uses it", async () => {
  const ends = new Ends();
  const pair = new WorkerGroup(
    running(
      `postMessage({ type: "events", events: [start.direction, start.linkSocket, start.routeSocket] });`,
    ),
    2,
  );
  await pair.run(setup(), ends);
  await eventually("both told", () => (pair.eventsHandled(), ends.events().length === 2));
  assert.deepEqual(ends.events().sort(), ['["inbound",77,78]', '["outbound",-1,-1]']);
  const told = ends.reports.findLast((report) => report.type === "running");
  assert.deepEqual(told?.offloads, { tso: true, uso: false, gso: true, gro: true });
  await pair.stop();
});

Deno.test("the owner gets one report of events at a time", async () => {
  const ends = new Ends();
  const pair = new WorkerGroup(
    running(`postMessage({ type: "events", events: [start.direction] });`),
    2,
  );
  await pair.run(setup(), ends);
  await eventually("one", () => ends.events().length > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(ends.events().length, 1);
  pair.eventsHandled();
  assert.deepEqual(ends.events().sort(), ['["inbound"]', '["outbound"]']);
  pair.eventsHandled();
  await pair.stop();
});

for (const direction of ["inbound", "outbound"]) {
  Deno.test(`the ${direction} one's death is the end of both`, async () => {
    const ends = new Ends();
    const dies =
      `if (start.direction === "${direction}") setTimeout(() => { throw new Error("died") }, 20);`;
    const pair = new WorkerGroup(running(dies), 2);
    await pair.run(setup(), ends);
    assert.match(JSON.stringify(await ends.end), /died/);
    await pair.stop();
    assert.equal(ends.ends, 1);
  });

  Deno.test(`an ${direction} one that cannot start fails the start`, async () => {
    const pair = new WorkerGroup(
      module(`
      onmessage = ({ data: start }) => {
        start.orders.onmessage = () => postMessage({ type: "stopped" });
        if (start.direction === "${direction}") postMessage({ type: "failed", reason: "no room" });
        else postMessage({ type: "running", cipher: "none", offloads: {} });
      };
      postMessage({ type: "loaded" });
    `),
      2,
    );
    await assert.rejects(pair.run(setup(), new Ends()), /no room/);
  });
}

Deno.test("the number of Workers is the given one, or depends on the processors", async () => {
  for (const [asked, workers] of [[1, 1], [2, 2], [undefined, workersByDefault()]] as const) {
    const made = new WorkerGroup(BLOCKING, asked);
    assert.equal(made.workers, workers);
    await made.run(setup(), new Ends());
    await made.stop();
  }
});
