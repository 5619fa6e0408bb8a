/**
 * Chooses faults by chance. A room with more places gets more faults, by the square root, so that
 * the largest does not get nearly all. Within a room every kind of fault gets its turn.
 * @module
 */
import { Chance } from "../../tests/random.ts";
import { type Fault, KINDS } from "./faults.ts";

/** The room of a file: `lib/data/replay.ts` is of the room data. */
export function roomOf(file: string): string {
  return file.split("/")[1];
}

/** Chooses `count` faults, or all when there are fewer. The same for the same seed and code. */
export function chooseFaults(faults: readonly Fault[], count: number, seed: number): Fault[] {
  const chance = Chance.of(seed);
  const rooms = Map.groupBy(faults, ({ file }) => roomOf(file));
  const chosen: Fault[] = [];
  let left = Math.min(count, faults.length);
  // Small rooms first. What they do not have, others get.
  const bySize = [...rooms.values()].sort((a, b) => a.length - b.length);
  let weights = bySize.reduce((sum, inRoom) => sum + Math.sqrt(inRoom.length), 0);
  for (const inRoom of bySize) {
    const weight = Math.sqrt(inRoom.length);
    const share = Math.min(inRoom.length, Math.round(left * weight / weights));
    chosen.push(...chooseOfRoom(inRoom, share, chance));
    weights -= weight;
    left -= share;
  }
  // Mixed, so that a run that is ended early has seen something of every room.
  return shuffled(chosen, chance);
}

function chooseOfRoom(faults: readonly Fault[], count: number, chance: Chance): Fault[] {
  const waiting = KINDS.map((kind) =>
    shuffled(faults.filter((fault) => fault.kind === kind), chance)
  );
  const chosen: Fault[] = [];
  for (let turn = chance.int(KINDS.length); chosen.length < count; turn++) {
    const fault = waiting[turn % KINDS.length].pop();
    if (fault !== undefined) chosen.push(fault);
  }
  return chosen;
}

function shuffled<T>(items: readonly T[], chance: Chance): T[] {
  const left = [...items];
  return items.map(() => left.splice(chance.int(left.length), 1)[0]);
}
