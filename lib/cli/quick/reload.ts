/**
 * `wg quick reload`: makes a running interface match its file. Steps that the file has no more are
 * undone, then the device and its addresses are changed at once, then new steps are done. If
 * something fails, or a signal comes, all of it is taken back.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { interfaceExists } from "../../daemon/client.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import { applyCommand } from "../ifconfig/change.ts";
import { requireNetAdmin, requireOwner } from "../ifconfig/permission.ts";
import { complain } from "../output.ts";
import { commandsOf } from "./facts.ts";
import { type QuickFile, readConfig } from "./file.ts";
import { Interrupted } from "./interruption.ts";
import { type DoneStep, stepKey, tableOf } from "./plan.ts";
import { changeBack, planReload, type ReloadPlan } from "./reload_plan.ts";
import { Session, type Telling } from "./session.ts";
import { messageOf } from "../system_error.ts";

/**
 * Reloads the file of an interface.
 * @param newSession makes the session, for tests in which a step fails
 * @returns the exit status
 * @throws ConfigError or OsError before anything was changed
 */
export async function reload(
  file: QuickFile,
  telling: Telling,
  newSession: (file: QuickFile, telling: Telling) => Session = (...of) => new Session(...of),
): Promise<number> {
  if (!telling.print) requireNetAdmin(file.name);
  requireOwner(file.name);
  if (!interfaceExists(file.name)) {
    throw new ConfigError(file.name, "the interface is not up; `wg quick up` brings it up");
  }
  using read = readConfig(file);
  if (read === undefined) return 1;
  using session = newSession(file, telling);
  const plan = await planReload(file, read.config, session.runner);
  try {
    return await new Reload(session, read.config, plan).run();
  } finally {
    wipeStatus(plan.running.status);
  }
}

class Reload {
  readonly #session: Session;
  readonly #config: QuickConfig;
  readonly #plan: ReloadPlan;
  /** The steps that were undone, in the order in which `up` did them. */
  readonly #undone: DoneStep[] = [];
  readonly #done: DoneStep[] = [];
  #changed = false;

  constructor(session: Session, config: QuickConfig, plan: ReloadPlan) {
    this.#session = session;
    this.#config = config;
    this.#plan = plan;
  }

  async run(): Promise<number> {
    const { removed, difference, added } = this.#plan;
    try {
      for (const one of removed.toReversed()) {
        await this.#session.checkSignals();
        this.#undone.unshift(one);
        await this.#session.undoOne(one);
      }
      const { name } = this.#session;
      this.#session.tell(difference.plan.map((line) => `ifconfig ${name} ${line}`));
      if (difference.command !== undefined && !this.#session.isPrinting) {
        await this.#session.checkSignals();
        this.#changed = true;
        await applyCommand(difference.command);
      }
      await this.#session.doAll(added, {}, this.#done, () => {});
      if (!this.#session.isPrinting) this.#writeRecord();
      return 0;
    } catch (error) {
      complain(messageOf(error));
      await this.#takeBack();
      return error instanceof Interrupted ? error.status : 1;
    }
  }

  async #takeBack(): Promise<void> {
    const { name } = this.#session;
    await this.#session.undoAll(this.#done);
    try {
      if (this.#changed) {
        const { command, plan } = await changeBack(name, this.#plan.running);
        this.#session.tell(plan.map((line) => `ifconfig ${name} ${line}`));
        if (command !== undefined) await applyCommand(command);
      }
    } catch (error) {
      complain(messageOf(error));
    }
    const again: DoneStep[] = [];
    for (const { step } of [...this.#undone, ...this.#plan.replaced]) {
      try {
        await this.#session.doOne(step, {}, again);
      } catch (error) {
        complain(messageOf(error));
      }
    }
    const { record, kept } = this.#plan;
    if (record === undefined) return;
    const gone = new Set([...this.#undone, ...this.#plan.replaced, ...kept]);
    const others = record.steps.filter((one) => !gone.has(one));
    this.#session.writeRecord({ ...record, steps: [...others, ...kept, ...again] });
  }

  #writeRecord(): void {
    const { record, kept, wanted, running } = this.#plan;
    const { name, file } = this.#session;
    const known = new Map([...kept, ...this.#done].map((one) => [stepKey(one.step), one]));
    this.#session.writeRecord({
      pid: record?.pid ?? running.status.pid,
      file,
      unitRun: record?.unitRun,
      complete: true,
      table: tableOf(wanted),
      steps: wanted.map((step) => known.get(stepKey(step)) ?? { step }),
      hooks: {
        PreDown: commandsOf(this.#config, "PreDown", name),
        PostDown: commandsOf(this.#config, "PostDown", name),
      },
      theirs: record?.theirs ?? [],
    });
  }
}
