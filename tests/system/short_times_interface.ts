/**
 * A program for rekey_test.ts: one interface of the daemon, real TUN, sockets and Worker, with the
 * protocol's times divided by about a hundred. Its arguments are the interface's name and how many
 * Workers it has. Reads its configuration (UAPI `set` lines, an empty line at the end) from
 * standard input and ends with it; its debug messages go to standard error.
 * @module
 */
import type { Times } from "../../lib/base/times.ts";
import { RunningInterface } from "../../lib/daemon/running_interface.ts";
import { Log } from "../../lib/daemon/log.ts";
import { dataWorkerUrl } from "../../lib/daemon/program.ts";
import { startWorkers } from "../../lib/worker/worker_pair.ts";
import { parseSet } from "../../lib/uapi/set.ts";

const SHORT: Times = {
  rekeyAfter: 1_200,
  rekeyAfterReceiving: 1_650,
  rejectAfter: 1_800,
  rekeyTimeout: 100,
  rekeyTimeoutJitter: 20,
  rekeyAttempt: 1_000,
  keepaliveTimeout: 300,
  zeroKeysAfter: 2_700,
  cookieSecret: 120_000,
};

const [name, workers] = Deno.args;
const input = await new Response(Deno.stdin.readable).text();
const worker = startWorkers(dataWorkerUrl(), workers === "2" ? 2 : 1);
const device = await RunningInterface.open(
  { name, worker, log: new Log(name, true), times: SHORT },
  {
    ...parseSet(input.split("\n").filter((line) => line !== "")),
    debug: true,
  },
);
console.log("ready");
Deno.addSignalListener("SIGTERM", () => device.close("asked"));
await device.ended;
Deno.exit(0);
