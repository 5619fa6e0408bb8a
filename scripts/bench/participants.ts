/**
 * The programs that are on this machine, each with its results.
 * @module
 */

import type { Implementation } from "./implementations.ts";
import type { Measurement, Results } from "./results.ts";

/** A program that is measured, and its results so far. */
export interface Participant {
  readonly implementation: Implementation;
  readonly measurement: Measurement;
}

/**
 * Finds every program, and builds it if needed. Each one found gets an empty sample for every
 * round.
 */
export async function findParticipants(
  implementations: readonly Implementation[],
  rounds: number,
  say: (line: string) => void,
): Promise<{ participants: Participant[]; absent: Results["absent"] }> {
  const participants: Participant[] = [];
  const absent: { id: string; why: string }[] = [];
  for (const implementation of implementations) {
    const { id, title, role } = implementation;
    const found = await implementation.find(say);
    if ("absent" in found) {
      absent.push({ id, why: found.absent });
    } else {
      const samples = Array.from({ length: rounds }, () => ({}));
      participants.push({
        implementation,
        measurement: { id, title, role, version: found.version, rounds: samples, failures: [] },
      });
    }
  }
  return { participants, absent };
}

/** Records an error of a participant. */
export function noteFailure(participant: Participant, what: string, error: unknown): void {
  participant.measurement.failures.push(
    `${what}: ${error instanceof Error ? error.message : error}`,
  );
}
