/**
 * `wg syncconf`: makes an interface what a file says, and changes only what differs.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { syncChange } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { wireguardStatus } from "../interfaces.ts";
import { fileCommand } from "../setconf/apply.ts";

/** The command `syncconf`. */
export const command: Command = fileCommand("syncconf", async (settings, endpointOf, name) => {
  const status = await wireguardStatus(name);
  const change = syncChange(settings, status, endpointOf);
  wipeStatus(status);
  return change;
});
