/**
 * The contenders that are on this machine, each with the place where what it gives is written down.
 * @module
 */

import type { Contender } from "./contenders.ts";
import type { Contestant, Results } from "./results.ts";

/** A program that is measured, and what was found of it so far. */
export interface Entrant {
  readonly contender: Contender;
  readonly contestant: Contestant;
}

/** Looks for every contender, building what has to be built; each that is here gets an empty sample for every round. */
export async function findEntrants(
  contenders: readonly Contender[],
  rounds: number,
  say: (line: string) => void,
): Promise<{ entrants: Entrant[]; absent: Results["absent"] }> {
  const entrants: Entrant[] = [];
  const absent: { id: string; why: string }[] = [];
  for (const contender of contenders) {
    const { id, title, role } = contender;
    const found = await contender.find(say);
    if ("absent" in found) {
      absent.push({ id, why: found.absent });
    } else {
      const samples = Array.from({ length: rounds }, () => ({}));
      entrants.push({
        contender,
        contestant: { id, title, role, version: found.version, rounds: samples, failures: [] },
      });
    }
  }
  return { entrants, absent };
}

/** Writes down that something of this entrant went wrong, and why. */
export function noteFailure(entrant: Entrant, what: string, error: unknown): void {
  entrant.contestant.failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
}
