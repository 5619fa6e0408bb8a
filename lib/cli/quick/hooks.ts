/**
 * Runs the commands of wg-quick files: PreUp, PostUp, PreDown and PostDown. One plain command runs
 * without a shell.
 * @module
 */
import { callerVariables } from "../../daemon/caller_environment.ts";
import { executablePath } from "../../daemon/program.ts";
import { splitShellLine } from "../netstart/shell_words.ts";
import { problemOf, runShellText } from "../shell_text.ts";
import { LOCKED_FILE } from "./lock.ts";

/** The shells, the preferred one first: wg-quick(8) promises bash to the commands. */
const SHELLS = ["/bin/bash", "/usr/bin/bash", "/bin/sh"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The command of a file that runs now. */
export class HookRunner {
  #child: Deno.ChildProcess | undefined;
  /** A signal that came between two commands. It ends the next one. */
  #early: Deno.Signal | undefined;

  /**
   * @param name the interface, and
   * @param file the path of its file: shells get them as the variables INTERFACE and CONFIG_FILE,
   *   which commands of wg-quick files can read
   */
  constructor(readonly name: string, readonly file: string) {}

  /**
   * Runs a command and waits for its end.
   * @returns the problem, or undefined
   */
  async run(command: string): Promise<string | undefined> {
    const { words, needsShell, problem } = splitShellLine(command);
    if (words.length === 0 && !needsShell && problem === undefined) return undefined;
    const child = needsShell || problem !== undefined ? undefined : this.#plain(words);
    return child === undefined ? await this.#inShell(command) : await this.#wait(child);
  }

  /** Ends the command that runs, or that is about to. */
  interrupt(signal: Deno.Signal): void {
    if (this.#child === undefined) this.#early = signal;
    try {
      this.#child?.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /**
   * Starts a program.
   * @returns undefined if that fails: it may be a command of the shell itself, or a script without
   * its first line. What is neither makes the shell say why
   */
  #plain([program, ...args]: readonly string[]): Deno.ChildProcess | undefined {
    const command = new Deno.Command(program, {
      args,
      env: this.#environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    });
    try {
      return command.spawn();
    } catch {
      return undefined;
    }
  }

  async #inShell(command: string): Promise<string | undefined> {
    const shell = SHELLS.find(isThere) ?? SHELLS[SHELLS.length - 1];
    const variables = { INTERFACE: this.name, CONFIG_FILE: this.file };
    const { child, fed } = runShellText(shell, command, variables, this.#environment());
    const problem = await this.#wait(child);
    await fed;
    return problem;
  }

  /** The caller's environment. The `wg` of this program is the first one on its path. */
  #environment(): Record<string, string> {
    const variables = callerVariables();
    const path = variables.PATH ?? DEFAULT_PATH;
    const own = executablePath();
    const folder = own?.endsWith("/wg") === true ? own.slice(0, -"/wg".length) : undefined;
    return {
      ...variables,
      LC_ALL: "C",
      PATH: folder === undefined ? path : `${folder}:${path}`,
      [LOCKED_FILE]: this.file,
    };
  }

  async #wait(child: Deno.ChildProcess): Promise<string | undefined> {
    this.#child = child;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.interrupt(early);
    try {
      return problemOf(await child.status);
    } finally {
      this.#child = undefined;
    }
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
