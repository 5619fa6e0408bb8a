/**
 * `wg quick down`: the commands of PreDown, the file of SaveConfig, then everything that `up` did
 * in reverse order, and the commands of PostDown. What `up` did is in its record, so a file that
 * was changed or removed since does not matter. Without a record, as for an interface of
 * wg-quick(8), it is found as wg-quick finds it.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { destroyDaemon, getDevice, interfaceExists } from "../../daemon/client.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import { requireNetAdmin, requireOwner } from "../ifconfig/permission.ts";
import { complain } from "../output.ts";
import { commandsOf } from "./facts.ts";
import { exists, type QuickFile, readConfig } from "./file.ts";
import { stepsFound } from "./found_steps.ts";
import type { DoneStep, Step } from "./plan.ts";
import { Interrupted } from "./interruption.ts";
import { readQuickRecord } from "./record.ts";
import { presentName } from "./renamed.ts";
import { saveFile } from "./save.ts";
import { outlivesInterface } from "./step_runner.ts";
import { Session, type Telling } from "./session.ts";
import { messageOf } from "../system_error.ts";

/**
 * Takes the interface of a file down.
 * @returns the exit status
 * @throws ConfigError or OsError before anything was changed
 */
export async function down(file: QuickFile, telling: Telling): Promise<number> {
  if (!telling.print) requireNetAdmin(file.name);
  const record = readQuickRecord(file.name);
  const there = interfaceExists(file.name);
  if (!there && record === undefined) {
    throw new ConfigError(file.name, "there is no such WireGuard interface");
  }
  const renamed = presentName(file.name, record);
  if (there) requireOwner(file.name);
  if (renamed !== undefined) requireOwner(renamed);
  using read = readIfThere(file, record !== undefined);
  if (read === undefined && record === undefined) return 1;
  using session = new Session(file, telling);
  const hooks = read === undefined ? record?.hooks : {
    PreDown: commandsOf(read.config, "PreDown", file.name),
    PostDown: commandsOf(read.config, "PostDown", file.name),
  };
  if (there) {
    const status = await runHooks(session, "PreDown", hooks?.PreDown ?? []);
    if (status !== 0) return status;
  }
  if (there && read?.config.saveConfig === true) {
    session.tell([`wg quick save ${file.name}`]);
    if (!telling.print) await saveFile(file, read.config);
  }
  const steps = record?.steps ?? await foundSteps(file.name, read?.config);
  const create: DoneStep = { step: { type: "create" } };
  const rest = steps.filter(({ step }) => outlivesInterface(step));
  let whole = await session.undoAll(there ? [create, ...rest] : rest);
  if (renamed !== undefined && !await end(session, renamed)) whole = false;
  if (!telling.print && whole) session.removeRecord();
  const status = await runHooks(session, "PostDown", hooks?.PostDown ?? []);
  return status === 0 && !whole ? 1 : status;
}

/** Ends an interface that was renamed. @returns whether it has ended */
async function end(session: Session, renamed: string): Promise<boolean> {
  session.tell([`ip link delete dev ${renamed}`]);
  if (session.isPrinting) return true;
  try {
    await destroyDaemon(renamed);
    return true;
  } catch (error) {
    complain(messageOf(error));
    return false;
  }
}

/** The file, if it can be read. With a record it is not required. */
function readIfThere(file: QuickFile, optional: boolean) {
  if (optional && !exists(file.path)) return undefined;
  return readConfig(file);
}

/**
 * Runs commands until one fails.
 * @returns the exit status: 0 if all succeeded
 */
async function runHooks(
  session: Session,
  phase: "PreDown" | "PostDown",
  commands: readonly string[],
): Promise<number> {
  try {
    const steps = commands.map((command): Step => ({ type: "hook", phase, command }));
    await session.doAll(steps, {}, [], () => {});
    return 0;
  } catch (error) {
    complain(messageOf(error));
    return error instanceof Interrupted ? error.status : 1;
  }
}

/** The steps of an interface without a record. */
async function foundSteps(name: string, config: QuickConfig | undefined): Promise<DoneStep[]> {
  if (config === undefined) return [];
  const status = await getDevice(name);
  wipeStatus(status);
  return stepsFound(status, config);
}
