/**
 * Records like `wg usage --record --every 1 --file FILE`, with the date of a file. Its arguments
 * are the file of the history and that of the date.
 * @module
 */
import { Recorder } from "../../lib/cli/usage/recorder.ts";
import { UsageStore } from "../../lib/cli/usage/store.ts";
import { getStats, interfaceNames, setDevice } from "../../lib/daemon/client.ts";

const [file, dateFile] = Deno.args;
const recorder = new Recorder({
  store: UsageStore.make(file),
  ask: () =>
    Promise.all(interfaceNames().map(async (name) => ({ name, status: await getStats(name) }))),
  change: setDevice,
  today: () => Deno.readTextFileSync(dateFile).trim(),
  say: (line) => console.log(line),
});
while (true) {
  await recorder.sample();
  await new Promise((resolve) => setTimeout(resolve, 200));
}
