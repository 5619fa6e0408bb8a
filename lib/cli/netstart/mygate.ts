/**
 * Reads mygate(5): default gateways, and commands to run after the interfaces have been started.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { parseIp } from "../../base/ip_text.ts";
import { displayValue } from "../../base/quote.ts";
import type { HostnameProblem } from "./hostname_if.ts";
import { withOwnCommands } from "./shell_words.ts";

/** A gateway for route(8), or a command. */
export interface MygateLine {
  readonly line: number;
  readonly text: string;
}

/** The lines of a file. As on OpenBSD the first gateway of a family that can be added is used. */
export interface Mygate {
  readonly inet: readonly MygateLine[];
  readonly inet6: readonly MygateLine[];
  readonly commands: readonly MygateLine[];
  readonly problems: readonly HostnameProblem[];
}

/** Reads a file with an address on each line, `!command` lines, and comments. */
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

/**
 * Checks that the gateway is an address. A name could not be looked up without a route to a name
 * server.
 */
function checkGateway(text: string): void {
  if (parseIp(text.replace(/%[^%]+$/, "")) === undefined) {
    throw new ConfigError(
      displayValue(text),
      "not a gateway; an address as 192.0.2.1 or 2001:db8::1 is required",
    );
  }
}

/** The arguments of route(8) for a gateway, as OpenBSD's netstart passes them. */
export const gatewayRoute = (gateway: string): readonly string[] => [
  "-qn",
  "add",
  "-host",
  ...(gateway.includes(":") ? ["-inet6"] : []),
  "default",
  gateway,
];
