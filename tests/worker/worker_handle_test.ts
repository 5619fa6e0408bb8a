/**
 * Every end of a Worker is noticed.
 * @module
 */
import { BULK_FLOWS_BYTES } from "../../lib/data/bulk_flows.ts";
import assert from "node:assert/strict";
import {
  WorkerHandle,
  type WorkerListener,
  type WorkerSetup,
} from "../../lib/worker/worker_handle.ts";
import { NO_OFFLOADS } from "../../lib/base/offloads.ts";
import type { WorkerReport } from "../../lib/worker/worker_messages.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";

const module = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

const setup = (): WorkerSetup => ({
  table: new PeerTable().buffer,
  handshakes: new HandshakeMemory().buffer,
  tun: { queues: [], tso: false, uso: false },
  planes: { senders: 1, receivers: 1 },
  bulkFlows: new SharedArrayBuffer(BULK_FLOWS_BYTES),
  fd4: -1,
  fd6: -1,
  linkSocket: -1,
  routeSocket: -1,
  times: undefined,
  offloads: undefined,
});

class Ends implements WorkerListener {
  readonly reports: WorkerReport[] = [];
  readonly #end = Promise.withResolvers<Parameters<WorkerListener["ended"]>[0]>();
  readonly end = this.#end.promise;
  report(report: WorkerReport): void {
    this.reports.push(report);
  }
  ended(reason: Parameters<WorkerListener["ended"]>[0]): void {
    this.#end.resolve(reason);
  }
}

/** A Worker that reports `loaded` and `running`, and then runs some code. */
const running = (then: string) =>
  module(`
    onmessage = (message) => {
      postMessage({ type: "running", cipher: "none", offloads: {} });
      const start = message.data;
      ${then}
    };
    postMessage({ type: "loaded" });
  `);

Deno.test("a module that cannot be loaded fails the start", async () => {
  const handle = new WorkerHandle("file:///nowhere/worker.js");
  await assert.rejects(handle.run(setup(), new Ends()));
});

Deno.test("a module that throws while it is loaded fails the start", async () => {
  const handle = new WorkerHandle(module(`throw new Error("broken on purpose")`));
  await assert.rejects(handle.run(setup(), new Ends()), /broken on purpose/);
});

Deno.test("a data plane that cannot be built fails the start, with its reason", async () => {
  const handle = new WorkerHandle(module(`
    onmessage = () => postMessage({ type: "failed", reason: "arena: 5 bytes do not fit" });
    postMessage({ type: "loaded" });
  `));
  await assert.rejects(handle.run(setup(), new Ends()), /do not fit/);
});

Deno.test("an error while packets move is reported", async () => {
  const ends = new Ends();
  const handle = new WorkerHandle(running(`setTimeout(() => { throw new Error("died") }, 20);`));
  await handle.run(setup(), ends);
  assert.match(JSON.stringify(await ends.end), /died/);
});

Deno.test("failed and gone are reported once, and a stop afterwards returns at once", async () => {
  const ends = new Ends();
  const handle = new WorkerHandle(
    running(`postMessage({ type: "gone" }); postMessage({ type: "failed", reason: "x" });`),
  );
  await handle.run(setup(), ends);
  assert.equal(await ends.end, "gone");
  await handle.stop();
});

Deno.test("orders reach a Worker that never yields, and stop ends it", async () => {
  const ends = new Ends();
  const handle = new WorkerHandle(new URL("./blocking_worker.ts", import.meta.url));
  await handle.run(setup(), ends);
  handle.command([{ type: "debug", on: true }, { type: "debug", on: false }]);
  await handle.replaceSockets(5, 6);
  await handle.setOffloads(NO_OFFLOADS);
  await handle.stop();
  assert.equal(await ends.end, "stopped");
  const cipher = ends.reports.find((report) => report.type === "running");
  assert.deepEqual(cipher, { type: "running", cipher: "blocking", offloads: cipher!.offloads });
});
