/**
 * Handles what the data plane reports, a slice of time at a time: events in their order, and the
 * handshake messages that wait. The event loop runs in between, so that a flood does not block the
 * control socket.
 * @module
 */
import { milliseconds } from "../base/brands.ts";
import { UNDER_LOAD_QUEUE } from "../base/constants.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataEvent } from "../base/messages.ts";
import { now } from "../runtime/clock.ts";
import type { ControlDriver } from "../worker/control.ts";

/** How long a slice is. */
const SLICE_MS = 10;
/** Events whose outputs are carried out together, because messages to the Worker are slow. */
const EVENTS_TOGETHER = 8;

/** The parts that it connects. */
export interface EventSlicesParts {
  readonly control: ControlDriver;
  readonly handshakes: HandshakeMemory;
  /** Called when the events of a report are handled, so that the next report may come. */
  readonly eventsHandled: () => void;
  /** Called after many handshake messages, which leave garbage in both isolates. */
  readonly flooded: () => void;
}

/** The reports of one data plane. */
export class EventSlices {
  readonly #parts: EventSlicesParts;
  /** The events of the last report, and the index of the next one to handle. */
  #events: readonly DataEvent[] = [];
  #eventAt = 0;
  /** Whether a slice goes on, or the next one begins in a moment. */
  #goingOn = false;
  /** Handshake messages handled since `flooded` was called. */
  #taken = 0;

  constructor(parts: EventSlicesParts) {
    this.#parts = parts;
  }

  /** Takes the events of a report. The report before must have been handled. */
  take(events: readonly DataEvent[]): void {
    this.#events = events;
    this.#eventAt = 0;
    if (!this.#goingOn) this.#handle();
  }

  #handle(): void {
    // A report that comes meanwhile waits for the next slice.
    this.#goingOn = true;
    const { control, handshakes, eventsHandled } = this.#parts;
    const until = milliseconds(now() + SLICE_MS);
    const events = this.#events;
    while (this.#eventAt < events.length) {
      const event = events[this.#eventAt++];
      const last = this.#eventAt === events.length || now() >= until;
      control.handle(event, !last && this.#eventAt % EVENTS_TOGETHER !== 0);
      if (last) break;
    }
    const hasHandledAll = this.#eventAt === events.length;
    if (hasHandledAll && events.length > 0) {
      this.#events = [];
      this.#eventAt = 0;
      eventsHandled();
    }
    this.#count(control.takeHandshakes(until));
    this.#goingOn = false;
    if (handshakes.waiting > 0 || this.#events.length > 0) this.#goOn();
  }

  #count(taken: number): void {
    this.#taken += taken;
    if (this.#taken < UNDER_LOAD_QUEUE) return;
    this.#taken = 0;
    this.#parts.flooded();
  }

  #goOn(): void {
    if (this.#goingOn) return;
    this.#goingOn = true;
    setTimeout(() => this.#handle(), 0);
  }
}
