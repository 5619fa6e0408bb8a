/**
 * The program of short_times.ts: one interface of the daemon, real TUN, sockets and Worker, with
 * the protocol's times and those of `mtu auto` divided by about a hundred. Its arguments are the
 * interface's name, how many Workers it has, and a file with the seconds by which its wall clock
 * differs. Reads its configuration (UAPI `set` lines, an empty line at the end) from standard
 * input; its debug messages go to standard error, the kinds of its events to standard output. At
 * SIGUSR1 it prints its counters.
 * @module
 */
import { wipeStatus } from "../../lib/base/config.ts";
import type { Times } from "../../lib/base/times.ts";
import { RunningInterface } from "../../lib/daemon/running_interface.ts";
import { Log } from "../../lib/daemon/log.ts";
import { dataWorkerUrl } from "../../lib/daemon/program.ts";
import { wallClock } from "../../lib/runtime/clock.ts";
import { WorkerGroup } from "../../lib/worker/worker_group.ts";
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

const [name, workers, clockFile] = Deno.args;

/** How far the wall clock is from the right one, in nanoseconds. */
function clockError(): bigint {
  try {
    return BigInt(Deno.readTextFileSync(clockFile).trim()) * 1_000_000_000n;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0n;
    throw error;
  }
}

const input = await new Response(Deno.stdin.readable).text();
const worker = new WorkerGroup(dataWorkerUrl(), Number(workers));
const device = await RunningInterface.open(
  {
    name,
    worker,
    log: new Log(name, true),
    times: SHORT,
    mtuEveryMs: 500,
    wallClock: () => wallClock() + clockError(),
    event: ({ kind }) => console.log(`event ${kind}`),
  },
  {
    ...parseSet(input.split("\n").filter((line) => line !== "")),
    debug: true,
  },
);
console.log("ready");
Deno.addSignalListener("SIGUSR1", () => {
  const status = device.status();
  const [peer] = status.peers;
  console.log(`counters ${JSON.stringify({ ...status.counters, ...peer?.counters })}`);
  wipeStatus(status);
});
Deno.addSignalListener("SIGTERM", () => device.close("asked"));
await device.ended;
Deno.exit(0);
