/**
 * The order in which things are measured: every task goes round all participants before the next one begins. So what is compared with each other was measured
 * within seconds, under the same neighbours on a machine that is shared.
 * @module
 */

import { noteFailure, type Participant } from "./participants.ts";
import type { Sample } from "./figures.ts";

/** What is measured of every participant, one after the other. */
export interface Task<E extends Participant> {
  readonly title: string;
  readonly run: (participant: E) => Promise<Sample>;
}

/** How often, and who hears where we are. */
export interface Turns {
  readonly rounds: number;
  readonly say: (line: string) => void;
  /** Done before each round, while nobody is measured. */
  readonly before?: () => Promise<void>;
}

/** Thrown by a task whose participant can take no further turn. */
export class Withdrawal extends Error {
  override readonly name = "Withdrawal";
}

/**
 * Runs every task for every participant in every round and writes what comes of it into the participant's sample of that round. A task that fails is noted among
 * the participant's failures and the others go on.
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
      // In each round another one is the first at this task, and within a round at each task: nobody always comes after a change of the load.
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
