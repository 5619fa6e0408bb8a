/**
 * How many descriptors the process of an interface requires. Without them its start would end in
 * the middle, or the runtime would abort.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { descriptorLimit } from "../../ffi/libc.ts";
import { DESCRIPTORS_MIN } from "./packed.ts";

/** The Workers for which DESCRIPTORS_MIN is enough. */
const WORKERS_INCLUDED = 2;
/** What each further Worker opens: its sockets or queues, and what its isolate waits with. */
const DESCRIPTORS_OF_WORKER = 9;

/**
 * The descriptors that an interface with so many Workers requires. A dozen of them are for clients
 * of its control socket.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { descriptorsFor } from "./descriptors.ts";
 *
 * assert.equal(descriptorsFor(1), 64);
 * assert.equal(descriptorsFor(32), 334);
 * ```
 */
export const descriptorsFor = (workers: number): number =>
  DESCRIPTORS_MIN + DESCRIPTORS_OF_WORKER * Math.max(workers - WORKERS_INCLUDED, 0);

/**
 * Checks that this process may open what so many Workers require. Call it before anything is made.
 * The runtime has raised the soft limit to the hard one when it started.
 * @param word what the user has set the number with
 * @param workers undefined for the default
 * @throws ConfigError for a limit that is too low
 */
export function checkDescriptors(word: string, workers: number | undefined): void {
  if (workers === undefined) return;
  const required = descriptorsFor(workers);
  const limit = descriptorLimit();
  if (limit >= required) return;
  throw new ConfigError(
    word,
    `${workers} Workers require ${required} open files; only ${limit} are allowed (ulimit -n)`,
  );
}
