/**
 * `wg help` and `wg help COMMAND`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { COMMANDS, PUBLIC_COMMANDS } from "../commands.ts";
import { helpText } from "../manual.ts";
import { countersHelp, overview } from "./text.ts";

/** The command `help`. */
export const command: Command = {
  async run(args) {
    const [topic, more] = args;
    if (more !== undefined) {
      throw new ConfigError(more, "unexpected word; `wg help` takes the name of one command");
    }
    console.log((await helpOf(topic)).trimEnd());
    return 0;
  },
};

async function helpOf(topic: string | undefined): Promise<string> {
  if (topic === undefined) return overview(PUBLIC_COMMANDS);
  if (topic === "counters") return countersHelp();
  const entry = COMMANDS.find(({ name }) => name === topic);
  if (entry === undefined) {
    throw new ConfigError(topic, "unknown command; `wg help` lists the commands");
  }
  return helpText(await entry.manual());
}
