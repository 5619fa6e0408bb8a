/**
 * `wg quick status`: which interfaces are up, and what differs from their files.
 * @module
 */
import { wipeChange, wipeStatus } from "../../base/config.ts";
import { ENXIO } from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";
import { getDevice, interfaceExists } from "../../daemon/client.ts";
import { isInterfaceName } from "../../base/interface_name.ts";
import { complain, printAll } from "../output.ts";
import { recordsDenied } from "../records.ts";
import { CONFIG_FOLDER, exists, findFile, type QuickFile, readConfig, seenFile } from "./file.ts";
import { HookRunner } from "./hooks.ts";
import { isLocked } from "./lock.ts";
import { readQuickRecord, recordedNames } from "./record.ts";
import { presentName } from "./renamed.ts";
import { planReload } from "./reload_plan.ts";
import { messageOf } from "../system_error.ts";
import { StepRunner } from "./step_runner.ts";
import { type QuickStatus, statusText, stepLines, undoLines } from "./text.ts";

/**
 * Prints the state of one interface, or of all that have a record or a file.
 * @returns the exit status: 1 if a named interface is down or differs from its file
 */
export async function status(
  file: QuickFile | undefined,
  { json }: { readonly json: boolean },
): Promise<number> {
  const files = file === undefined ? allFiles() : [file];
  const states: QuickStatus[] = [];
  for (const one of files) states.push(await stateOf(one));
  printAll(json ? `${JSON.stringify(states, null, 2)}\n` : states.map(statusText).join(""));
  if (file === undefined) return 0;
  return states.every(({ state, differences }) => state === "up" && differences?.length === 0)
    ? 0
    : 1;
}

function allFiles(): QuickFile[] {
  const names = new Set(recordedNames());
  try {
    for (const { name, isDirectory } of Deno.readDirSync(CONFIG_FOLDER)) {
      if (isDirectory) continue;
      const stem = name.endsWith(".conf") ? name.slice(0, -".conf".length) : "";
      if (/^[a-zA-Z0-9_=+.-]+$/.test(stem) && isInterfaceName(stem)) names.add(stem);
    }
  } catch {
    // There are no files.
  }
  return [...names].sort().map((name) => findFile(name, (of) => readQuickRecord(of)?.file));
}

async function stateOf(file: QuickFile): Promise<QuickStatus> {
  const { name, path } = file;
  const record = readQuickRecord(name);
  const base = { name, file: path, fileExists: seenFile(path), by: byWhom(record !== undefined) };
  if (!interfaceExists(name)) {
    const left = record === undefined ? [] : await leftSteps(file, record.steps);
    const presently = presentName(name, record);
    if (record !== undefined && presently !== undefined) {
      const { pid } = record;
      return {
        ...base,
        state: "renamed",
        presentName: presently,
        pid,
        differences: undefined,
        left,
      };
    }
    return { ...base, state: left.length > 0 ? "ended" : "down", differences: undefined, left };
  }
  const state = record?.complete !== false
    ? "up"
    : await isLocked(file)
    ? "starting"
    : "incomplete";
  return { ...base, state, ...await pidOf(name), differences: await differences(file), left: [] };
}

function byWhom(recorded: boolean) {
  if (recorded) return "wg quick" as const;
  return recordsDenied() ? undefined : "other" as const;
}

async function pidOf(name: string): Promise<{ readonly pid?: number }> {
  try {
    const found = await getDevice(name);
    wipeStatus(found);
    return found.pid === 0 ? {} : { pid: found.pid };
  } catch (error) {
    tell(error);
    return {};
  }
}

/** Tells an error, but not that the process of the interface comes or goes at this moment. */
function tell(error: unknown): void {
  if (!(error instanceof OsError && error.errno === ENXIO)) complain(messageOf(error));
}

/** What an interface left that ended without `down`, as the lines that undo it. */
async function leftSteps(
  { name, path }: QuickFile,
  steps: NonNullable<ReturnType<typeof readQuickRecord>>["steps"],
): Promise<string[]> {
  const runner = new StepRunner(name, new HookRunner(name, path));
  const left: string[] = [];
  for (const one of steps) {
    const { type } = one.step;
    if (type === "create" || type === "hook" || type === "fwmark") continue;
    if (type === "sysctl" && typeof one.saved !== "string") continue;
    if (await runner.isInPlace(one)) left.push(...undoLines(name, one.step, one.saved));
  }
  return left;
}

/** A file without an MTU does not say which one is right, and that of the routes may change. */
const isMtu = (line: string): boolean => /^mtu [0-9]+$/.test(line);

/** The lines that `reload` would tell; undefined if the file cannot be compared. */
async function differences(file: QuickFile): Promise<string[] | undefined> {
  if (!exists(file.path)) return undefined;
  const { name, path } = file;
  try {
    using read = readConfig(file);
    if (read === undefined) return undefined;
    const { config } = read;
    const runner = new StepRunner(name, new HookRunner(name, path));
    const { removed, difference, added, running } = await planReload(file, config, runner);
    wipeStatus(running.status);
    if (difference.command !== undefined) wipeChange(difference.command.change);
    const way = added.some(({ type }) => type === "dns") ? await runner.dnsWay() : undefined;
    return [
      ...removed.toReversed().flatMap(({ step, saved }) => undoLines(name, step, saved)),
      ...difference.plan.filter((line) => config.mtu !== undefined || !isMtu(line))
        .map((line) => `ifconfig ${name} ${line}`),
      ...added.flatMap((step) => stepLines(name, path, step, way)),
    ];
  } catch (error) {
    tell(error);
    return undefined;
  }
}
