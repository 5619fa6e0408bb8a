/**
 * What setconf, addconf and syncconf share: they read a file and change an interface by it.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import type { EndpointOf, Settings } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { closeConfFile, readConfFile } from "../conf_file.ts";
import { endpointsOf } from "../endpoints.ts";
import { changeAndTell } from "../interfaces.ts";

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
        await changeAndTell(name, await changeOf(conf.config, endpointOf, name), "Endpoint");
      } finally {
        closeConfFile(conf);
      }
      return 0;
    },
  };
}
