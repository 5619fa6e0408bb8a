/**
 * `wg monitor`: prints events as they happen.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import type { EventRecord } from "../../uapi/events.ts";
import type { Command } from "../command.ts";
import { complain, printAll } from "../output.ts";
import { followAll, followNamed } from "./all.ts";
import { eventLine } from "./text.ts";

/** The command `monitor`. */
export const command: Command = { run: monitor };

async function monitor(args: readonly string[]): Promise<number> {
  const names = args.filter((word) => word !== "--json");
  const json = names.length < args.length;
  const wrong = names.find((word) => word.startsWith("-"));
  if (wrong !== undefined) {
    throw new ConfigError(displayValue(wrong), "unknown option; `wg help monitor` shows the usage");
  }
  const print = (event: EventRecord): void =>
    printAll(`${json ? JSON.stringify(event) : eventLine(event)}\n`);
  if (names.length === 0) await followAll(print, (error) => complain(error.message));
  await followNamed([...new Set(names)], print);
  return 0;
}
