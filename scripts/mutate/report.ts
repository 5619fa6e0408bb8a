/**
 * The report of the trials, as text and as JSON.
 * @module
 */
import { roomOf } from "./choice.ts";
import { CHECK, type Outcome } from "./trials.ts";

/** All trials of a run. */
export interface Trials {
  /** The seed, as the command takes it. */
  readonly seed: string;
  /** The number of faults from which these were chosen. */
  readonly possible: number;
  readonly seconds: number;
  readonly outcomes: readonly Outcome[];
}

const wasNoticed = ({ noticedBy }: Outcome) => noticedBy !== undefined;
const isExplained = ({ explanation }: Outcome) => explanation !== undefined;
const hasSurvived = (outcome: Outcome) => !wasNoticed(outcome) && !isExplained(outcome);

/** The part of the faults that was noticed, of those that are not explained. From 0 to 1. */
export function share(outcomes: readonly Outcome[]): number {
  const noticed = outcomes.filter(wasNoticed).length;
  const survived = outcomes.filter(hasSurvived).length;
  return noticed + survived === 0 ? 1 : noticed / (noticed + survived);
}

/** A fault that no test noticed, for a person. */
export function outcomeText({ fault, explanation }: Outcome): string {
  const { file, line, inside, kind, before, after } = fault;
  const word = explanation === undefined ? "survived" : "explained";
  const lines = [`${word}: ${file}:${line} ${inside} (${kind})`, `  - ${before}`, `  + ${after}`];
  if (explanation !== undefined) lines.push(`  ${explanation}`);
  return lines.join("\n");
}

/** The sums of all rooms, for a person. */
export function sumsText({ seed, seconds, outcomes }: Trials): string {
  const rooms = Map.groupBy(outcomes, ({ fault }) => roomOf(fault.file));
  const lines = [...rooms].map(([room, those]) => `${room}: ${sums(those)}`);
  lines.push(`all, seed ${seed}: ${sums(outcomes)}; ${Math.round(seconds)} s`);
  return lines.join("\n");
}

function sums(outcomes: readonly Outcome[]): string {
  const noticed = outcomes.filter(wasNoticed).length;
  const endless = outcomes.filter(({ isEndless }) => isEndless).length;
  const ofTypes = outcomes.filter(({ noticedBy }) => noticedBy === CHECK).length;
  const percent = (100 * noticed / outcomes.length).toFixed(1);
  return `${outcomes.length} planted, ${noticed} noticed (${percent} %), ` +
    `${ofTypes} of them by ${CHECK} alone, ` +
    `${outcomes.filter(hasSurvived).length} survived, ` +
    `${outcomes.filter(isExplained).length} explained, ${endless} ended by the time limit`;
}

/** The report for a program. */
export function jsonOf({ seed, possible, seconds, outcomes }: Trials) {
  return {
    seed,
    possible,
    planted: outcomes.length,
    noticed: outcomes.filter(wasNoticed).length,
    survived: outcomes.filter(hasSurvived).length,
    explained: outcomes.filter(isExplained).length,
    seconds: Math.round(seconds),
    faults: outcomes.map(({ fault, noticedBy, isEndless, explanation }) => ({
      file: fault.file,
      line: fault.line,
      inside: fault.inside,
      kind: fault.kind,
      before: fault.before,
      after: fault.after,
      ...(noticedBy === undefined ? {} : { noticedBy, isEndless }),
      ...(explanation === undefined ? {} : { explanation }),
    })),
  };
}
