/**
 * `wg help`, `wg help COMMAND`.
 * @module
 */
import { COUNTERS } from "../../base/counters.ts";
import { ConfigError } from "../../base/errors.ts";
import type { Command } from "../command.ts";

const OVERVIEW = `usage: wg command [argument ...]

  ifconfig   create, change, show and destroy interfaces: wg help ifconfig
  netstart   start interfaces from their hostname.if(5) files
  route      show and change routes, run a command in a routing domain
  netstat    show listening sockets, routes and interfaces
  show       show interfaces as wg(8) of wireguard-tools does
  dmesg      show the messages of an interface
  help       show this, or the help of a command; help counters has what is counted
  version    show the version and which crypto runs

A link to wg named ifconfig, route, netstat or netstart is that command.
`;

/** Shows the overview, or the help of one command. */
export const command: Command = {
  async run(args) {
    if (args.length > 1) throw new ConfigError(args[1], "wg help takes the name of one command");
    console.log((await helpOf(args[0])).trimEnd());
    return 0;
  },
};

async function helpOf(topic: string | undefined): Promise<string> {
  switch (topic) {
    case undefined:
    case "help":
      return OVERVIEW;
    case "ifconfig":
      return (await import("../ifconfig/help.ts")).ifconfigHelp();
    case "netstart":
      return (await import("../netstart/help.ts")).NETSTART_HELP;
    case "route":
      return (await import("../route/help.ts")).HELP;
    case "netstat":
      return (await import("../netstat/help.ts")).HELP;
    case "show":
      return (await import("../show/command.ts")).HELP;
    case "counters":
      return countersHelp();
    default:
      break;
  }
  const own = COMMAND_HELP[topic];
  if (own === undefined || !Object.hasOwn(COMMAND_HELP, topic)) {
    throw new ConfigError(topic, "unknown command; `wg help` names them");
  }
  return own;
}

/** Every counter with its line. */
function countersHelp(): string {
  const lines = COUNTERS.map(([name, scope, text]) => `${name}${scope === "peer" ? " (peer)" : ""}\n    ${text}\n`);
  return `usage: ifconfig wgN hwfeatures

Shows the counters of an interface that are not 0; --json shows all. Those
marked (peer) are counted for each peer too.

${lines.join("")}`;
}

const COMMAND_HELP: Readonly<Record<string, string>> = {
  dmesg: `usage: dmesg [-f] [interface ...]

Shows the messages of the interfaces, of all without a name; -f goes on as they
come. ifconfig wgN debug turns on those of wg(4), DIAGNOSTICS.
`,
  daemon: `usage: daemon interface

Internal: the process behind an interface. ifconfig wgN create starts it.
`,
  version: `usage: version

Shows the version, the way this program was built, and which crypto runs.
`,
};
