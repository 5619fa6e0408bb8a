/**
 * A program for failure_test.ts: the process of an interface, in which a fault is planted. Its
 * arguments are the name of the interface, and `worker` when the fault is in the Worker
 * (failing_worker.ts). Otherwise an error is thrown in a callback of the event loop when the
 * interface runs, as a bug would throw it.
 * @module
 */
import { runDaemon } from "../../lib/daemon/run.ts";
import { WorkerGroup } from "../../lib/worker/worker_group.ts";

const [name, place] = Deno.args;
const status = await runDaemon({
  name,
  foreground: true,
  configuration: () => Promise.resolve({ lines: ["listen_port=7111"] }),
  ...(place === "worker"
    ? { worker: new WorkerGroup(new URL("./failing_worker.ts", import.meta.url)), ready: () => {} }
    : {
      ready: () =>
        setTimeout(() => {
          throw new Error("a planted fault");
        }, 300),
    }),
});
Deno.exit(status);
