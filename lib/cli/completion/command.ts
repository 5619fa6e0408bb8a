/**
 * `wg completion SHELL`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { Command } from "../command.ts";
import { PUBLIC_COMMANDS } from "../commands.ts";
import { printAll } from "../output.ts";
import {
  type CompletedCommand,
  completionScript,
  completionWords,
  isShell,
  SHELLS,
} from "./text.ts";

/** The command `completion`. */
export const command: Command = {
  async run(args) {
    const [shell, more] = args;
    if (shell === undefined) {
      throw new ConfigError("completion", `requires a shell: ${SHELLS.join(", ")}`);
    }
    if (!isShell(shell)) {
      throw new ConfigError(
        "completion",
        `${quote(shell)} is not supported; one of ${SHELLS.join(", ")} is required`,
      );
    }
    if (more !== undefined) {
      throw new ConfigError(more, "unexpected word; `wg help completion` shows the usage");
    }
    printAll(completionScript(shell, await completedCommands()));
    return 0;
  },
};

/** The commands of the table, each with the words that may follow it. */
export async function completedCommands(): Promise<CompletedCommand[]> {
  const commands: CompletedCommand[] = [];
  for (const { name, summary, link, configFolder, manual } of PUBLIC_COMMANDS) {
    const words = name === "help" ? PUBLIC_COMMANDS.map((entry) => entry.name) : [];
    commands.push({
      name,
      summary,
      link,
      configFolder,
      words: [...completionWords(await manual()), ...words],
    });
  }
  return commands;
}
