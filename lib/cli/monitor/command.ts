/**
 * `wg monitor`: prints events as they happen, or passes them to the journal and to hooks.
 * @module
 */
import type { EventRecord } from "../../uapi/events.ts";
import type { Command } from "../command.ts";
import { complain, printAll } from "../output.ts";
import { followAll, followNamed } from "./all.ts";
import { eventLine } from "./text.ts";
import { type MonitorLine, parseMonitor } from "./words.ts";

/** The signals that end the command, and their numbers. */
const ENDING = [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const;

/** The command `monitor`. */
export const command: Command = {
  async run(args) {
    const line = parseMonitor(args);
    const take = await takerOf(line);
    if (line.names.length === 0) await followAll(take, (error) => complain(error.message));
    await followNamed(line.names, take);
    return 0;
  },
};

/** What is done with each event. */
async function takerOf(
  { json, journal, hooks }: MonitorLine,
): Promise<(event: EventRecord) => void> {
  if (!journal && hooks === undefined) {
    return (event) => printAll(`${json ? JSON.stringify(event) : eventLine(event)}\n`);
  }
  const takers: ((event: EventRecord) => void)[] = [];
  if (journal) takers.push(await toJournal());
  if (hooks !== undefined) {
    const { HookFolder } = await import("./hook_files.ts");
    const { HookRunner } = await import("./hook_runner.ts");
    const runner = new HookRunner({ folder: new HookFolder(hooks, complain), complain });
    takers.push((event) => runner.take(event));
    // Hooks have sessions of their own, so a signal of the terminal does not reach them.
    for (const [signal, number] of ENDING) {
      Deno.addSignalListener(signal, () => {
        runner.close();
        Deno.exit(128 + number);
      });
    }
  }
  return (event) => {
    for (const take of takers) take(event);
  };
}

async function toJournal(): Promise<(event: EventRecord) => void> {
  const { Journal } = await import("../../linux/journal.ts");
  const { journalFields } = await import("./journal_fields.ts");
  const journal = new Journal();
  let lost = 0;
  return (event) => {
    if (journal.write(journalFields(event))) lost = 0;
    else if (lost++ === 0) {
      complain("the journal does not take events; they are lost until it does");
    }
  };
}
