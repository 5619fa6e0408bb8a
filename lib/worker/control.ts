/**
 * Drives a Device: after every input it carries out the outputs, and sets a timer for the next
 * deadline. It works with every kind of data plane and socket.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import type { DeviceChange } from "../base/config.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { Device, DeviceEvent, NameAnswer, OutgoingDatagram } from "../device/device.ts";

/** The longest timer: setTimeout has 31 bits, and timers are late after a suspend. */
const TIMER_MAX_MS = 60_000;

/**
 * Handshake messages whose outputs are carried out together, because each message to the Worker
 * wakes it. The first of them waits for its response until the last one is done, 3 ms.
 */
const HANDSHAKES_TOGETHER = 16;

/** The parts of a control driver. */
export interface ControlOptions {
  readonly device: Device;
  readonly now: () => Milliseconds;
  /** The handshake memory that the device and the data plane share. */
  readonly handshakes: HandshakeMemory;
  /** Sends commands to the data plane, in order. */
  readonly command: (commands: readonly DataCommand[]) => void;
  /** Sends a handshake message. Returns an errno when it could not be sent, otherwise 0. */
  readonly send: (datagram: OutgoingDatagram) => number | void;
  readonly log: (line: string) => void;
  /** Logs a message about a mistake in the configuration or the routes; by default `log`. */
  readonly fault?: (line: string) => void;
  /** Logs a message that every log shall have; by default `log`. */
  readonly note?: (line: string) => void;
  /**
   * Begins to look up a host. Call `lookedUp` with its answer. Without this function no name
   * resolves.
   */
  readonly lookUp?: (host: string) => void;
  /** Called for every event of the device. */
  readonly event?: (event: DeviceEvent) => void;
  /** Sets a timer and returns a function that stops it; by default setTimeout. */
  readonly timer?: (callback: () => void, delayMs: number) => () => void;
}

/** Drives one device. */
export class ControlDriver {
  readonly #options: ControlOptions;
  #deadline: number | undefined;
  #stopTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Applies a change; see Device.configure. @throws ConfigError for a wrong value */
  configure(change: DeviceChange): void {
    this.#options.device.configure(change, this.#options.now());
    this.#settle();
  }

  /** Sets the state of the link; see Device.link. */
  link(up: boolean, mtu: number, dropWaiting = false): void {
    this.#options.device.link(up, mtu, this.#options.now(), dropWaiting);
    this.#settle();
  }

  /**
   * Handles an event of the data plane. Call it in order.
   * @param more whether another event follows at once, with whose outputs these are carried out
   */
  handle(event: DataEvent, more = false): void {
    this.#options.device.handle(event, this.#options.now());
    if (!more) this.#settle();
  }

  /**
   * Handles waiting handshake messages until the time `until`. Returns the number of messages
   * handled. If none waits afterwards, the data plane reports the next ones.
   */
  takeHandshakes(until: Milliseconds): number {
    const { device, handshakes, now } = this.#options;
    handshakes.heard();
    let taken = 0;
    for (let message = handshakes.take(); message !== undefined; message = handshakes.take()) {
      const at = now();
      device.receive(message, at);
      if (++taken % HANDSHAKES_TOGETHER === 0) this.#settle();
      if (at >= until) break;
    }
    if (taken > 0) this.#settle();
    return taken;
  }

  /** Takes the answer of `ControlOptions.lookUp`. */
  lookedUp(host: string, answer: NameAnswer): void {
    if (this.#closed) return;
    this.#options.device.lookedUp(host, answer, this.#options.now());
    this.#settle();
  }

  /** Ends all sessions and begins new ones; see Device.renewSessions. */
  renewSessions(): void {
    this.#options.device.renewSessions(this.#options.now());
    this.#settle();
  }

  /** Stops the timer. No outputs are carried out afterwards. */
  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
  }

  #settle(): void {
    if (this.#closed) return;
    const { device, command, send, log, fault = log, note = log, now } = this.#options;
    const outputs = device.takeOutputs();
    if (outputs.commands.length > 0) command(outputs.commands);
    // Before what is said of a message that cannot be sent.
    for (const line of outputs.log) log(line);
    for (const line of outputs.faults) fault(line);
    for (const line of outputs.notes) note(line);
    let hasUnsent = false;
    for (const datagram of outputs.datagrams) {
      const errno = send(datagram) ?? 0;
      if (errno === 0) device.sent(datagram, now());
      else {
        device.unsent(datagram, errno, now());
        hasUnsent = true;
      }
    }
    for (const event of outputs.events) this.#options.event?.(event);
    for (const host of outputs.lookUps) this.#options.lookUp?.(host);
    // An unsent message goes to the next address of its peer. Each of them is tried once.
    if (hasUnsent) return this.#settle();
    const deadline = device.nextDeadline();
    if (deadline === this.#deadline && this.#stopTimer !== undefined) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#deadline = deadline;
    if (deadline === undefined) return;
    const delay = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(deadline - now())));
    this.#stopTimer = (this.#options.timer ?? systemTimer)(() => this.#tick(), delay);
  }

  /**
   * Runs the timers that are overdue. Call it every second: the runtime's timers stand still while
   * the machine sleeps, and come late by as much.
   */
  wake(): void {
    if (this.#closed || this.#deadline === undefined) return;
    if (this.#options.now() < this.#deadline) return;
    this.#stopTimer?.();
    this.#tick();
  }

  #tick(): void {
    this.#stopTimer = undefined;
    const now = this.#options.now();
    if (this.#deadline !== undefined && now >= this.#deadline) this.#options.device.tick(now);
    this.#settle();
  }
}

function systemTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
