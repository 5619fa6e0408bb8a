/**
 * Compares a running interface with its file: one change of the device and its addresses, by the
 * comparison that hostname.if(5) files have, and the steps of `up` that have to be undone or done.
 * @module
 */
import { type DeviceChange, wipeChange } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import {
  type Difference,
  differenceOf,
  NO_BROADCAST,
  type RunningInterface,
  wantedLike,
} from "../ifconfig/difference.ts";
import { runningInterface } from "../ifconfig/running.ts";
import { type WantedInterface, wantedOf } from "../ifconfig/wanted.ts";
import { stepsFound } from "./found_steps.ts";
import { Endpoints } from "./endpoints.ts";
import { changeOf, planInput } from "./facts.ts";
import type { QuickFile } from "./file.ts";
import { type DoneStep, planUp, type Step, stepKey } from "./plan.ts";
import { type QuickRecord, readQuickRecord, tablesOfOthers } from "./record.ts";
import { outlivesInterface, type StepRunner } from "./step_runner.ts";
import { extraRoutes, routeWords, stepOf } from "./theirs.ts";

/** What a reload does. */
export interface ReloadPlan {
  readonly running: RunningInterface;
  /** The record of `up`; undefined for an interface that wg-quick(8) brought up. */
  readonly record: QuickRecord | undefined;
  /** The steps whose place a step of the same kind takes. They are not undone before. */
  readonly replaced: readonly DoneStep[];
  /** The steps that are undone, the first one last. */
  readonly removed: readonly DoneStep[];
  /** The change of the device, its addresses and its MTU. */
  readonly difference: Difference;
  /** The steps that are done after it. */
  readonly added: readonly Step[];
  /** The steps that stay. */
  readonly kept: readonly DoneStep[];
  /** All steps of the file, without commands. */
  readonly wanted: readonly Step[];
}

/**
 * Compares. Nothing is changed.
 * @throws ConfigError or OsError
 */
export async function planReload(
  file: QuickFile,
  config: QuickConfig,
  runner: StepRunner,
): Promise<ReloadPlan> {
  const record = readQuickRecord(file.name);
  const running = await runningInterface(file.name);
  const known = record?.steps ?? stepsFound(running.status, config);
  const mark = known.find(({ step }) => step.type === "rule")?.step;
  const change = changeOf(config, await Endpoints.lookUp(file.path, config.peers));
  const input = planInput(
    config,
    change,
    file.name,
    tablesOfOthers(file.name),
    mark?.type === "rule" ? mark.mark : 0,
  );
  const wanted = planUp(input).filter(({ type }) => type !== "hook");
  const own = routesOf(file.name);
  const there = await inPlace(known.filter(({ step }) => isCompared(step)), keysOf(own), runner);
  const wantedKeys = keysOf(wanted);
  const kept = withRulePairs(there.filter(({ step }) => wantedKeys.has(stepKey(step))));
  const keptKeys = keysOf(kept.map(({ step }) => step));
  const added = wanted.filter((step) => isCompared(step) && !keptKeys.has(stepKey(step)));
  const old = there.filter(({ step }) => !keptKeys.has(stepKey(step)));
  const replaced = old.filter(({ step }) => added.some((other) => takesPlaceOf(other, step)));
  const spare = new Set(record?.theirs ?? []);
  const thereKeys = keysOf(there.map(({ step }) => step));
  const strange = own.filter((step) => {
    const key = stepKey(step);
    return !wantedKeys.has(key) && !thereKeys.has(key) && !spare.has(routeWords(step));
  });
  const target = wantedInterface(running, change, input.mtu, config, wanted);
  const difference = differenceOf(file.name, running, target, spare);
  if (difference.command === undefined) wipeChange(change);
  return {
    running,
    record,
    replaced,
    removed: [
      ...old.filter((one) => !replaced.includes(one)),
      ...strange.map((step) => ({ step })),
    ],
    difference,
    added,
    kept,
    wanted,
  };
}

/** The change that leads back to the interface before a reload. */
export async function changeBack(name: string, before: RunningInterface): Promise<Difference> {
  return differenceOf(name, await runningInterface(name), wantedLike(before));
}

/** Whether the step is compared here. The others are in the difference of the device. */
const isCompared = (step: Step): boolean => outlivesInterface(step) || step.type === "route";

/** Whether doing a step replaces the other one at once, so that the packet filter has no gap. */
const takesPlaceOf = (step: Step, old: Step): boolean =>
  step.type === "nft" && old.type === "nft" && step.family === old.family;

const keysOf = (steps: readonly Step[]): ReadonlySet<string> => new Set(steps.map(stepKey));

/**
 * The steps whose effect is there.
 * @param routes the keys of the interface's routes: there may be thousands
 */
async function inPlace(
  steps: readonly DoneStep[],
  routes: ReadonlySet<string>,
  runner: StepRunner,
): Promise<DoneStep[]> {
  const there: DoneStep[] = [];
  for (const one of steps) {
    const isThere = one.step.type === "route"
      ? routes.has(stepKey(one.step))
      : await runner.isInPlace(one) !== false;
    if (isThere) there.push(one);
  }
  return there;
}

/**
 * The steps without single rules of a family. The two rules of a family stay only together, because
 * the kernel asks a new rule before the old ones.
 */
function withRulePairs(steps: readonly DoneStep[]): DoneStep[] {
  const has = (type: Step["type"], family: 4 | 6) =>
    steps.some(({ step }) => step.type === type && "family" in step && step.family === family);
  return steps.filter(({ step }) =>
    step.type === "rule"
      ? has("suppress", step.family)
      : step.type !== "suppress" || has("rule", step.family)
  );
}

function routesOf(name: string): (Step & { readonly type: "route" })[] {
  using routes = RouteSocket.open();
  const link = routes.link(name);
  if (link === undefined) {
    const problem = "the link is in another network namespace, so it cannot be compared here";
    throw new ConfigError(name, problem);
  }
  return extraRoutes(routes, link.index).map(stepOf);
}

/** The interface of the file. What a file of wg-quick(8) cannot say stays as it is. */
function wantedInterface(
  running: RunningInterface,
  change: DeviceChange,
  mtu: number,
  config: QuickConfig,
  steps: readonly Step[],
): WantedInterface {
  const command = {
    name: "",
    create: false,
    destroy: false,
    up: true,
    mtu,
    description: undefined,
    rdomain: undefined,
    joinGroups: [],
    leaveGroups: [],
    addresses: [],
    change,
  };
  const { privateKey, listenPort, peers } = wantedOf([command]);
  const mark = steps.find(({ type }) => type === "fwmark");
  return {
    ...wantedLike(running),
    privateKey,
    listenPort,
    peers,
    mtu,
    mtuAuto: false,
    up: true,
    fwmark: mark?.type === "fwmark" ? mark.mark : config.interface.fwmark ?? 0,
    addresses: config.addresses.map((one) => ({
      ...one,
      // As ip-address(8) adds it.
      broadcast: one.address.length === 4 ? NO_BROADCAST : undefined,
      destination: undefined,
    })),
  };
}
