/**
 * The daemon of an interface whose protocol times are divided by forty, for `deno task soak`. Its
 * arguments are the interface's name and the number of Workers. It stays in the foreground.
 * @module
 */
import { STANDARD_TIMES, type Times } from "../../lib/base/times.ts";
import { dataWorkerUrl } from "../../lib/daemon/program.ts";
import { runDaemon } from "../../lib/daemon/run.ts";
import { WorkerGroup } from "../../lib/worker/worker_group.ts";

const DIVISOR = 40;
const [name, workers] = Deno.args;
const times = Object.fromEntries(
  Object.entries(STANDARD_TIMES).map(([interval, ms]) => [interval, ms / DIVISOR]),
) as unknown as Times;
Deno.exit(
  await runDaemon({
    name,
    foreground: true,
    logLevel: "error",
    worker: new WorkerGroup(dataWorkerUrl(), workers === "2" ? 2 : 1),
    times,
    configuration: () => Promise.resolve({ lines: [] }),
    ready: (answer) => console.log(answer),
  }),
);
