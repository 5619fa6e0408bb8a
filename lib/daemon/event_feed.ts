/**
 * Passes the events of an interface on to the clients of the control socket that follow them. A
 * client that reads slowly delays nobody: what does not fit into its queue is counted, and the
 * client is told.
 * @module
 */
import { EBUSY, osError } from "../base/errno.ts";
import type { InterfaceEvent } from "../base/events.ts";
import { eventRecord, formatEvent, missedRecord } from "../uapi/events.ts";

/** The most clients that follow at once: a quarter of all clients, so that others have room. */
export const FOLLOWERS_MAX = 16;
/** The most events that wait for one client. */
export const FOLLOWER_QUEUE_MAX = 512;

/**
 * How long the events since the start are kept for those who begin to follow: they hear of the
 * interface a moment after it is there.
 */
const EARLY_MS = 2_000;

/** What a client follows: text or bytes, as they come. */
export interface Following<Piece extends string | Uint8Array = string | Uint8Array> {
  /** Waits for what comes next; undefined at the end. Bytes are valid until the next call. */
  next(): Promise<Piece | undefined>;
  /**
   * Ends it: `next` then returns what is left, and undefined. Called when the client sends no more,
   * and again when its connection is closed.
   */
  close(): void;
}

/** The events of one interface. */
export class EventFeed {
  readonly #name: () => string;
  readonly #wallClock: () => number;
  readonly #followers = new Set<Follower>();
  readonly #startedAt: number;
  /** The events since the start, until EARLY_MS have passed. */
  #early: string[] = [];

  /**
   * @param name the present name of the interface
   * @param wallClock Unix time in milliseconds
   */
  constructor(name: () => string, wallClock: () => number = Date.now) {
    this.#name = name;
    this.#wallClock = wallClock;
    this.#startedAt = performance.now();
  }

  /** Passes an event on. It neither blocks nor throws. */
  tell(event: InterfaceEvent): void {
    const isEarly = this.#isEarly();
    if (this.#followers.size === 0 && !isEarly) return;
    const line = formatEvent(eventRecord(event, this.#name(), this.#time()));
    if (isEarly && this.#early.length < FOLLOWER_QUEUE_MAX) this.#early.push(line);
    for (const follower of this.#followers) follower.put(line);
  }

  /**
   * Begins to follow. Close the result.
   * @throws OsError EBUSY when FOLLOWERS_MAX clients follow
   */
  follow(): Following<string> {
    if (this.#followers.size >= FOLLOWERS_MAX) {
      throw osError("monitor", this.#name(), EBUSY, `${FOLLOWERS_MAX} clients follow it already`);
    }
    const follower = new Follower(
      (count) => formatEvent(missedRecord(count, this.#name(), this.#time())),
      () => this.#followers.delete(follower),
    );
    if (this.#isEarly()) { for (const line of this.#early) follower.put(line); }
    this.#followers.add(follower);
    return follower;
  }

  /** Ends all following after the events that wait. */
  close(): void {
    for (const follower of this.#followers) follower.end();
  }

  #isEarly(): boolean {
    if (performance.now() - this.#startedAt < EARLY_MS) return true;
    this.#early = [];
    return false;
  }

  #time(): string {
    return new Date(this.#wallClock()).toISOString();
  }
}

/** The queue of one client. */
class Follower implements Following<string> {
  readonly #missedLine: (count: number) => string;
  readonly #closed: () => void;
  #lines: string[] = [];
  #missed = 0;
  #ended = false;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(missedLine: (count: number) => string, closed: () => void) {
    this.#missedLine = missedLine;
    this.#closed = closed;
  }

  put(line: string): void {
    if (this.#ended) return;
    if (this.#lines.length >= FOLLOWER_QUEUE_MAX) this.#missed++;
    else this.#lines.push(line);
    this.#waiting?.resolve();
  }

  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.#ended) {
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
    if (this.#lines.length === 0) return undefined;
    // The missed events came after those that fitted.
    const missed = this.#missed === 0 ? "" : this.#missedLine(this.#missed);
    const text = this.#lines.join("") + missed;
    this.#lines = [];
    this.#missed = 0;
    return text;
  }

  end(): void {
    this.#ended = true;
    this.#closed();
    this.#waiting?.resolve();
  }

  close(): void {
    this.#lines = [];
    this.end();
  }
}
