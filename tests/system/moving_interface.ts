/**
 * A program for wgrtable_test.ts: one interface of the daemon whose PeerTable it looks into.
 * Configuration (UAPI `set` lines) on standard input. When the first peer's packets leave from a
 * known address of ours, it waits for the file that it is given, moves the sockets to rdomain 3,
 * and prints the address before and after.
 * @module
 */
import type { PeerSlot } from "../../lib/base/brands.ts";
import { formatIp } from "../../lib/base/ip_text.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { RunningInterface } from "../../lib/daemon/running_interface.ts";
import { Log } from "../../lib/daemon/log.ts";
import { dataWorkerUrl } from "../../lib/daemon/program.ts";
import { WorkerGroup } from "../../lib/worker/worker_group.ts";
import { parseSet } from "../../lib/uapi/set.ts";

const [name, go] = Deno.args;
const input = await new Response(Deno.stdin.readable).text();
const worker = new WorkerGroup(dataWorkerUrl());
const run = worker.run.bind(worker);
let table: PeerTable | undefined;
worker.run = (setup, listener) => {
  table = new PeerTable(setup.table);
  return run(setup, listener);
};
const slots: PeerSlot[] = [];
const command = worker.command.bind(worker);
worker.command = (commands) => {
  for (const each of commands) if (each.type === "peer-add") slots.push(each.peer);
  command(commands);
};
const device = await RunningInterface.open(
  { name, worker, log: new Log(name, true) },
  parseSet(input.split("\n").filter((line) => line !== "")),
);
console.log("key", device.status().publicKey?.toBase64());
const until = Date.now() + 30_000;
const source = () => {
  const local = table?.readEndpoint(slots[0]).local;
  return local === undefined ? "none" : formatIp(local.address);
};
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
while (source() === "none" && Date.now() < until) await pause();
console.log("before", source());
while (!await Deno.stat(go).then(() => true, () => false) && Date.now() < until) await pause();
console.log("still", source());
await device.configure({ rtable: 3 });
// The Worker does it a moment later; nothing else would: no packet comes or goes.
const soon = Date.now() + 3_000;
while (source() !== "none" && Date.now() < soon) await pause();
console.log("after", source());
device.close("asked");
await device.ended;
Deno.exit(0);
