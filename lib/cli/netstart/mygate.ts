/**
 * mygate(5): the default gateways, and commands for the time when the interfaces are there.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { parseIp } from "../../base/ip_text.ts";
import { displayValue } from "../../base/quote.ts";
import type { HostnameProblem } from "./hostname_if.ts";
import { withOwnCommands } from "./shell_words.ts";

/** A gateway as route(8) takes it, or a command. */
export interface MygateLine {
  readonly line: number;
  readonly text: string;
}

/** A file's lines. As on OpenBSD the first gateway of a family that can be added is taken. */
export interface Mygate {
  readonly inet: readonly MygateLine[];
  readonly inet6: readonly MygateLine[];
  readonly commands: readonly MygateLine[];
  readonly problems: readonly HostnameProblem[];
}

/** Reads a file: an address a line, `!command`, and comments. */
export function parseMygate(text: string): Mygate {
  const gate = { inet: [], inet6: [], commands: [], problems: [] } as {
    inet: MygateLine[];
    inet6: MygateLine[];
    commands: MygateLine[];
    problems: HostnameProblem[];
  };
  text.split("\n").forEach((whole, index) => {
    const line = index + 1;
    const content = whole.trim();
    if (content.startsWith("!")) {
      const command = withOwnCommands(content.slice(1).trim());
      if (command !== "" && !command.startsWith("#")) gate.commands.push({ line, text: command });
      return;
    }
    const gateway = content.replace(/#.*/, "").trim();
    if (gateway === "") return;
    try {
      checkGateway(gateway);
      (gateway.includes(":") ? gate.inet6 : gate.inet).push({ line, text: gateway });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      gate.problems.push({ line, problem: error.message });
    }
  });
  return gate;
}

/** A host's name would have to be looked up before there is a way to a name server. */
function checkGateway(text: string): void {
  if (parseIp(text.replace(/%[^%]+$/, "")) === undefined) {
    throw new ConfigError(
      displayValue(text),
      "not a gateway; an address as 192.0.2.1 or 2001:db8::1 is required",
    );
  }
}

/** The arguments of route(8) for a gateway, as OpenBSD's netstart gives them. */
export const gatewayRoute = (gateway: string): readonly string[] => [
  "-qn",
  "add",
  "-host",
  ...(gateway.includes(":") ? ["-inet6"] : []),
  "default",
  gateway,
];
