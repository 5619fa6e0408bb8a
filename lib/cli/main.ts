/**
 * Finds and runs the command of a command line: by the name of the program, or by the first word.
 * It loads only the command that it runs.
 * @module
 */
import { ConfigError, OsError } from "../base/errors.ts";
import { calledAs } from "../daemon/program.ts";
import { isInterfaceName } from "../base/interface_name.ts";
import { displayValue } from "../base/quote.ts";
import type { Command } from "./command.ts";
import {
  type CommandEntry,
  type CommandName,
  COMMANDS,
  findCommand,
  findLink,
} from "./commands.ts";
import { isOneErrorAway } from "./typing_error.ts";
import { complain, setProgramName } from "./output.ts";
import { isSystemError, systemErrorText } from "./system_error.ts";

/** The modules of the commands. */
const LOADERS: Readonly<Record<CommandName, () => Promise<{ readonly command: Command }>>> = {
  ifconfig: () => import("./ifconfig/command.ts"),
  netstart: () => import("./netstart/command.ts"),
  route: () => import("./route/command.ts"),
  netstat: () => import("./netstat/command.ts"),
  quick: () => import("./quick/command.ts"),
  mtu: () => import("./mtu/command.ts"),
  client: () => import("./client/command.ts"),
  show: () => import("./show/command.ts"),
  showconf: () => import("./showconf/command.ts"),
  set: () => import("./set/command.ts"),
  setconf: () => import("./setconf/command.ts"),
  addconf: () => import("./addconf/command.ts"),
  syncconf: () => import("./syncconf/command.ts"),
  genkey: () => import("./genkey/command.ts"),
  genpsk: () => import("./genpsk/command.ts"),
  pubkey: () => import("./pubkey/command.ts"),
  why: () => import("./why/command.ts"),
  tcpdump: () => import("./tcpdump/command.ts"),
  dmesg: () => import("./dmesg/command.ts"),
  metrics: () => import("./metrics/command.ts"),
  usage: () => import("./usage/command.ts"),
  monitor: () => import("./monitor/command.ts"),
  top: () => import("./top/command.ts"),
  help: () => import("./help/command.ts"),
  version: () => import("./version/command.ts"),
  completion: () => import("./completion/command.ts"),
  restart: () => import("./restart/command.ts"),
  install: () => import("./install/command.ts"),
  uninstall: () => import("./uninstall/command.ts"),
  daemon: () => import("./daemon/command.ts"),
};
/**
 * The shortest command that is suggested for a mistyped word. Too many names are one letter away
 * from a shorter one.
 */
const NEAR_MIN = 4;

/** Runs the command line of this process and ends it with the command's status. */
export async function main(): Promise<never> {
  const { name, args } = calledAs();
  setProgramName(name);
  try {
    Deno.exit(await run(name, args));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof OsError) {
      complain(error.message);
    } else if (error instanceof Deno.errors.BrokenPipe) {
      Deno.exit(0);
    } else if (isSystemError(error)) {
      complain(systemErrorText(error));
    } else {
      complain(`internal error: ${error instanceof Error ? error.stack ?? error.message : error}`);
    }
    Deno.exit(1);
  }
}

async function run(name: string, args: readonly string[]): Promise<number> {
  const link = findLink(name);
  if (link !== undefined) return await runCommand(link, args);
  if (name.startsWith("wireguard")) return await userspace(args, name);
  const [word, ...rest] = args;
  // As of wg(8): all interfaces are shown.
  if (word === undefined) return await (await LOADERS.show()).command.run([]);
  const entry = findCommand(word);
  if (entry !== undefined) return await runCommand(entry, rest);
  if (word === "-f" || word === "--foreground") return await userspace(args);
  const meant = commandMeant(word);
  if (meant !== undefined) return unknownCommand(word, meant);
  if (rest.length === 0 && namesInterface(word)) return await userspace(args);
  return unknownCommand(word, "`wg help` lists the commands");
}

/** Runs a command. With `--help` as its only word, or behind its first one, shows its help. */
async function runCommand(entry: CommandEntry, args: readonly string[]): Promise<number> {
  nameProcess(entry.name);
  // Subcommands have a help of their own.
  const ownHelp = entry.operands === "subcommand";
  if (!ownHelp && asksForHelp(args)) return await help([entry.name]);
  return await (await LOADERS[entry.name]()).command.run(args);
}

/**
 * Names this process `wg COMMAND` for ps(1), and for the daemon, which tells who changed something.
 * Without it the name is that of the runtime.
 */
function nameProcess(command: CommandName): void {
  try {
    Deno.writeTextFileSync("/proc/self/comm", `wg ${command}`);
  } catch {
    // There is no /proc.
  }
}

const asksForHelp = (args: readonly string[]) =>
  args.length === 1 && (args[0] === "--help" || args[0] === "-h") ||
  args.length === 2 && args[1] === "--help" && !args[0].startsWith("-");

async function help(topic: readonly string[]): Promise<number> {
  return await (await LOADERS.help()).command.run(topic);
}

function unknownCommand(word: string, hint: string): number {
  const shown = displayValue(word);
  const how = isInterfaceName(word) && !word.startsWith("-")
    ? `; \`wg -f ${shown}\` creates an interface of this name`
    : "";
  complain(`${shown}: unknown command; ${hint}${how}`);
  return 1;
}

/**
 * The hint for a word that is one typing error away from a command. Such a word is never the name
 * of an interface.
 */
function commandMeant(word: string): string | undefined {
  const meant = COMMANDS.find(({ name }) => name.length >= NEAR_MIN && isOneErrorAway(word, name));
  return meant === undefined ? undefined : `did you mean ${meant.name}?`;
}

/**
 * Whether the word is the name of an interface, as wg-quick passes it to
 * `$WG_QUICK_USERSPACE_IMPLEMENTATION`. A word without a number at its end is one only if this
 * variable is set.
 */
function namesInterface(word: string): boolean {
  if (word.startsWith("-")) return false;
  return /[0-9]$/.test(word) || Deno.env.has("WG_QUICK_USERSPACE_IMPLEMENTATION");
}

async function userspace(args: readonly string[], link?: string): Promise<number> {
  return await (await import("./daemon/userspace.ts")).userspace(args, link);
}
