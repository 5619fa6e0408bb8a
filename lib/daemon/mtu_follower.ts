/**
 * Lets the MTU of a link follow the paths to the peers (`mtu auto`). It asks the paths every
 * minute, and soon after a peer has connected or roamed, and never waits in the way of others.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";
import { DatagramProbe, SETTLE_MS } from "../linux/path_probe.ts";
import { PathMtus } from "./path_mtus.ts";

/** How often the paths are asked. */
const ASK_EVERY_MS = 60_000;
/** How long after `soon` they are asked, and so the least time between two looks. */
const SOON_MS = 2_000;

/** The parts that following requires. */
export interface MtuFollowerOptions {
  /** The endpoints of the peers that have a session. */
  readonly endpoints: () => readonly Endpoint[];
  /** The mark of the tunnel's datagrams; 0 for none. */
  readonly mark: () => number;
  /** Reads the link's MTU in bytes; 0 when it cannot be read now. */
  readonly read: () => number;
  /** Sets the link's MTU. @throws OsError */
  readonly set: (mtu: number) => void;
  /** Writes a line to the log. */
  readonly log: (line: string) => void;
  /** Called when somebody else has set the MTU, which ends following. */
  readonly ended: () => void;
  /** The time in milliseconds. */
  readonly now: () => number;
  /** How often the paths are asked; only tests pass another time than a minute. */
  readonly everyMs?: number | undefined;
}

/** Follows the paths of one interface. The paths are those of the process's network namespace. */
export class MtuFollower {
  readonly #options: MtuFollowerOptions;
  readonly #everyMs: number;
  /** What is known of the paths; undefined when following is off. */
  #paths: PathMtus | undefined;
  /** The MTU that the link has if nobody else has set it. */
  #left = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #isAsking = false;
  /** The problem that was written to the log last. */
  #problem = "";

  constructor(options: MtuFollowerOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? ASK_EVERY_MS;
  }

  /** Whether the MTU follows the paths. */
  get isOn(): boolean {
    return this.#paths !== undefined;
  }

  /** Switches following on, which begins with the present MTU, or off. */
  switch(on: boolean): void {
    this.close();
    if (!on) return;
    this.#left = this.#options.read();
    this.#paths = new PathMtus(2 * this.#everyMs);
    this.soon();
  }

  /** Call when a peer has connected or roamed. */
  soon(): void {
    if (this.isOn) this.#schedule(Math.min(SOON_MS, this.#everyMs));
  }

  /** Ends following. The MTU stays. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    this.#paths = undefined;
  }

  #schedule(ms: number): void {
    const at = this.#options.now() + ms;
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    const { endpoints, now } = this.#options;
    const paths = this.#paths;
    this.#timerAt = Infinity;
    if (paths === undefined) return;
    if (this.#isAsking) return this.soon();
    this.#isAsking = true;
    await Promise.all(
      paths.due(endpoints()).map(async (endpoint) =>
        paths.told(endpoint, await this.#ask(endpoint), now())
      ),
    );
    this.#isAsking = false;
    // It was switched meanwhile.
    if (this.#paths !== paths) return;
    this.#apply(paths);
    if (this.isOn) this.#schedule(this.#everyMs);
  }

  /** The MTU of the path to an endpoint; undefined when nothing can be sent there. */
  async #ask(endpoint: Endpoint): Promise<number | undefined> {
    try {
      using probe = new DatagramProbe(endpoint, this.#options.mark());
      while (probe.step()) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return probe.mtu || undefined;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      return undefined;
    }
  }

  #apply(paths: PathMtus): void {
    const { read, set, log, ended, now } = this.#options;
    const present = read();
    if (present === 0) return;
    if (present !== this.#left) {
      this.close();
      log(`mtu auto has ended: the MTU was set to ${present}`);
      ended();
      return;
    }
    const mtu = paths.choose(present, now());
    if (mtu === present) return;
    try {
      set(mtu);
      this.#left = mtu;
      this.#problem = "";
      log(`mtu auto: ${mtu} instead of ${present}`);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (error.message !== this.#problem) log(`mtu auto: ${error.message}`);
      this.#problem = error.message;
    }
  }
}
