/**
 * The internal command `daemon --prepare`, which the packed program runs once after unpacking. It
 * loads the modules of an interface's process, so that the runtime puts V8's code of them into its
 * cache. The process of an interface is confined and may only read the cache.
 * @module
 */
import { dataWorkerUrl } from "../../daemon/program.ts";

/** Loads the modules. @returns the exit status: 1 when the Worker could not be loaded */
export async function prepare(): Promise<number> {
  await Promise.all([
    import("../../daemon/run.ts"),
    import("../../worker/worker_group.ts"),
    import("./configuration.ts"),
  ]);
  const loaded = Promise.withResolvers<number>();
  const worker = new Worker(dataWorkerUrl(), { type: "module" });
  worker.onmessage = () => loaded.resolve(0);
  worker.onerror = (event) => {
    event.preventDefault();
    loaded.resolve(1);
  };
  const status = await loaded.promise;
  worker.terminate();
  return status;
}
