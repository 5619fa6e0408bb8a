/**
 * Doing what a hostname.if(5) file says.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { destroyDaemon, interfaceExists } from "../../daemon/client.ts";
import type { HostnameStep } from "./hostname_if.ts";
import { passedOverText, wordsOf } from "./hostname_if.ts";
import { complain } from "../output.ts";
import { changeInterface } from "../ifconfig/change.ts";
import { commandName, type FileShell } from "./shell.ts";

/** One run of one file. */
export class FileRun {
  readonly #name: string;
  readonly #file: string;
  readonly #shell: FileShell;
  /** Whether something failed that does not keep the rest from being done. */
  #failed = false;

  /** @param file its path, for messages */
  constructor(name: string, file: string, shell: FileShell) {
    this.#name = name;
    this.#file = file;
    this.#shell = shell;
  }

  /**
   * Does the steps in their order, as OpenBSD's netstart. An interface that it made and cannot finish is taken away again.
   * @returns whether all went well
   */
  async start(steps: readonly HostnameStep[]): Promise<boolean> {
    let line = 0;
    let made = false;
    try {
      if (!interfaceExists(this.#name)) {
        await changeInterface([this.#name, "create"]);
        made = true;
      }
      for (const step of steps) {
        line = step.line;
        await this.#do(step);
      }
      return !this.#failed;
    } catch (error) {
      complain(`${this.#file}${line === 0 ? "" : `:${line}`}: ${messageOf(error)}`);
      if (made && interfaceExists(this.#name)) await destroyDaemon(this.#name);
      return false;
    }
  }

  async #do(step: HostnameStep): Promise<void> {
    switch (step.type) {
      case "assignment":
        return this.#tell(step, await this.#shell.assign(step.text, step.names));
      case "command":
        // As on OpenBSD the rest goes on: an interface whose route cannot be added is better than none.
        return this.#tell(step, await this.#shell.run(step.text, step.words));
      case "ifconfig":
      case "evaluated":
        try {
          await changeInterface(await this.#words(step));
        } catch (error) {
          if (!step.command) throw error;
          this.#tell(step, messageOf(error));
        }
    }
  }

  /** The words for ifconfig. @throws ConfigError when they are wrong */
  async #words(step: HostnameStep & { readonly type: "ifconfig" | "evaluated" }): Promise<readonly string[]> {
    if (step.type === "ifconfig") return step.words;
    const passedOver: string[] = [];
    const words = await this.#shell.words(step.text);
    const destination = step.destination === undefined ? undefined : await this.#shell.words(step.destination);
    const whole = wordsOf(step, words, destination, passedOver);
    for (const word of passedOver) complain(`${this.#file}:${step.line}: ${passedOverText(word)}`);
    return whole;
  }

  #tell(step: HostnameStep, problem: string | undefined): void {
    if (problem === undefined) return;
    this.#failed = true;
    const what = step.type === "command" || step.type === "assignment" ? commandName(step.text) : "!ifconfig";
    complain(`${this.#file}:${step.line}: ${what}: ${problem}`);
  }
}

/** The message of a user's mistake or of the system's refusal. @throws anything else */
function messageOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof OsError) return error.message;
  throw error;
}
