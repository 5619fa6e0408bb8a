/**
 * The table of commands. The command line, `wg help`, the manual pages and shell completion are
 * made from it. A new command is a folder in lib/cli, a row here, and a line in main.ts that loads
 * it.
 * @module
 */
import type { Manual } from "./manual.ts";

/** The names of the commands. */
export type CommandName =
  | "ifconfig"
  | "netstart"
  | "route"
  | "netstat"
  | "quick"
  | "client"
  | "mtu"
  | "show"
  | "showconf"
  | "set"
  | "setconf"
  | "addconf"
  | "syncconf"
  | "genkey"
  | "genpsk"
  | "pubkey"
  | "why"
  | "tcpdump"
  | "dmesg"
  | "metrics"
  | "usage"
  | "top"
  | "monitor"
  | "help"
  | "version"
  | "completion"
  | "restart"
  | "install"
  | "uninstall"
  | "daemon";

/** A row of the table. */
export interface CommandEntry {
  readonly name: CommandName;
  /** One line for `wg help` and wg(8). */
  readonly summary: string;
  /** Options that mean the same as the command: `--help`. */
  readonly options?: readonly string[];
  /** The name of a link to the executable that runs the command. */
  readonly link?: string;
  /** The files whose names without their ends the command takes; undefined for none. */
  readonly configFiles?: ConfigFiles;
  /** What follows the command, if not interfaces and its words in any order. */
  readonly operands?: Operands;
  /** Where a peer may follow: after the name of the interface, or after one of these words. */
  readonly peerAfter?: "interface" | readonly string[];
  /** Whether the command is for the program itself. Lists do not show it. */
  readonly internal?: true;
  /** The command's own manual page. wg(8) describes commands without one. */
  readonly page?: string;
  /** The text of the help, the manual page and the completion. */
  readonly manual: () => Promise<Manual>;
}

/** Files with a part NAME, which is what a command takes: PREFIX NAME SUFFIX in a folder. */
export interface ConfigFiles {
  readonly folder: string;
  readonly prefix: string;
  readonly suffix: string;
}

/**
 * `words`: no interface. `file`: an interface and then any file. `subcommand`: the first word of a
 * line of the usage, and then interfaces and options.
 */
export type Operands = "words" | "file" | "subcommand";

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "ifconfig",
    summary: "create, change, show and destroy interfaces",
    link: "ifconfig",
    page: "ifconfig(8)",
    peerAfter: ["wgpeer", "-wgpeer"],
    manual: async () => (await import("./ifconfig/help.ts")).IFCONFIG_MANUAL,
  },
  {
    name: "netstart",
    summary: "start interfaces from their hostname.if(5) files",
    link: "netstart",
    page: "netstart(8)",
    configFiles: { folder: "/etc", prefix: "hostname.", suffix: "" },
    manual: async () => (await import("./netstart/help.ts")).NETSTART_MANUAL,
  },
  {
    name: "route",
    summary: "show and change routes; run a command in a routing domain",
    link: "route",
    page: "route(8)",
    manual: async () => (await import("./route/help.ts")).ROUTE_MANUAL,
  },
  {
    name: "netstat",
    summary: "show listening sockets, routes and interfaces",
    link: "netstat",
    page: "netstat(1)",
    manual: async () => (await import("./netstat/help.ts")).NETSTAT_MANUAL,
  },
  {
    name: "quick",
    summary: "run interfaces from the files of wg-quick(8)",
    link: "wg-quick",
    configFiles: { folder: "/etc/wireguard", prefix: "", suffix: ".conf" },
    operands: "subcommand",
    page: "wg-quick(8)",
    manual: async () => (await import("./quick/help.ts")).QUICK_MANUAL,
  },
  {
    name: "client",
    summary: "add, list, disable and remove the clients of an interface",
    peerAfter: ["show", "remove", "disable", "enable", "expire"],
    manual: async () => (await import("./client/help.ts")).CLIENT_MANUAL,
  },
  {
    name: "mtu",
    summary: "find the largest packet that passes to a peer",
    peerAfter: "interface",
    manual: async () => (await import("./mtu/help.ts")).MTU_MANUAL,
  },
  {
    name: "show",
    summary: "show interfaces as wg show of wireguard-tools does",
    manual: async () => (await import("./show/help.ts")).SHOW_MANUAL,
  },
  {
    name: "showconf",
    summary: "print an interface as a configuration file",
    manual: async () => (await import("./showconf/help.ts")).SHOWCONF_MANUAL,
  },
  {
    name: "set",
    summary: "change an interface and its peers",
    peerAfter: ["peer"],
    manual: async () => (await import("./set/help.ts")).SET_MANUAL,
  },
  {
    name: "setconf",
    operands: "file",
    summary: "make an interface what a configuration file says",
    manual: async () => (await import("./setconf/help.ts")).SETCONF_MANUAL,
  },
  {
    name: "addconf",
    operands: "file",
    summary: "add what a configuration file says to an interface",
    manual: async () => (await import("./addconf/help.ts")).ADDCONF_MANUAL,
  },
  {
    name: "syncconf",
    operands: "file",
    summary: "as setconf, without ending the sessions of peers that stay",
    manual: async () => (await import("./syncconf/help.ts")).SYNCCONF_MANUAL,
  },
  {
    name: "genkey",
    operands: "words",
    summary: "make a private key",
    manual: async () => (await import("./genkey/help.ts")).GENKEY_MANUAL,
  },
  {
    name: "genpsk",
    operands: "words",
    summary: "make a preshared key",
    manual: async () => (await import("./genpsk/help.ts")).GENPSK_MANUAL,
  },
  {
    name: "pubkey",
    operands: "words",
    summary: "make the public key of a private key",
    manual: async () => (await import("./pubkey/help.ts")).PUBKEY_MANUAL,
  },
  {
    name: "why",
    summary: "say why a peer cannot be reached, or that all is well",
    peerAfter: "interface",
    manual: async () => (await import("./why/help.ts")).WHY_MANUAL,
  },
  {
    name: "tcpdump",
    summary: "show or record the packets of an interface, decrypted",
    peerAfter: ["peer"],
    manual: async () => (await import("./tcpdump/help.ts")).TCPDUMP_MANUAL,
  },
  {
    name: "dmesg",
    summary: "show the log messages of interfaces",
    manual: async () => (await import("./dmesg/help.ts")).DMESG_MANUAL,
  },
  {
    name: "metrics",
    summary: "print the metrics of interfaces and peers, or serve them to Prometheus",
    manual: async () => (await import("./metrics/help.ts")).METRICS_MANUAL,
  },
  {
    name: "usage",
    summary: "show the bytes of peers by day and month, and set quotas",
    peerAfter: "interface",
    manual: async () => (await import("./usage/help.ts")).USAGE_MANUAL,
  },
  {
    name: "top",
    summary: "show what interfaces and peers send and receive now, full screen",
    manual: async () => (await import("./top/help.ts")).TOP_MANUAL,
  },
  {
    name: "monitor",
    summary: "print what happens to interfaces and peers, as it happens",
    manual: async () => (await import("./monitor/help.ts")).MONITOR_MANUAL,
  },
  {
    name: "help",
    operands: "words",
    summary: "show the commands, the help of one, or the list of counters",
    options: ["--help", "-h"],
    manual: async () => (await import("./help/help.ts")).HELP_MANUAL,
  },
  {
    name: "version",
    operands: "words",
    summary: "show the version and the crypto library in use",
    options: ["--version", "-v", "-V"],
    manual: async () => (await import("./version/help.ts")).VERSION_MANUAL,
  },
  {
    name: "completion",
    operands: "words",
    summary: "print a script that completes command lines in bash, zsh or fish",
    manual: async () => (await import("./completion/help.ts")).COMPLETION_MANUAL,
  },
  {
    name: "restart",
    summary: "give an interface a process of this version",
    manual: async () => (await import("./restart/help.ts")).RESTART_MANUAL,
  },
  {
    name: "install",
    operands: "words",
    summary: "install the executable, links, manual pages, completions and units",
    manual: async () => (await import("./install/help.ts")).INSTALL_MANUAL,
  },
  {
    name: "uninstall",
    operands: "words",
    summary: "remove what wg install has made",
    manual: async () => (await import("./uninstall/help.ts")).UNINSTALL_MANUAL,
  },
  {
    name: "daemon",
    summary: "run the process of an interface",
    internal: true,
    manual: async () => (await import("./daemon/help.ts")).DAEMON_MANUAL,
  },
];

/** The commands for users. */
export const PUBLIC_COMMANDS: readonly CommandEntry[] = COMMANDS.filter((entry) =>
  entry.internal !== true
);

/**
 * The command of a first word, which may be an option such as `--help`; undefined if there is none.
 */
export function findCommand(word: string): CommandEntry | undefined {
  return COMMANDS.find(({ name, options }) => name === word || options?.includes(word));
}

/** The command that a link of this name runs; undefined if there is none. */
export function findLink(name: string): CommandEntry | undefined {
  return COMMANDS.find((entry) => entry.link === name);
}
