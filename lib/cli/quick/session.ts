/**
 * One run of `wg quick`: tells the steps, does them, and undoes them when one fails or a signal
 * comes. The record is written before each step, so that `down` can undo what a killed run did.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { complain } from "../output.ts";
import { messageOf } from "../system_error.ts";
import type { QuickFile } from "./file.ts";
import { HookRunner } from "./hooks.ts";
import { Interruption } from "./interruption.ts";
import type { DoneStep, Step } from "./plan.ts";
import { type QuickRecord, removeQuickRecord } from "./record.ts";
import { isShared, updateRecord } from "./shared_setting.ts";
import { outlivesInterface, StepRunner } from "./step_runner.ts";
import { stepLines, undoLines } from "./text.ts";

/** How a run tells what it does. */
export interface Telling {
  /** Whether the plan is printed on standard output and nothing is done. */
  readonly print: boolean;
  readonly quiet: boolean;
}

export class Session implements Disposable {
  readonly name: string;
  readonly file: string;
  readonly hooks: HookRunner;
  readonly runner: StepRunner;
  readonly #telling: Telling;
  readonly #interruption: Interruption | undefined;

  /** @param runner makes what does the steps, for tests in which a step fails */
  constructor(
    file: QuickFile,
    telling: Telling,
    runner: (name: string, hooks: HookRunner) => StepRunner = (name, hooks) =>
      new StepRunner(name, hooks),
  ) {
    this.name = file.name;
    this.file = file.path;
    this.#telling = telling;
    this.hooks = new HookRunner(file.name, file.path);
    this.runner = runner(file.name, this.hooks);
    this.#interruption = telling.print
      ? undefined
      : new Interruption((signal) => this.hooks.interrupt(signal));
  }

  [Symbol.dispose](): void {
    this.#interruption?.[Symbol.dispose]();
  }

  /** Whether nothing is done. */
  get isPrinting(): boolean {
    return this.#telling.print;
  }

  /** Tells of a command: on standard error, or on standard output if nothing is done. */
  tell(lines: readonly string[]): void {
    for (const line of lines) {
      if (this.#telling.print) console.log(line);
      else if (!this.#telling.quiet) console.error(`[#] ${line}`);
    }
  }

  /** @throws Interrupted if a signal has come */
  async checkSignals(): Promise<void> {
    await this.#interruption?.check();
  }

  /**
   * Does steps in their order.
   * @param done receives each step before it is begun, and what undoing it requires when it is done
   * @param note called after each change of `done`
   * @throws ConfigError, OsError or Interrupted; the steps before are done
   */
  async doAll(
    steps: readonly Step[],
    change: DeviceChange,
    done: DoneStep[],
    note: () => void,
  ): Promise<void> {
    for (const step of steps) {
      await this.checkSignals();
      await this.doOne(step, change, done, note);
    }
    await this.checkSignals();
  }

  /** Does one step, as `doAll`. */
  async doOne(
    step: Step,
    change: DeviceChange,
    done: DoneStep[],
    note: () => void = () => {},
  ): Promise<void> {
    const way = step.type === "dns" ? await this.runner.dnsWay() : undefined;
    // A setting that has its value is not written.
    const isThere = step.type === "sysctl" && await this.runner.isInPlace({ step }) === true;
    if (!isThere) this.tell(stepLines(this.name, this.file, step, way));
    if (this.isPrinting) return;
    if (step.type === "hook") {
      try {
        await this.runner.do(step, change);
      } catch (error) {
        // A signal that ended the command is the reason, not the command.
        await this.checkSignals();
        throw error;
      }
      return;
    }
    done.push({ step });
    if (outlivesInterface(step)) note();
    const saved = await this.runner.do(step, change);
    if (saved === undefined) return;
    done[done.length - 1] = { step, saved };
    note();
  }

  /**
   * Undoes steps, the last one first. If one fails, the others are undone all the same.
   * @returns whether everything succeeded
   */
  async undoAll(done: readonly DoneStep[]): Promise<boolean> {
    let whole = true;
    const ends = done.some(({ step }) => step.type === "create");
    for (const one of done.toReversed()) {
      const { step } = one;
      // The kernel drops what the interface has together with it.
      if (ends && step.type !== "create" && !outlivesInterface(step)) continue;
      try {
        await this.undoOne(one);
      } catch (error) {
        complain(messageOf(error));
        whole = false;
      }
    }
    return whole;
  }

  /** Undoes one step, if its effect is there. @throws ConfigError or OsError */
  async undoOne(one: DoneStep): Promise<void> {
    const { step, saved } = one;
    if (outlivesInterface(step) && await this.runner.isInPlace(one) === false) return;
    const stays = step.type === "sysctl" && isShared(this.name, step);
    if (!stays) this.tell(undoLines(this.name, step, saved));
    if (!this.isPrinting) await this.runner.undo(one);
  }

  writeRecord(record: QuickRecord): void {
    updateRecord(this.name, record);
  }

  removeRecord(): void {
    removeQuickRecord(this.name);
  }
}
