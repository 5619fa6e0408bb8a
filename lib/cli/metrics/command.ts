/**
 * `wg metrics [interface]`: what the counters of interfaces and peers have, for Prometheus. With
 * --listen it stays and answers by HTTP.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { ServiceManager } from "../../linux/service_manager.ts";
import type { Command } from "../command.ts";
import { wireguardNames, wireguardStats } from "../interfaces.ts";
import { complain, printAll, tellFailures } from "../output.ts";
import { formatMetrics, type MetricsFormat, type Scraped } from "./text.ts";
import { isLocal, type ListenAddress, parseMetrics } from "./words.ts";

/** The command `metrics`. */
export const command: Command = { run: metrics };

async function metrics(args: readonly string[]): Promise<number> {
  const { name, format, listen } = parseMetrics(args);
  if (listen !== undefined) return await serve(name, listen);
  const { scraped, failures } = await scrape(name);
  printAll(formatMetrics(scraped, Date.now(), format));
  return tellFailures(failures);
}

interface Scrape {
  readonly scraped: readonly Scraped[];
  readonly failures: readonly OsError[];
}

/** Asks one interface, or all at once. One that does not answer has no status. */
async function scrape(name: string | undefined): Promise<Scrape> {
  const failures: OsError[] = [];
  const names = name === undefined ? await wireguardNames() : [name];
  const scraped = await Promise.all(names.map(async (name): Promise<Scraped> => {
    try {
      return { name, status: await wireguardStats(name) };
    } catch (error) {
      failures.push(asFailure(name, error));
      return { name, status: undefined };
    }
  }));
  return { scraped, failures };
}

/** An answer that makes no sense is a failure of that interface alone. */
function asFailure(name: string, error: unknown): OsError {
  if (error instanceof OsError) return error;
  if (error instanceof ConfigError) return new OsError("uapi", name, "EPROTO", 71, error.message);
  throw error;
}

/** Answers until SIGTERM or SIGINT. */
async function serve(name: string | undefined, to: ListenAddress): Promise<number> {
  const { listen } = await import("./listener.ts");
  const told = new Failures();
  // Requests that come together share one round of questions.
  let asking: Promise<Scrape> | undefined;
  const source = async (format: MetricsFormat) => {
    asking ??= scrape(name).finally(() => asking = undefined);
    const { scraped, failures } = await asking;
    told.tell(failures);
    return formatMetrics(scraped, Date.now(), format);
  };
  const listener = await listen(to, source);
  complain(`metrics are at ${listener.address}`);
  if (!isLocal(to)) complain("everybody who reaches this address can read them");
  const service = ServiceManager.find((variable) => Deno.env.get(variable));
  service?.tell({ READY: 1 });
  await new Promise<void>((resolve) => {
    Deno.addSignalListener("SIGTERM", resolve);
    Deno.addSignalListener("SIGINT", resolve);
  });
  service?.close();
  await listener.close();
  return 0;
}

/** Tells each failure once, and again when it was gone in between. */
class Failures {
  #last: ReadonlySet<string> = new Set();

  tell(failures: readonly OsError[]): void {
    const messages = new Set(failures.map(({ message }) => message));
    for (const message of messages) if (!this.#last.has(message)) complain(message);
    this.#last = messages;
  }
}
