/**
 * Adds the default routes of mygate(5).
 * @module
 */
import { shownCommand } from "../../base/command_text.ts";
import { complain } from "../output.ts";
import { gatewayRoute, type Mygate, type MygateLine, parseMygate } from "./mygate.ts";
import { splitShellLine } from "./shell_words.ts";
import { commandName, CommandPath, FileShell, reasonOf } from "./shell.ts";

/** The largest file that is read, in bytes. */
const MYGATE_MAX = 64 * 1024;

/** The default routes of one run of netstart. */
export class DefaultRoutes {
  readonly #file: string;
  readonly #shell: FileShell;
  readonly #gate: Mygate;
  readonly #done = new Set<"inet" | "inet6">();
  /** Whether something failed. */
  failed = false;

  constructor(file: string, path: CommandPath) {
    this.#file = file;
    this.#shell = new FileShell(path, "mygate");
    this.#gate = parseMygate(this.#read());
    for (const { line, problem } of this.#gate.problems) this.#fail(`${file}:${line}: ${problem}`);
  }

  #read(): string {
    try {
      const { isFile, size } = Deno.statSync(this.#file);
      if (isFile && size <= MYGATE_MAX) return Deno.readTextFileSync(this.#file);
      this.#fail(
        `${this.#file}: ${
          isFile
            ? `the file is too large; at most ${MYGATE_MAX} bytes are allowed`
            : "not a regular file"
        }`,
      );
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) this.#fail(`${this.#file}: ${reasonOf(error)}`);
    }
    return "";
  }

  /** The commands that `netstart -n` prints. */
  texts(): string[] {
    const route = (gateway: MygateLine | undefined) =>
      gateway === undefined ? [] : [["route", ...gatewayRoute(gateway.text)].join(" ")];
    return [
      ...route(this.#gate.inet[0]),
      ...route(this.#gate.inet6[0]),
      ...this.#gate.commands.map(({ text }) => shownCommand(text)),
    ];
  }

  /**
   * Adds missing routes: for each family the first one that can be added.
   * @param final whether failures are reported. Before the interfaces are up they are not: a
   * gateway may be behind one of them
   */
  async add(final: boolean): Promise<void> {
    for (const family of ["inet", "inet6"] as const) {
      if (this.#done.has(family)) continue;
      const problems: string[] = [];
      for (const { line, text } of this.#gate[family]) {
        const problem = await this.#shell.run(text, ["route", ...gatewayRoute(text)]);
        if (problem === undefined) {
          this.#done.add(family);
          break;
        }
        problems.push(`${this.#file}:${line}: ${text}: ${problem}`);
      }
      if (final && !this.#done.has(family)) problems.forEach((problem) => this.#fail(problem));
    }
  }

  /** Runs the commands of the file. */
  async runCommands(): Promise<void> {
    for (const { line, text } of this.#gate.commands) {
      const { words, needsShell } = splitShellLine(text);
      const problem = await this.#shell.run(text, needsShell ? undefined : words);
      if (problem !== undefined) {
        this.#fail(`${this.#file}:${line}: ${commandName(text)}: ${problem}`);
      }
    }
  }

  #fail(text: string): void {
    this.failed = true;
    complain(text);
  }
}
