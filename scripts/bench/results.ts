/**
 * What a run found, as it is kept in JSON, and the ratios that are read from it.
 * @module
 */

import { type Against, figure, type FigureId, type Goal, GOALS, type Sample } from "./figures.ts";
import { type Estimate, estimate, pairedRatio, summarize, type Summary } from "./statistics.ts";

/** One thing that was measured. */
export interface Measurement {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /** Rivals are what ours is compared with; a variant is our own program, made to run otherwise; "plain" is our own loop without crypto. */
  readonly role: "ours" | "variant" | "rival" | "plain";
  /**
   * What each round gave, by round; a load that failed is missing. What has fewer rounds (start-up, handshakes) is in the first ones, the memory after all
   * loads in the last.
   */
  readonly rounds: Sample[];
  /** What went wrong, with the round it happened in. */
  readonly failures: string[];
}

/** The time that commands take, as ratios to an empty Deno program, in one alternating run. */
export interface CommandTimes {
  readonly title: string;
  readonly milliseconds: readonly number[];
  /** The empty program's, run by run. */
  readonly empty: readonly number[];
}

/** Cost of everything with this many peers configured on one interface. */
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

/** What it costs when this many peers take turns to send a small echo request each. */
export interface TalkerRow {
  readonly peers: number;
  /** How many of them got an answer. */
  readonly heard: readonly number[];
  /** Echoes a second. */
  readonly rate: readonly number[];
  /** Microseconds of the device's CPU time for each echo, both directions. */
  readonly cpu: readonly number[];
}

/** Where one end's time went under a TCP stream: shares in percent, greatest first. */
export interface Profile {
  readonly measurement: string;
  readonly side: string;
  /** By file: kernel, libraries, compiled code. */
  readonly places: readonly { readonly name: string; readonly percent: number }[];
  readonly functions: readonly { readonly name: string; readonly percent: number }[];
}

/** Everything that one run found. */
export interface Results {
  readonly format: 1;
  /** When it was made, ISO 8601. */
  readonly made: string;
  readonly quick: boolean;
  /** Seconds of each load. */
  readonly seconds: number;
  /** All tunnels were up at once and each load went in turn from one to the next. Without it: all loads of one on a fresh tunnel, then those of the next. */
  readonly inTurn?: true;
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly kernel: string;
    readonly memoryGb: number;
    readonly deno: string;
  };
  /** By round of loads: how much of the machine others used (0 to 1), measured while nothing of ours ran but idle daemons. */
  readonly noise: number[];
  readonly measurements: Measurement[];
  /** Rivals that are not on this machine, and why. */
  readonly absent: { readonly id: string; readonly why: string }[];
  readonly commands: CommandTimes[];
  readonly scale: ScaleRow[];
  readonly talkers: TalkerRow[];
  readonly profiles: Profile[];
}

/** The samples of one figure, one a round; NaN where a round lacks it, so that rounds stay paired. */
export function samples(measurement: Measurement, id: FigureId): number[] {
  return measurement.rounds.map((round) => round[id] ?? NaN);
}

/** The samples of the rounds that have this figure. */
function measured(measurement: Measurement, id: FigureId): number[] {
  return samples(measurement, id).filter((value) => !Number.isNaN(value));
}

/** Median, quartiles and extremes of one figure, or undefined when no round has it. */
export function summary(measurement: Measurement, id: FigureId): Summary | undefined {
  return summarize(measured(measurement, id));
}

/** Ratio of ours to theirs, round by round. */
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

/** What became of a goal; "within the error" is missed by no more than the standard error of what was found. */
export type Outcome = "reached" | "within the error" | "missed" | "not measured";

/** A goal and what was found: a ratio or an amount, as the goal is; undefined when one side was not measured. */
export interface Verdict {
  readonly goal: Goal;
  /** The title of the one that ours is compared with; the goal's own word where nobody is. */
  readonly rival: string;
  readonly found: Estimate | undefined;
  readonly outcome: Outcome;
}

/** Every goal against this run. */
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
