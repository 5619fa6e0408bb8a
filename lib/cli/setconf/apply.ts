/**
 * What setconf, addconf and syncconf share: they read a file and change an interface by it.
 * @module
 */
import { type DeviceChange, wipeStatus } from "../../base/config.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { describesPeers } from "../../base/status.ts";
import { describedChange, type EndpointOf, type Settings } from "../../wgconf/change.ts";
import type { WgConfig } from "../../wgconf/parse.ts";
import type { Command } from "../command.ts";
import { closeConfFile, readConfFile } from "../conf_file.ts";
import { endpointsOf } from "../endpoints.ts";
import { changeAndTell, wireguardStatus } from "../interfaces.ts";

/** Makes the change of a file. */
type ChangeOf = (
  settings: Settings,
  endpointOf: EndpointOf,
  name: string,
) => DeviceChange | Promise<DeviceChange>;

/** A command `NAME INTERFACE FILE` that changes the interface by the file. */
export function fileCommand(command: string, changeOf: ChangeOf): Command {
  return {
    async run([name, file, more]) {
      if (name === undefined || file === undefined) {
        throw new ConfigError(command, "an interface and the name of a file are required");
      }
      if (more !== undefined) {
        throw new ConfigError(more, `unexpected word; ${command} takes an interface and a file`);
      }
      const conf = readConfFile(file);
      if (conf === undefined) return 1;
      try {
        const endpointOf = await endpointsOf(name, conf.config);
        const change = await changeOf(conf.config, endpointOf, name);
        await changeAndTell(name, await withNames(name, change, conf.config), "Endpoint");
      } finally {
        closeConfFile(conf);
      }
      return 0;
    },
  };
}

/** The change with the descriptions of peers, for an interface that keeps them. */
async function withNames(
  name: string,
  change: DeviceChange,
  { peers }: WgConfig,
): Promise<DeviceChange> {
  if (peers.length === 0) return change;
  try {
    const status = await wireguardStatus(name);
    wipeStatus(status);
    return describesPeers(status) ? describedChange(change, peers, status.peers) : change;
  } catch (error) {
    // The change meets the same error and tells it.
    if (error instanceof OsError) return change;
    throw error;
  }
}
