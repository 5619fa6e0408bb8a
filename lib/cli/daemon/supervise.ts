/**
 * `wg -f NAME --config FILE`: brings the interface of a file up, stays until it ends, and takes it
 * down on SIGTERM. For supervisors that watch a process, and for containers.
 *
 * This process keeps the rights that hooks, addresses and name servers require. The interface has a
 * process of its own without them.
 * @module
 */
import { unixSocketOwner } from "../../../ffi/unix_socket.ts";
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import { readLog } from "../../daemon/client.ts";
import { socketPath } from "../../daemon/paths.ts";
import { statField } from "../../linux/process_facts.ts";
import { complain } from "../output.ts";

/** How often the process of the interface and its log are looked at. */
const LOOK_MS = 500;
/** The states of a process that ended and was not waited for. */
const ENDED: readonly string[] = ["Z", "X"];

/** What is done with the interface of a file. */
interface Actions {
  up(): Promise<number>;
  reload(): Promise<number>;
  down(): Promise<number>;
}

/**
 * Runs the interface of a file until the interface ends or a signal comes. SIGTERM and SIGINT end
 * it, SIGHUP reloads the file.
 * @param path wg-quick's file NAME.conf, or a file hostname.NAME
 * @returns the exit status: 1 if the interface ended by itself, or could not be started or ended
 */
export async function supervise(name: string, path: string): Promise<number> {
  const actions = await actionsFor(name, path);
  const signals = new Signals();
  const status = await actions.up();
  if (status !== 0) return status;
  const pid = unixSocketOwner(socketPath(name));
  const log = new LogReader(name);
  for (;;) {
    await signals.next(LOOK_MS);
    await log.print();
    const isThere = pid !== undefined && isRunning(pid);
    if (signals.end) return await actions.down();
    if (!isThere) {
      complain(`${name}: the process of the interface has ended`);
      // Rules, name servers and hooks are left.
      await actions.down().catch(() => {});
      return 1;
    }
    if (signals.takeReload() && await actions.reload() !== 0) {
      complain(`${name}: the interface goes on as it was`);
    }
  }
}

async function actionsFor(name: string, path: string): Promise<Actions> {
  const slash = path.lastIndexOf("/");
  const base = path.slice(slash + 1);
  if (base === `${name}.conf`) {
    const { command } = await import("../quick/command.ts");
    const file = slash < 0 ? `./${path}` : path;
    const act = (action: string) => async () => await command.run([action, file]);
    return { up: act("up"), reload: act("reload"), down: act("down") };
  }
  if (base === `hostname.${name}`) {
    const { command } = await import("../netstart/command.ts");
    const ifconfig = (await import("../ifconfig/command.ts")).command;
    const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
    return {
      up: async () => await command.run(["-d", folder, name]),
      reload: async () => await command.run(["-r", "-d", folder, name]),
      down: async () => await ifconfig.run([name, "destroy"]),
    };
  }
  throw new ConfigError(
    "--config",
    `${displayPath(path)} is not the file of ${name}; one called ${name}.conf or ` +
      `hostname.${name} is required`,
  );
}

/** The signals that came. */
class Signals {
  /** Whether the interface is to end. */
  end = false;
  #reload = false;
  #wake: (() => void) | undefined;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => {
        this.end = true;
        this.#wake?.();
      });
    }
    Deno.addSignalListener("SIGHUP", () => {
      this.#reload = true;
      this.#wake?.();
    });
  }

  /** Whether a reload was asked for since the last call. */
  takeReload(): boolean {
    const asked = this.#reload;
    this.#reload = false;
    return asked;
  }

  /** Waits for a signal, at most so long. */
  async next(ms: number): Promise<void> {
    if (this.end || this.#reload) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** Prints the log of an interface to standard error. */
class LogReader {
  readonly #name: string;
  #seen = 0;

  constructor(name: string) {
    this.#name = name;
  }

  async print(): Promise<void> {
    try {
      for (const { sequence, text } of await readLog(this.#name, this.#seen)) {
        this.#seen = sequence;
        complain(`${this.#name}: ${text}`);
      }
    } catch {
      // The interface has ended, or does not answer at the moment.
    }
  }
}

/** /proc/PID/exe cannot be read with CAP_NET_ADMIN only. */
function isRunning(pid: number): boolean {
  const state = statField(pid, "state");
  return state !== undefined && !ENDED.includes(state);
}
