/**
 * The help of `wg quick` and of its subcommands.
 * @module
 */
import type { Manual, ManualRow } from "../manual.ts";
import type { Action } from "./words.ts";

const PRINT: ManualRow = ["-n", "Print the steps without keys and do nothing."];
const QUIET: ManualRow = ["-q | --quiet", "Do not print the steps while they are done."];
const UNIT: ManualRow = [
  "--unit",
  "down: Take down only what the same run of a unit of systemd has brought up (INVOCATION_ID). " +
  "If it is down already, or was brought up by hand, nothing is done, and the exit status is 0.",
];
const JSON_ROW: ManualRow = ["--json", "Print values for programs."];

/** A subcommand: its words, what it does, and its options. */
interface Subcommand {
  readonly usage: string;
  readonly about: string;
  readonly options: readonly ManualRow[];
}

const SUBCOMMANDS: Readonly<Record<Action, Subcommand>> = {
  up: {
    usage: "up [-nq] interface | file",
    about:
      "Create the interface of a file: keys, peers, addresses, MTU, name servers, routes, and " +
      "for default routes a table and rules of their own. If a step fails, or a signal comes, " +
      "everything is undone.",
    options: [PRINT, QUIET],
  },
  down: {
    usage: "down [-nq] [--unit] interface | file",
    about:
      "Undo what up did, also if the file was changed or removed since, or the process of the " +
      "interface has ended. An interface that was renamed since, or that wg-quick of " +
      "wireguard-tools brought up, is taken down too.",
    options: [PRINT, QUIET, UNIT],
  },
  reload: {
    usage: "reload [-nq] interface | file",
    about: "Make the running interface match its file. Only what differs is changed, and what is " +
      "not in the file goes; peers that have not changed keep their sessions and counters. " +
      "Addresses and routes that the commands of the file added stay, and no command is run.",
    options: [PRINT, QUIET],
  },
  save: {
    usage: "save [-q] interface | file",
    about:
      "Write the peers, keys, addresses and the port of the running interface into the file. " +
      "Lines whose values have not changed stay as they are, with their order and comments. The " +
      "file is replaced as a whole, with mode 0600.",
    options: [QUIET],
  },
  strip: {
    usage: "strip interface | file",
    about: "Print the file, with its keys, without the lines that only wg quick reads, for " +
      "wg setconf and wg syncconf. Ranges with ! are taken out of the others.",
    options: [],
  },
  status: {
    usage: "status [--json] [interface | file]",
    about: "Tell which interfaces are up, from which files, and what differs from the file. " +
      "Without a name, all interfaces of wg quick and all files in /etc/wireguard. A line differs: " +
      "is a step that reload would do, and a line left: one that undoes what an interface left " +
      "that ended without down. Without MTU in the file, the MTU is not compared. The exit " +
      "status is 1 if a named interface is down or differs from its file.",
    options: [JSON_ROW],
  },
};

/** The heading of the list of keys. */
export const KEYS_HEADING = "Keys besides those of wg(8)";
const KEYS: readonly ManualRow[] = [
  [
    "Address = address/prefix, ...",
    "Addresses of the interface. Without a prefix length an address stands alone (/32, /128).",
  ],
  [
    "DNS = address | domain, ...",
    "Name servers, and domains to search, as long as the interface is up.",
  ],
  ["MTU = bytes", "The MTU; without it, that of the route to the endpoints less 80."],
  [
    "Table = auto | off | table",
    "Where the routes of the allowed IPs go: into the main table, with rules for default routes " +
    "(auto), nowhere (off), or into this table.",
  ],
  ["PreUp | PostUp | PreDown | PostDown = command", "Commands. %i is the name of the interface."],
  ["SaveConfig = true | false", "Whether down saves the interface into the file before."],
  [
    "AllowedIPs = range | !range, ...",
    "In [Peer]: the ranges without those that have a ! before them, as in 0.0.0.0/0, !192.0.2.0/24.",
  ],
];

/** The manual of `quick`, for wg-quick(8) and the help. */
export const QUICK_MANUAL: Manual = {
  name: "quick",
  usage: Object.values(SUBCOMMANDS).map(({ usage }) => usage),
  about: [
    "Runs interfaces from files of wg-quick(8). An interface NAME has the file " +
    "/etc/wireguard/NAME.conf; another file is given by a path that ends in NAME.conf. A link to wg that is named wg-quick runs this command. It " +
    "requires neither bash nor ip(8).",
  ],
  lists: [
    {
      heading: "Subcommands",
      rows: Object.values(SUBCOMMANDS).map(({ usage, about }): ManualRow => [usage, about]),
    },
    { heading: "Options", rows: [PRINT, QUIET, UNIT, JSON_ROW] },
    { heading: KEYS_HEADING, rows: KEYS },
  ],
  notes: [
    "A wrong line is reported as FILE:LINE, and then nothing of the file is done. A comment behind " +
    "[Peer], below it or above it becomes the description of the peer.",
  ],
  literals: [
    "up",
    "down",
    "reload",
    "save",
    "strip",
    "status",
    "Address",
    "DNS",
    "MTU",
    "Table",
    "auto",
    "off",
    "PreUp",
    "PostUp",
    "PreDown",
    "PostDown",
    "SaveConfig",
    "true",
    "false",
    "AllowedIPs",
    "=",
  ],
};

/** The manual of one subcommand, for its `--help`. */
export function subcommandManual(action: Action): Manual {
  const { usage, about, options } = SUBCOMMANDS[action];
  return {
    name: "quick",
    usage: [usage],
    about: [about],
    lists: options.length === 0 ? [] : [{ heading: "Options", rows: options }],
    notes: ["wg help quick describes all subcommands and the keys of files."],
    literals: QUICK_MANUAL.literals,
  };
}
