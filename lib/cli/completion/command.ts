/**
 * `wg completion SHELL`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { Command } from "../command.ts";
import { PUBLIC_COMMANDS } from "../commands.ts";
import { wireguardNames, wireguardStats } from "../interfaces.ts";
import { printAll } from "../output.ts";
import { readWhole } from "../read_bytes.ts";
import { interfaceOfNextPeer, wordsOfPeers } from "./peers.ts";
import {
  type CompletedCommand,
  completionScript,
  completionWords,
  isShell,
  SHELLS,
} from "./text.ts";

/** The most bytes of an unfinished command line. */
const LINE_MAX = 65_536;

/** The command `completion`. */
export const command: Command = {
  async run(args) {
    const [shell, more] = args;
    if (shell === undefined) {
      throw new ConfigError("completion", `requires a shell: ${SHELLS.join(", ")}`);
    }
    if (more !== undefined) {
      throw new ConfigError(more, "unexpected word; `wg help completion` shows the usage");
    }
    if (shell === "peers") {
      printAll((await peersOfLine()).map((word) => `${word}\n`).join(""));
      return 0;
    }
    if (!isShell(shell)) {
      throw new ConfigError(
        "completion",
        `${quote(shell)} is not supported; one of ${SHELLS.join(", ")} is required`,
      );
    }
    printAll(completionScript(shell, await completedCommands()));
    return 0;
  },
};

/** The commands of the table, each with the words that may follow it. */
export async function completedCommands(): Promise<CompletedCommand[]> {
  const commands: CompletedCommand[] = [];
  for (const { name, summary, link, configFiles, operands, peerAfter, manual } of PUBLIC_COMMANDS) {
    const words = name === "help" ? PUBLIC_COMMANDS.map((entry) => entry.name) : [];
    const { usage, ...text } = await manual();
    commands.push({
      name,
      summary,
      link,
      configFiles,
      operands,
      subcommands: operands === "subcommand" ? usage.map((way) => way.split(" ")[0]) : [],
      takesPeer: peerAfter !== undefined,
      words: [...completionWords({ usage, ...text }), ...words],
    });
  }
  return commands;
}

/**
 * The peers that may follow the command line on standard input, whose words end in NUL. A command
 * line may contain a secret key, so it is no argument, which every user could read.
 */
async function peersOfLine(): Promise<string[]> {
  const bytes = readWhole("-", LINE_MAX);
  if (bytes === undefined) throw new ConfigError("peers", `${LINE_MAX} bytes are the most`);
  const line = new TextDecoder().decode(bytes).split("\0").slice(0, -1);
  bytes.fill(0);
  const name = interfaceOfNextPeer(line, await wireguardNames());
  return name === undefined ? [] : wordsOfPeers((await wireguardStats(name)).peers);
}
