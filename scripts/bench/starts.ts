/**
 * What a program costs before it has anything to do: the time until its interface answers, and its memory after the first packet.
 * @module
 */

import { layBed } from "./beds.ts";
import type { Contender } from "./contenders.ts";
import type { Sample } from "./figures.ts";
import { Laboratory } from "./laboratory.ts";
import { memoryMegabytes } from "./loads.ts";

/** Starts both ends in a fresh laboratory and takes them away again. */
export async function measureStart(contender: Contender): Promise<Sample> {
  await using laboratory = await Laboratory.open();
  const { bed, ready } = await layBed(laboratory, contender);
  return { ready, memory_idle: memoryMegabytes(bed) };
}
