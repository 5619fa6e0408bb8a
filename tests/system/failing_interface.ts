/**
 * A program for failure_test.ts: the process of an interface, in which a fault is planted. When the
 * interface runs, an error is thrown in a callback of the event loop, as a bug would throw it.
 * @module
 */
import { runDaemon } from "../../lib/daemon/run.ts";

const status = await runDaemon({
  name: Deno.args[0],
  foreground: true,
  configuration: () => Promise.resolve({ lines: ["listen_port=7111"] }),
  ready: () =>
    setTimeout(() => {
      throw new Error("a planted fault");
    }, 300),
});
Deno.exit(status);
