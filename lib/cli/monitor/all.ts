/**
 * Follows the events of several interfaces, also of those that come later.
 * @module
 */
import { ECONNRESET, ENXIO, EPROTO, ETIMEDOUT } from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";
import { followEvents } from "../../daemon/follow.ts";
import { socketNames } from "../../daemon/paths.ts";
import type { EventRecord } from "../../uapi/events.ts";

/** How often new interfaces are searched. */
const LOOK_EVERY_MS = 200;
/** The errors after which an interface is tried again. */
const AGAIN: readonly number[] = [ECONNRESET, ENXIO, ETIMEDOUT];

/**
 * Follows interfaces until they end.
 * @param names the interfaces
 * @throws OsError or ConfigError of the first one that cannot be followed
 */
export async function followNamed(
  names: readonly string[],
  take: (event: EventRecord) => void,
): Promise<void> {
  await Promise.all(names.map((name) => followEvents(name, take)));
}

/**
 * Follows all interfaces, and those that come later. It never returns.
 * @param complain gets the error of an interface that cannot be followed, once
 * @throws what `take` throws, as when nobody reads standard output any more
 */
export async function followAll(
  take: (event: EventRecord) => void,
  complain: (error: OsError) => void,
): Promise<never> {
  /** The interfaces that are followed, and those that cannot be. */
  const known = new Set<string>();
  const failures: unknown[] = [];
  const follow = async (name: string): Promise<void> => {
    try {
      await followEvents(name, take);
      known.delete(name);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      // The process has ended and left its socket, or it has not begun to answer.
      if (AGAIN.includes(error.errno)) known.delete(name);
      else if (error.errno !== EPROTO) complain(error);
    }
  };
  while (true) {
    const present = new Set(socketNames());
    for (const name of known) if (!present.has(name)) known.delete(name);
    for (const name of present) {
      if (known.has(name)) continue;
      known.add(name);
      follow(name).catch((error) => failures.push(error));
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    if (failures.length > 0) throw failures[0];
  }
}
