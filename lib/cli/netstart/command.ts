/**
 * `netstart`: starts wg interfaces from their hostname.if(5) files.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import { destroyDaemon, interfaceExists } from "../../daemon/client.ts";
import { kind, selfCommand } from "../../daemon/self.ts";
import { NETSTART_HELP, systemdUnit } from "./help.ts";
import type { HostnameFile, HostnameStep } from "./hostname_if.ts";
import { HOSTNAME_FILE_MAX, parseHostnameFile, stepText } from "./hostname_if.ts";
import { shellQuote } from "./shell_words.ts";
import type { Command } from "../command.ts";
import { changeInterface } from "../ifconfig/change.ts";
import { complain } from "../output.ts";
import { requireNetAdmin } from "../ifconfig/permission.ts";

const FOLDER = "/etc";
const PREFIX = "hostname.";
/** Mode bits that others may not have on a file with keys in it. */
const MODE_OF_OTHERS = 0o007;
/** Where the executable is looked for when the program does not know its own path. */
const USUAL_PROGRAM = "/usr/local/bin/wg";
/** Commands of files that are ours. */
const OWN_COMMANDS = ["ifconfig", "route", "netstat", "netstart"];

interface Options {
  print: boolean;
  folder: string;
  names: string[];
}

/** netstart(8) for wg interfaces. */
export const command: Command = {
  async run(args) {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(NETSTART_HELP.trimEnd());
      return 0;
    }
    if (args.includes("--print-unit")) {
      if (args.length > 1) throw new ConfigError("--print-unit", "nothing may stand beside it");
      console.log(systemdUnit(kind() === "compiled" ? Deno.execPath() : USUAL_PROGRAM).trimEnd());
      return 0;
    }
    const options = parseOptions(args);
    const names = options.names.length > 0 ? options.names : filesIn(options.folder);
    if (!options.print) requireNetAdmin("netstart");
    let status = 0;
    using path = new CommandPath();
    for (const name of names) {
      // One file's mistake keeps no other interface from starting.
      if (!await start(name, options, path)) status = 1;
    }
    return status;
  },
};

function parseOptions(args: readonly string[]): Options {
  const options: Options = { print: false, folder: FOLDER, names: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "-n") options.print = true;
    else if (arg === "-d") {
      const folder = args[++i];
      if (folder === undefined) throw new ConfigError("-d", "requires a directory");
      options.folder = folder.replace(/(.)\/+$/, "$1");
    } else if (arg.startsWith("-")) throw new ConfigError(arg, "unknown option; `wg help netstart` names them");
    else {
      if (!/^wg[0-9]{1,13}$/.test(arg)) {
        throw new ConfigError(displayValue(arg), "expected a wg interface, as wg0");
      }
      options.names.push(arg);
    }
  }
  return options;
}

/** The interfaces that have a file, in the order of their numbers. */
function filesIn(folder: string): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    throw new ConfigError(folder, reasonOf(error));
  }
  return entries.map((entry) => entry.name)
    .filter((name) => /^hostname\.wg[0-9]{1,13}$/.test(name))
    .map((name) => name.slice(PREFIX.length))
    .sort((a, b) => Number(a.slice(2)) - Number(b.slice(2)));
}

/** Starts one interface. @returns whether all went well; what did not is told on standard error */
async function start(name: string, options: Options, path: CommandPath): Promise<boolean> {
  const file = `${options.folder}/${PREFIX}${name}`;
  let parsed: HostnameFile;
  // Who starts the same interface at the same time waits, and then finds it there.
  using lock = new FileLock();
  try {
    if (!options.print) lock.take(file);
    parsed = parseHostnameFile(readSecurely(file, !options.print), name);
  } catch (error) {
    complain(`${file}: ${error instanceof ConfigError ? error.problem : reasonOf(error)}`);
    return false;
  }
  for (const { line, problem } of parsed.problems) complain(`${file}:${line}: ${problem}`);
  if (parsed.problems.length > 0) return false;
  const exists = interfaceExists(name);
  if (options.print) {
    if (!exists) console.log(`ifconfig ${name} create`);
    for (const step of parsed.steps) console.log(stepText(step));
    return true;
  }
  return await apply(name, file, parsed.steps, exists, path);
}

/** Does the steps. An interface that it made and cannot finish is taken away again. */
async function apply(
  name: string,
  file: string,
  steps: readonly HostnameStep[],
  exists: boolean,
  path: CommandPath,
): Promise<boolean> {
  let line = 0;
  let made = false;
  try {
    if (!exists) await changeInterface([name, "create"]);
    made = !exists;
    for (const step of steps) {
      line = step.line;
      if (step.type === "ifconfig") await changeInterface(step.words);
      else await runCommand(step, file, path);
    }
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof OsError)) throw error;
    complain(`${file}${line === 0 ? "" : `:${line}`}: ${error.message}`);
    if (made && interfaceExists(name)) await destroyDaemon(name);
    return false;
  }
}

/** As on OpenBSD a command that fails is told and the rest goes on: an interface whose route cannot be added is better than none. */
async function runCommand(step: HostnameStep & { type: "command" }, file: string, path: CommandPath): Promise<void> {
  const argv = step.words ?? ["/bin/sh", "-c", step.text];
  const { FROM_NETSTART } = await import("../route/command.ts");
  const env = {
    [FROM_NETSTART]: "1",
    PATH: `${path.folder()}:${Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`,
  };
  let problem: string | undefined;
  try {
    const program = OWN_COMMANDS.includes(argv[0]) ? `${path.folder()}/${argv[0]}` : argv[0];
    const child = new Deno.Command(program, {
      args: argv.slice(1),
      env,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    });
    const { code, signal } = await child.spawn().status;
    if (signal !== null) problem = `ended by ${signal}`;
    else if (code !== 0) problem = `ended with status ${code}`;
  } catch (error) {
    problem = reasonOf(error);
  }
  if (problem !== undefined) {
    complain(`${file}:${step.line}: !${argv === step.words ? argv[0] : "command"}: ${problem}`);
  }
}

/** A lock on a file, held until it is disposed of. */
class FileLock {
  #file: Deno.FsFile | undefined;

  /** Waits for it; what is no file is left alone. @throws what Deno throws when the file cannot be opened */
  take(path: string): void {
    // Opening anything else might wait for ever.
    if (!Deno.statSync(path).isFile) return;
    this.#file = Deno.openSync(path);
    this.#file.lockSync(true);
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

/** A folder with our own commands, first on the PATH of the files' commands; made when the first of them needs it. */
class CommandPath {
  #folder: string | undefined;

  folder(): string {
    if (this.#folder !== undefined) return this.#folder;
    const folder = Deno.makeTempDirSync({ prefix: "wg-netstart-" });
    this.#folder = folder;
    for (const name of OWN_COMMANDS) {
      const { program, args, environment } = selfCommand([name]);
      const settings = Object.entries(environment).filter(([key]) => key !== "PATH").map(([key, value]) =>
        `${key}=${value}`
      );
      const line = ["env", ...settings, program, ...args].map(shellQuote).join(" ");
      Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o700 });
    }
    return folder;
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Reads a file after looking who else can, as OpenBSD's netstart does: it belongs to root or to this user. @throws ConfigError when it is too long; what Deno throws */
function readSecurely(path: string, mend: boolean): string {
  const { isFile, mode, uid, gid, size } = Deno.statSync(path);
  if (!isFile) throw new ConfigError(path, "not a file");
  if (size > HOSTNAME_FILE_MAX) throw new ConfigError(path, `more than ${HOSTNAME_FILE_MAX} bytes`);
  const [ownUid, ownGid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
  const ours = (uid === 0 || uid === ownUid) && (gid === 0 || gid === ownGid);
  if (((mode ?? 0) & MODE_OF_OTHERS) !== 0 || !ours) {
    complain(`WARNING: ${path} is insecure${mend ? ", fixing permissions" : ""}`);
    if (mend) {
      Deno.chownSync(path, ownUid, ownGid);
      Deno.chmodSync(path, (mode ?? 0o600) & 0o777 & ~MODE_OF_OTHERS);
    }
  }
  return Deno.readTextFileSync(path);
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "No such file or directory";
  if (error instanceof Deno.errors.PermissionDenied) return "Permission denied";
  return error instanceof Error ? error.message : String(error);
}
