/**
 * `wg quick up`: the stages are the file, the commands of PreUp, the plan and its steps. If a stage
 * fails, or a signal comes, what was done is undone in reverse order.
 * @module
 */
import { type DeviceChange, wipeChange } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { interfaceExists, publicFacts } from "../../daemon/client.ts";
import { unitRun } from "./unit_run.ts";
import { SOCKET_FOLDER } from "../../daemon/paths.ts";
import { underLock } from "../../daemon/socket_folder.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import { requireNetAdmin } from "../ifconfig/permission.ts";
import { complain } from "../output.ts";
import { unresolvedWarnings } from "../named_endpoints.ts";
import { Endpoints } from "./endpoints.ts";
import { changeOf, commandsOf, planInput } from "./facts.ts";
import { type QuickFile, readConfig } from "./file.ts";
import { Interrupted } from "./interruption.ts";
import { type DoneStep, planUp, type Step, tableOf } from "./plan.ts";
import { type QuickRecord, readQuickRecord, tablesOfOthers, writeQuickRecord } from "./record.ts";
import { presentName } from "./renamed.ts";
import { Session, type Telling } from "./session.ts";
import { messageOf } from "../system_error.ts";
import { outlivesInterface } from "./step_runner.ts";
import { theirsOf } from "./theirs.ts";

/**
 * Brings the interface of a file up.
 * @param newSession makes the session, for tests in which a step fails
 * @returns the exit status
 * @throws ConfigError or OsError before anything was changed
 */
export async function up(
  file: QuickFile,
  telling: Telling,
  newSession: (file: QuickFile, telling: Telling) => Session = (...of) => new Session(...of),
): Promise<number> {
  if (!telling.print) requireNetAdmin(file.name);
  using read = readConfig(file);
  if (read === undefined) return 1;
  if (isTaken(file.name)) {
    throw new ConfigError(file.name, "the interface exists already; `wg quick down` ends it");
  }
  const left = readQuickRecord(file.name);
  const renamed = presentName(file.name, left);
  if (renamed !== undefined) {
    const problem = `it is up with the name ${renamed}; \`wg quick down ${file.name}\` ends it`;
    throw new ConfigError(file.name, problem);
  }
  using session = newSession(file, telling);
  if (left !== undefined) await cleanUp(session, left);
  return await new Rise(session, read.config).run();
}

function isTaken(name: string): boolean {
  if (interfaceExists(name)) return true;
  using routes = RouteSocket.open();
  return routes.link(name) !== undefined;
}

/** Undoes what an interface left that ended without `down`. */
async function cleanUp(session: Session, left: QuickRecord): Promise<void> {
  await session.undoAll(
    left.steps.filter(({ step }) => outlivesInterface(step) && !isUsedByOthers(step)),
  );
  if (!session.isPrinting) session.removeRecord();
}

/** Whether a rule leads to a table that has routes: the interface is gone, so they are others'. */
function isUsedByOthers(step: Step): boolean {
  if (step.type !== "rule") return false;
  using routes = RouteSocket.open();
  return routes.routes({ family: step.family, table: step.table }).length > 0;
}

/** One `up`. */
class Rise {
  readonly #session: Session;
  readonly #config: QuickConfig;
  readonly #done: DoneStep[] = [];
  #table = 0;

  constructor(session: Session, config: QuickConfig) {
    this.#session = session;
    this.#config = config;
  }

  async run(): Promise<number> {
    try {
      const { PreUp } = this.#commands("PreUp");
      await this.#do(PreUp.map((command): Step => ({ type: "hook", phase: "PreUp", command })), {});
      // PreUp may have set up the network on which the rest depends.
      const change = changeOf(
        this.#config,
        await Endpoints.lookUp(this.#session.file, this.#config.peers),
      );
      const steps = this.#session.isPrinting
        ? this.#plan(change)
        : underLock(SOCKET_FOLDER, () => this.#plan(change));
      await this.#do(
        steps.filter((step) => step.type !== "hook" || step.phase !== "PreUp"),
        change,
      );
      wipeChange(change);
      if (this.#session.isPrinting) return 0;
      this.#note(true);
      const warnings = await unresolvedWarnings(this.#session.name, [change]);
      for (const warning of warnings) complain(warning.replace(/^wgendpoint/, "Endpoint"));
      return 0;
    } catch (error) {
      complain(messageOf(error));
      await this.#session.undoAll(this.#done);
      if (!this.#session.isPrinting) this.#session.removeRecord();
      return error instanceof Interrupted ? error.status : 1;
    }
  }

  /**
   * Makes the plan. The record tells other runs, which may be at the same point, which table is
   * taken. So the folder of the records must be locked.
   */
  #plan(change: DeviceChange): Step[] {
    const { name, isPrinting } = this.#session;
    const steps = planUp(planInput(this.#config, change, name, tablesOfOthers(name)));
    this.#table = tableOf(steps);
    if (!isPrinting) writeQuickRecord(name, this.#record(false));
    return steps;
  }

  async #do(steps: readonly Step[], change: DeviceChange): Promise<void> {
    await this.#session.doAll(steps, change, this.#done, () => this.#note(false));
  }

  #commands<K extends "PreUp" | "PreDown" | "PostDown">(...keys: readonly K[]) {
    const { name } = this.#session;
    return Object.fromEntries(
      keys.map((key) => [key, commandsOf(this.#config, key, name)]),
    ) as Record<K, string[]>;
  }

  #note(complete: boolean): void {
    this.#session.writeRecord(this.#record(complete));
  }

  #record(complete: boolean): QuickRecord {
    const { name, file } = this.#session;
    return {
      pid: publicPid(name),
      file,
      unitRun: unitRun(),
      complete,
      table: this.#table,
      steps: this.#done,
      hooks: this.#commands("PreDown", "PostDown"),
      theirs: complete ? theirsOf(name, this.#done.map(({ step }) => step)) : [],
    };
  }
}

const publicPid = (name: string): number => publicFacts(name)?.pid ?? 0;
