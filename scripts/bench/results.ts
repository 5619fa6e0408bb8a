/**
 * The results of a run as kept in JSON, and the ratios that are computed from them.
 * @module
 */

import { type Against, figure, type FigureId, type Goal, GOALS, type Sample } from "./figures.ts";
import { type Estimate, estimate, pairedRatio, summarize, type Summary } from "./statistics.ts";

/** The results of one program. */
export interface Measurement {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /**
   * The role: a variant is our program in another configuration, "plain" our loop without crypto,
   * and a rival is compared with ours.
   */
  readonly role: "ours" | "variant" | "rival" | "plain";
  /**
   * The samples of each round. A load that failed is missing. Measurements with fewer rounds
   * (start, handshakes) are in the first rounds, the memory after all loads in the last.
   */
  readonly rounds: Sample[];
  /** Errors, each with its round. */
  readonly failures: string[];
}

/** The times of a command and of an empty Deno program, in alternating runs. */
export interface CommandTimes {
  readonly title: string;
  readonly milliseconds: readonly number[];
  /** The times of the empty program in milliseconds. */
  readonly empty: readonly number[];
}

/** The cost with this many peers on one interface. */
export interface ScaleRow {
  readonly peers: number;
  /** Milliseconds of one UAPI set of them all. */
  readonly set: readonly number[];
  /** Milliseconds of one UAPI get. */
  readonly get: readonly number[];
  /** Milliseconds of the status command. */
  readonly show: readonly number[];
  /** Gbit/s of one TCP stream with one of them. */
  readonly tcp: readonly number[];
  /** Resident bytes of the daemon. */
  readonly resident: readonly number[];
}

/** The cost when this many peers send a small echo request each, in turn. */
export interface TalkerRow {
  readonly peers: number;
  /** The number of peers that got an answer. */
  readonly heard: readonly number[];
  /** Echoes a second. */
  readonly rate: readonly number[];
  /** Microseconds of the device's CPU time for each echo, both directions. */
  readonly cpu: readonly number[];
  /** Microseconds of the load's own CPU time for each echo; absent in older runs. */
  readonly load?: readonly number[];
}

/** The time of one end under a TCP stream: shares in percent, the greatest first. */
export interface Profile {
  readonly measurement: string;
  readonly side: string;
  /** By file: kernel, libraries, compiled code. */
  readonly places: readonly { readonly name: string; readonly percent: number }[];
  readonly functions: readonly { readonly name: string; readonly percent: number }[];
}

/** All results of one run. */
export interface Results {
  readonly format: 1;
  /** The date in ISO 8601. */
  readonly made: string;
  readonly quick: boolean;
  /** The length of each load in seconds. */
  readonly seconds: number;
  /**
   * Whether all tunnels were up at once and took turns at each load. Otherwise all loads of one
   * program ran before those of the next.
   */
  readonly inTurn?: true;
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly kernel: string;
    readonly memoryGb: number;
    readonly deno: string;
  };
  /**
   * The share of the machine that others used in each round (0 to 1), measured while only idle
   * daemons ran.
   */
  readonly noise: number[];
  readonly measurements: Measurement[];
  /** Programs that are not on this machine, with the reason. */
  readonly absent: { readonly id: string; readonly why: string }[];
  readonly commands: CommandTimes[];
  readonly scale: ScaleRow[];
  readonly talkers: TalkerRow[];
  readonly profiles: Profile[];
}

/**
 * The samples of one figure, one for each round; NaN for a missing one, so that rounds stay paired.
 */
export function samples(measurement: Measurement, id: FigureId): number[] {
  return measurement.rounds.map((round) => round[id] ?? NaN);
}

/** The samples of the rounds that have this figure. */
function measured(measurement: Measurement, id: FigureId): number[] {
  return samples(measurement, id).filter((value) => !Number.isNaN(value));
}

/** Median, quartiles and extremes of one figure; undefined if no round has it. */
export function summary(measurement: Measurement, id: FigureId): Summary | undefined {
  return summarize(measured(measurement, id));
}

/** The ratio of ours to theirs, round by round. */
export function ratio(ours: Measurement, theirs: Measurement, id: FigureId): Estimate | undefined {
  return pairedRatio(samples(ours, id), samples(theirs, id));
}

/** The rival with the best median of this figure. */
export function bestRival(results: Results, id: FigureId): Measurement | undefined {
  let best: { measurement: Measurement; median: number } | undefined;
  for (const measurement of results.measurements) {
    const found = measurement.role === "rival" ? summary(measurement, id) : undefined;
    if (found === undefined) continue;
    const ahead = best === undefined ||
      (figure(id).better === "higher" ? found.median > best.median : found.median < best.median);
    if (ahead) best = { measurement, median: found.median };
  }
  return best?.measurement;
}

/** The result of a goal. "within the error" is missed by no more than the standard error. */
export type Outcome = "reached" | "within the error" | "missed" | "not measured";

/** A goal and its finding, a ratio or an amount; undefined if one side was not measured. */
export interface Verdict {
  readonly goal: Goal;
  /** The title of the program with which ours is compared, or the goal's own word. */
  readonly rival: string;
  readonly found: Estimate | undefined;
  readonly outcome: Outcome;
}

/** The result of every goal. */
export function verdicts(results: Results): Verdict[] {
  const ours = results.measurements.find((c) => c.role === "ours");
  return GOALS.map((goal) => {
    const rival = opponent(results, goal.against, goal.figure);
    const found = ours === undefined ? undefined : compared(goal, ours, rival);
    return { goal, rival: rival?.title ?? goal.against, found, outcome: outcome(goal, found) };
  });
}

function compared(
  goal: Goal,
  ours: Measurement,
  rival: Measurement | undefined,
): Estimate | undefined {
  if (goal.against === "itself") return estimate(measured(ours, goal.figure));
  return rival === undefined ? undefined : ratio(ours, rival, goal.figure);
}

function outcome(goal: Goal, found: Estimate | undefined): Outcome {
  if (found === undefined) return "not measured";
  const missedBy = goal.relation === "at least"
    ? goal.value - found.median
    : found.median - goal.value;
  if (missedBy <= 0) return "reached";
  return missedBy <= (found.error ?? 0) ? "within the error" : "missed";
}

function opponent(results: Results, against: Against, id: FigureId): Measurement | undefined {
  switch (against) {
    case "debian":
      return results.measurements.find((c) => c.id === "debian");
    case "plain":
      return results.measurements.find((c) => c.role === "plain");
    case "best":
      return bestRival(results, id);
    case "itself":
      return undefined;
  }
}
