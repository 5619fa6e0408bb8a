/**
 * From the command line to a command: by the name the program was called by, or by the first word. Only the wanted command is loaded.
 * @module
 */
import { ConfigError, OsError } from "../base/errors.ts";
import { calledAs, cleanEnvironment } from "../daemon/self.ts";
import type { Command } from "./command.ts";
import { complain, setProgramName } from "./output.ts";

/** Commands by their first word. A link of one of these names, but not of `daemon`, selects the command as well. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  ifconfig: () => import("./ifconfig/command.ts"),
  route: () => import("./route/command.ts"),
  netstat: () => import("./netstat/command.ts"),
  netstart: () => import("./netstart/command.ts"),
  show: () => import("./show/command.ts"),
  dmesg: () => import("./dmesg/command.ts"),
  help: () => import("./help/command.ts"),
  "--help": () => import("./help/command.ts"),
  "-h": () => import("./help/command.ts"),
  version: () => import("./version/command.ts"),
  "--version": () => import("./version/command.ts"),
  "-V": () => import("./version/command.ts"),
  daemon: () => import("./daemon/command.ts"),
};
const LINKS = new Set(["ifconfig", "route", "netstat", "netstart"]);

/** Runs the command line of this process and ends it with the command's status. */
export async function main(): Promise<never> {
  const { name, args } = calledAs();
  setProgramName(name);
  cleanEnvironment();
  try {
    Deno.exit(await run(name, args));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof OsError) {
      complain(error.message);
    } else if (error instanceof Deno.errors.BrokenPipe) {
      Deno.exit(0);
    } else if (isOfTheSystem(error)) {
      complain(error.message);
    } else {
      complain(`internal error: ${error instanceof Error ? error.stack ?? error.message : error}`);
    }
    Deno.exit(1);
  }
}

/** Whether the runtime hands on what the operating system said, e.g. that a disk is full. */
function isOfTheSystem(error: unknown): error is Error {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(String((error as { readonly code?: unknown }).code));
}

async function run(name: string, args: readonly string[]): Promise<number> {
  if (LINKS.has(name)) {
    if (asksForHelp(args)) return await help([name]);
    return await (await COMMANDS[name]()).command.run(args);
  }
  if (name.startsWith("wireguard")) return await userspace(args);
  const [word, ...rest] = args;
  if (word === undefined) {
    await help([]);
    return 1;
  }
  if (Object.hasOwn(COMMANDS, word) && !word.startsWith("-") && asksForHelp(rest)) return await help([word]);
  if (Object.hasOwn(COMMANDS, word)) return await (await COMMANDS[word]()).command.run(rest);
  if (startsUserspace(args)) return await userspace(args);
  throw new ConfigError(word, "unknown command; `wg help` names them");
}

const asksForHelp = (args: readonly string[]) => args.length === 1 && (args[0] === "--help" || args[0] === "-h");

async function help(topic: readonly string[]): Promise<number> {
  return await (await COMMANDS.help()).command.run(topic);
}

/** Whether this is a call as wg-quick makes it of `$WG_QUICK_USERSPACE_IMPLEMENTATION`: `wg NAME`, or `wg -f NAME` by hand. */
function startsUserspace(args: readonly string[]): boolean {
  if (args.length === 2) return args[0] === "-f" || args[0] === "--foreground";
  if (args.length !== 1 || args[0].startsWith("-")) return false;
  return /[0-9]$/.test(args[0]) || Deno.env.has("WG_QUICK_USERSPACE_IMPLEMENTATION");
}

async function userspace(args: readonly string[]): Promise<number> {
  return await (await import("./daemon/command.ts")).userspace.run(args);
}
