/**
 * `wg showconf`: prints an interface as a configuration file.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { printConfig } from "../../wgconf/print.ts";
import type { Command } from "../command.ts";
import { wireguardStatus } from "../interfaces.ts";
import { printBytes, zoneNames } from "../output.ts";

/** The command `showconf`. */
export const command: Command = {
  async run([name, more]) {
    if (name === undefined) throw new ConfigError("showconf", "an interface is required");
    if (more !== undefined) {
      throw new ConfigError(more, "unexpected word; showconf takes one interface");
    }
    const status = await wireguardStatus(name);
    const text = printConfig(status, await zoneNames(status.peers.map(({ endpoint }) => endpoint)));
    wipeStatus(status);
    try {
      printBytes(text);
    } finally {
      text.fill(0);
    }
    return 0;
  },
};
