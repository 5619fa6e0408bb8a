/**
 * Measures the start of a program: the time until its interface answers, and its memory after the
 * first packet.
 * @module
 */

import { setUpTunnel } from "./tunnels.ts";
import type { Implementation } from "./implementations.ts";
import type { Sample } from "./figures.ts";
import { Laboratory } from "./laboratory.ts";
import { memoryMegabytes } from "./loads.ts";

/** Starts both ends in a fresh laboratory and closes it. */
export async function measureStart(implementation: Implementation): Promise<Sample> {
  await using laboratory = await Laboratory.open();
  const { tunnel, ready } = await setUpTunnel(laboratory, implementation);
  return { ready, memory_idle: memoryMegabytes(tunnel) };
}
