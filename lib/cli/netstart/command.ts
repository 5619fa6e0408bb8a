/**
 * `netstart`: starts wg interfaces from their hostname.if(5) files.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import { interfaceExists, interfaceNames } from "../../daemon/client.ts";
import { executablePath } from "../../daemon/program.ts";
import type { Command } from "../command.ts";
import { requireNetAdmin } from "../ifconfig/permission.ts";
import { isUtf16, UTF16_PROBLEM } from "../../wgconf/scan.ts";
import { complain } from "../output.ts";
import { tellReady } from "../service.ts";
import { DefaultRoutes } from "./gate.ts";
import { helpText } from "../manual.ts";
import { NETSTART_MANUAL, systemdUnit } from "./help.ts";
import type { HostnameFile } from "./hostname_if.ts";
import { HOSTNAME_FILE_MAX, parseHostnameFile, stepText } from "./hostname_if.ts";
import { startedFrom } from "./record.ts";
import { CommandPath, FileShell, reasonOf } from "./shell.ts";
import { FileRun } from "./steps.ts";

const FOLDER = "/etc";
const PREFIX = "hostname.";
const GATEWAYS = "mygate";
/** The mode bits that a file with keys must not have. */
const MODE_OF_OTHERS = 0o007;
/** The path of the executable in the unit file, if the program runs from source. */
const USUAL_PROGRAM = "/usr/local/bin/wg";

/** The content of a command line of netstart. */
export interface Options {
  print: boolean;
  reload: boolean;
  folder: string;
  names: string[];
}

/** The command `netstart`. */
export const command: Command = {
  async run(args) {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(helpText(NETSTART_MANUAL).trimEnd());
      return 0;
    }
    if (args.includes("--print-unit")) {
      if (args.length > 1) {
        throw new ConfigError("--print-unit", "no other word is allowed on the line");
      }
      console.log(systemdUnit(executablePath() ?? USUAL_PROGRAM).trimEnd());
      return 0;
    }
    const options = parseOptions(args);
    const names = options.names.length > 0 ? options.names : filesIn(options.folder);
    if (!options.print) requireNetAdmin("netstart");
    using path = new CommandPath();
    const routes = new DefaultRoutes(`${options.folder}/${GATEWAYS}`, path);
    // When all interfaces are started, the gateways are added first, as on OpenBSD: the names of
    // endpoints may have to be looked up.
    if (!options.print && options.names.length === 0) await routes.add(false);
    let failed = false;
    for (const name of names) {
      // A mistake in one file does not keep other interfaces from starting.
      if (!await start(name, options, path)) failed = true;
    }
    // A service of one interface watches the interface's process.
    if (options.names.length === 1 && !options.print && !failed) tellReady(options.names[0]);
    if (options.names.length === 0) nameThoseWithoutFile(options.folder, names);
    if (options.print) {
      for (const text of routes.texts()) console.log(text);
    } else {
      await routes.add(true);
      await routes.runCommands();
    }
    return failed || routes.failed ? 1 : 0;
  },
};

/**
 * Reads `netstart [-nr] [-d directory] [interface ...]`.
 * @throws ConfigError that names the word
 */
export function parseOptions(args: readonly string[]): Options {
  const options: Options = { print: false, reload: false, folder: FOLDER, names: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (/^-[nr]+$/.test(arg)) {
      options.print ||= arg.includes("n");
      options.reload ||= arg.includes("r");
    } else if (arg === "-d") {
      const folder = args[++i];
      if (folder === undefined) throw new ConfigError("-d", "requires a directory");
      options.folder = folder.replace(/(.)\/+$/, "$1");
    } else if (arg.startsWith("-")) {
      throw new ConfigError(arg, "unknown option; `wg help netstart` lists the options");
    } else {
      if (!/^wg[0-9]{1,13}$/.test(arg)) {
        throw new ConfigError(displayValue(arg), "not a wg interface; a name as wg0 is required");
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

/** Reports interfaces whose file is gone. They are not destroyed, because no line says so. */
function nameThoseWithoutFile(folder: string, names: readonly string[]): void {
  for (const name of interfaceNames()) {
    const file = `${folder}/${PREFIX}${name}`;
    if (names.includes(name) || startedFrom(name) !== file) continue;
    complain(
      `${file}: the file is gone, but ${name} is running; \`ifconfig ${name} destroy\` ends it`,
    );
  }
}

/**
 * Starts one interface and reports errors on standard error.
 * @returns whether everything succeeded
 */
async function start(name: string, options: Options, path: CommandPath): Promise<boolean> {
  const file = `${options.folder}/${PREFIX}${name}`;
  let parsed: HostnameFile;
  // Another netstart of the same interface waits here, and then finds the interface running.
  using lock = new FileLock();
  try {
    if (!options.print) lock.take(file);
    parsed = parseHostnameFile(readSecurely(file, !options.print), name);
  } catch (error) {
    complain(`${file}: ${error instanceof ConfigError ? error.problem : reasonOf(error)}`);
    return false;
  }
  const told = [...parsed.notes, ...parsed.problems].sort((a, b) => a.line - b.line);
  for (const { line, problem } of told) complain(`${file}:${line}: ${problem}`);
  if (parsed.problems.length > 0) return false;
  const run = new FileRun(name, file, new FileShell(path, name), parsed.steps);
  if (!options.print) return options.reload ? await run.reload() : await run.start();
  const exists = interfaceExists(name);
  if (exists && options.reload) return await run.printReload();
  if (!exists) console.log(`ifconfig ${name} create`);
  for (const step of parsed.steps) console.log(stepText(step));
  return true;
}

/** A lock on a file, held until it is disposed of. */
class FileLock {
  #file: Deno.FsFile | undefined;

  /**
   * Waits for the lock. Does nothing if the path is not a regular file.
   * @throws what Deno throws if the file cannot be opened
   */
  take(path: string): void {
    // Opening anything else may block for ever.
    if (!Deno.statSync(path).isFile) return;
    this.#file = Deno.openSync(path);
    this.#file.lockSync(true);
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

/**
 * Reads a file after checking its owner and mode, as OpenBSD's netstart does.
 * @throws ConfigError if the file is too large; what Deno throws
 */
function readSecurely(path: string, mend: boolean): string {
  const { isFile, mode, uid, gid, size } = Deno.statSync(path);
  if (!isFile) throw new ConfigError(path, "not a regular file");
  if (size > HOSTNAME_FILE_MAX) {
    throw new ConfigError(
      path,
      `the file is too large; at most ${HOSTNAME_FILE_MAX} bytes are allowed`,
    );
  }
  const [ownUid, ownGid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
  const ours = (uid === 0 || uid === ownUid) && (gid === 0 || gid === ownGid);
  if (((mode ?? 0) & MODE_OF_OTHERS) !== 0 || !ours) {
    complain(`WARNING: ${path} is insecure${mend ? ", fixing permissions" : ""}`);
    try {
      if (mend) {
        Deno.chownSync(path, ownUid, ownGid);
        Deno.chmodSync(path, (mode ?? 0o600) & 0o777 & ~MODE_OF_OTHERS);
      }
    } catch (error) {
      // On a read-only file system, as in containers, the mode cannot be corrected. The file is
      // used anyway, unless it belongs to another user.
      if (uid !== 0 && uid !== ownUid) throw error;
      complain(`WARNING: ${path}: ${reasonOf(error)}`);
    }
  }
  const bytes = Deno.readFileSync(path);
  try {
    if (isUtf16(bytes)) throw new ConfigError(path, UTF16_PROBLEM);
    return new TextDecoder().decode(bytes);
  } finally {
    bytes.fill(0);
  }
}
