/**
 * `wg client`: the clients of an interface that is their server.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { interfaceNames } from "../../daemon/client.ts";
import type { Command } from "../command.ts";
import { addClient } from "./add.ts";
import { listClients, showClient } from "./list.ts";
import { changeClient } from "./peers.ts";
import { parseClientLine } from "./words.ts";

/** The command `client`. */
export const command: Command = {
  async run(args) {
    const line = parseClientLine(args);
    const name = line.interface ?? onlyInterface();
    switch (line.action) {
      case "add":
        return await addClient(name, line);
      case "list":
        return await listClients(name, line);
      case "show":
        return await showClient(name, line);
      default:
        return await changeClient(name, line);
    }
  },
};

/** The interface, if there is one only. @throws ConfigError */
function onlyInterface(): string {
  const names = interfaceNames();
  if (names.length === 1) return names[0];
  throw new ConfigError(
    "client",
    names.length === 0
      ? "there is no interface of wg"
      : `there are several interfaces, ${names.join(", ")}; one has to be named`,
  );
}
