/**
 * The order in which things are measured: every task goes round all entrants before the next one begins. So what is compared with each other was measured
 * within seconds, under the same neighbours on a machine that is shared.
 * @module
 */

import { type Entrant, noteFailure } from "./entrants.ts";
import type { Sample } from "./figures.ts";

/** What is measured of every entrant, one after the other. */
export interface Task<E extends Entrant> {
  readonly title: string;
  readonly run: (entrant: E) => Promise<Sample>;
}

/** How often, and who hears where we are. */
export interface Turns {
  readonly rounds: number;
  readonly say: (line: string) => void;
  /** Done before each round, while nobody is measured. */
  readonly before?: () => Promise<void>;
}

/** Thrown by a task whose entrant can take no further turn. */
export class Withdrawal extends Error {
  override readonly name = "Withdrawal";
}

/**
 * Runs every task for every entrant in every round and writes what comes of it into the entrant's sample of that round. A task that fails is noted among
 * the entrant's failures and the others go on.
 */
export async function takeTurns<E extends Entrant>(
  entrants: readonly E[],
  tasks: readonly Task<E>[],
  { rounds, say, before }: Turns,
): Promise<void> {
  const withdrawn = new Set<E>();
  for (let round = 0; round < rounds; round++) {
    await before?.();
    for (const [place, task] of tasks.entries()) {
      const what = `${task.title}, round ${round + 1} of ${rounds}`;
      // In each round another one is the first at this task, and within a round at each task: nobody always comes after a change of the load.
      for (const entrant of beginningAt(entrants, round + place)) {
        if (withdrawn.has(entrant)) continue;
        say(`${what}: ${entrant.contender.title}`);
        try {
          Object.assign(entrant.contestant.rounds[round], await task.run(entrant));
        } catch (error) {
          noteFailure(entrant, what, error);
          if (error instanceof Withdrawal) withdrawn.add(entrant);
        }
      }
    }
  }
}

function beginningAt<T>(all: readonly T[], turn: number): T[] {
  return all.map((_, i) => all[(i + turn) % all.length]);
}
