/**
 * The order of measurements: every participant runs a task before the next task begins. Compared
 * values are therefore measured within seconds, under the same conditions of a shared machine.
 * @module
 */

import { noteFailure, type Participant } from "./participants.ts";
import type { Sample } from "./figures.ts";

/** A measurement of every participant, one after the other. */
export interface Task<E extends Participant> {
  readonly title: string;
  readonly run: (participant: E) => Promise<Sample>;
}

/** The number of rounds and the report of progress. */
export interface Turns {
  readonly rounds: number;
  readonly say: (line: string) => void;
  /** Called before each round, while nothing is measured. */
  readonly before?: () => Promise<void>;
}

/** Thrown by a task whose participant can run no further task. */
export class Withdrawal extends Error {
  override readonly name = "Withdrawal";
}

/**
 * Runs every task for every participant in every round, and adds the results to the participant's
 * sample of that round. A failed task is recorded, and the others continue.
 */
export async function takeTurns<E extends Participant>(
  participants: readonly E[],
  tasks: readonly Task<E>[],
  { rounds, say, before }: Turns,
): Promise<void> {
  const withdrawn = new Set<E>();
  for (let round = 0; round < rounds; round++) {
    await before?.();
    for (const [place, task] of tasks.entries()) {
      const what = `${task.title}, round ${round + 1} of ${rounds}`;
      // Each task begins with another participant, in each round and within a round, so that no
      // participant always follows a change of the load.
      for (const participant of beginningAt(participants, round + place)) {
        if (withdrawn.has(participant)) continue;
        say(`${what}: ${participant.implementation.title}`);
        try {
          Object.assign(participant.measurement.rounds[round], await task.run(participant));
        } catch (error) {
          noteFailure(participant, what, error);
          if (error instanceof Withdrawal) withdrawn.add(participant);
        }
      }
    }
  }
}

function beginningAt<T>(all: readonly T[], turn: number): T[] {
  return all.map((_, i) => all[(i + turn) % all.length]);
}
