/**
 * The number of Workers that the environment asks for.
 * @module
 */
import { parseWorkers, WORKERS_MAX } from "../base/data_planes.ts";
import { ConfigError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";

/** The number of Workers of new interfaces, for callers that have no word for it, as wg-quick. */
export const WORKERS_VARIABLE = "WG_WORKERS";

/**
 * The value of WORKERS_VARIABLE; undefined when it is not set.
 * @throws ConfigError for a wrong value
 */
export function workersSetting(): number | undefined {
  const text = Deno.env.get(WORKERS_VARIABLE);
  if (text === undefined || text === "") return undefined;
  const workers = parseWorkers(text);
  if (workers !== undefined) return workers;
  throw new ConfigError(
    WORKERS_VARIABLE,
    `${quote(text)} is invalid; a number of Workers, 1 to ${WORKERS_MAX}, is required`,
  );
}
