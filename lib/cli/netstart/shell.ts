/**
 * Runs the parts of hostname.if(5) files that require a shell: variables and commands in lines, and
 * whole commands.
 * @module
 */
import { isKeptFromOthers } from "../kept_from_others.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { callerVariables } from "../../daemon/caller_environment.ts";
import { selfScript } from "../../daemon/program.ts";
import { displayValue, shellQuote } from "../../base/quote.ts";
import type { Command } from "../command.ts";
import { feed, problemOf, READ_LINE, runShellText } from "../shell_text.ts";
import { EARLIER, FROM_NETSTART, linesOf, NETSTART_FOLDER } from "../route/netstart_routes.ts";

/** Our commands. They are first on the PATH of everything that a file runs. */
const OWN_COMMANDS = ["ifconfig", "route", "netstat", "netstart"];
/** The places for a folder with our commands, after the caller's TMPDIR. */
const PLACES = ["/tmp", "/run", "/var/cache"];
const DEFAULT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** Evaluates assignments and prints the words that result, each ended by NUL. */
const EVALUATE_WORDS =
  `${READ_LINE}set -f; eval "$_line"; for _line do printf '%s\\0' "$_line"; done`;
/** Ends the shell with the status of the previous line unless that is 0. */
const OR_END = "_line=$?; [ $_line = 0 ] || exit $_line";
/** Text that is as long as a key, or longer. */
const KEY_LIKE = /[A-Za-z0-9+/]{40,}=*/g;

/**
 * The shell of one file. Each line runs in its own process. Variables of an assignment line are set
 * in the lines that follow.
 */
export class FileShell {
  readonly #path: CommandPath;
  readonly #name: string;
  readonly #variables = new Map<string, string>();

  /** @param name the name of the file's list of routes; each file has its own */
  constructor(path: CommandPath, name: string) {
    this.#path = path;
    this.#name = name;
  }

  /**
   * Passes on the routes that the commands may replace: lines of lib/cli/route/netstart_routes.ts.
   */
  routesBefore(lines: readonly string[]): void {
    if (lines.length > 0) {
      Deno.writeTextFileSync(this.#routes + EARLIER, lines.join("\n"), { mode: 0o600 });
    }
  }

  /** The routes that the commands have added or found to exist. */
  routesAdded(): string[] {
    return this.#path.isMade ? linesOf(this.#routes) : [];
  }

  get #routes(): string {
    return `${this.#path.folder()}/${this.#name}.routes`;
  }

  /**
   * The words that result from a line with one command.
   * @throws ConfigError if the shell cannot evaluate it
   */
  async words(text: string): Promise<readonly string[]> {
    const { code, output } = await this.#run(EVALUATE_WORDS, `set -- ${text}`);
    if (code !== 0) {
      throw new ConfigError("sh", `the shell could not evaluate the line (exit status ${code})`);
    }
    return output.split("\0").slice(0, -1);
  }

  /**
   * Sets variables.
   * @returns the problem, or undefined
   */
  async assign(text: string, names: readonly string[]): Promise<string | undefined> {
    const quoted = names.map((name) => `"$${name}"`).join(" ");
    const { code, output } = await this.#run(
      EVALUATE_WORDS,
      `${text}
${OR_END}
set -- ${quoted}`,
    );
    if (code !== 0) return `ended with status ${code}`;
    const values = output.split("\0");
    names.forEach((name, i) => this.#variables.set(name, values[i]));
    return undefined;
  }

  /**
   * Runs a command. Our commands run in this process, others without a shell if they do not require
   * one.
   * @param words undefined if a shell has to run the text
   * @returns the problem, or undefined
   */
  async run(text: string, words: readonly string[] | undefined): Promise<string | undefined> {
    try {
      if (words === undefined) return await this.#runText(text);
      const [command, ...args] = words;
      const own = OWN_COMMANDS.includes(command);
      // `route exec` becomes another program, and netstart has its own files and locks.
      if (own && command !== "netstart" && !args.includes("exec")) {
        return await runOwn(command, args, this.#routes);
      }
      return await this.#spawn(own ? `${this.#path.folder()}/${command}` : command, args);
    } catch (error) {
      return reasonOf(error);
    }
  }

  async #runText(text: string): Promise<string | undefined> {
    const variables = Object.fromEntries(this.#variables);
    const { child, fed } = runShellText("/bin/sh", text, variables, this.#environment());
    await fed;
    return problemOf(await child.status);
  }

  async #spawn(program: string, args: readonly string[]): Promise<string | undefined> {
    const command = new Deno.Command(program, {
      args: [...args],
      env: this.#environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    });
    return problemOf(await command.spawn().status);
  }

  async #run(script: string, text: string): Promise<{ code: number; output: string }> {
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", script],
      env: this.#environment(),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    await feed(child, this.#assignments() + text);
    const { code, stdout, stderr } = await output;
    // Some shells quote the line that they cannot read.
    const said = new TextDecoder().decode(stderr).replace(KEY_LIKE, "(what may be a key)");
    if (said !== "") console.error(said.trimEnd());
    return { code, output: new TextDecoder().decode(stdout) };
  }

  #assignments(): string {
    return [...this.#variables].map(([name, value]) => `${name}=${shellQuote(value)}\n`).join("");
  }

  #environment(): Record<string, string> {
    const variables = callerVariables();
    const path = `${this.#path.folder()}:${variables.PATH ?? DEFAULT_PATH}`;
    return { ...variables, PATH: path, [FROM_NETSTART]: this.#routes };
  }
}

async function runOwn(
  name: string,
  args: readonly string[],
  routes: string,
): Promise<string | undefined> {
  Deno.env.set(FROM_NETSTART, routes);
  const code = await (await ownCommand(name)).run(args);
  return code === 0 ? undefined : `ended with status ${code}`;
}

async function ownCommand(name: string): Promise<Command> {
  switch (name) {
    case "route":
      return (await import("../route/command.ts")).command;
    case "netstat":
      return (await import("../netstat/command.ts")).command;
    default:
      return (await import("../ifconfig/command.ts")).command;
  }
}

/**
 * A folder with our commands, which is first on the PATH of the commands of files. It is created
 * when the first command requires it.
 */
export class CommandPath {
  #folder: string | undefined;

  get isMade(): boolean {
    return this.#folder !== undefined;
  }

  folder(): string {
    if (this.#folder !== undefined) return this.#folder;
    const folder = folderForPrograms();
    this.#folder = folder;
    for (const name of OWN_COMMANDS) {
      Deno.writeTextFileSync(`${folder}/${name}`, selfScript([name]), { mode: 0o700 });
    }
    return folder;
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) Deno.removeSync(this.#folder, { recursive: true });
  }
}

/**
 * Creates a folder, accessible to this user only, in which programs can run: in the caller's TMPDIR
 * or in one of PLACES. A hardened machine has /tmp mounted noexec; the shell would then ignore our
 * commands and find those of net-tools.
 * @throws ConfigError if there is no such place
 */
function folderForPrograms(): string {
  const { TMPDIR = "" } = callerVariables();
  for (const place of TMPDIR.startsWith("/") ? [TMPDIR, ...PLACES] : PLACES) {
    if (!isKeptFromOthers(place)) continue;
    let folder: string;
    try {
      folder = Deno.makeTempDirSync({ prefix: NETSTART_FOLDER, dir: place });
    } catch {
      continue;
    }
    const probe = `${folder}/probe`;
    try {
      Deno.writeTextFileSync(probe, "#!/bin/sh\n", { mode: 0o700 });
      new Deno.Command(probe, { stdin: "null", stdout: "null", stderr: "null" }).outputSync();
      Deno.removeSync(probe);
      return folder;
    } catch {
      Deno.removeSync(folder, { recursive: true });
    }
  }
  throw new ConfigError(
    "netstart",
    "programs cannot run from /tmp, /run or /var/cache; one of these must be mounted without noexec",
  );
}

/** The name of a command in messages about it. */
export const commandName = (text: string): string => `!${displayValue(text)}`;

/** The text of an error for a user. */
export function reasonOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof OsError) return error.message;
  if (error instanceof Deno.errors.NotFound) return "No such file or directory";
  if (error instanceof Deno.errors.PermissionDenied) return "Permission denied";
  // `Read-only file system (os error 30): chown '/etc/...'`
  return error instanceof Error ? error.message.replace(/ \(os error \d+\).*/s, "") : String(error);
}
