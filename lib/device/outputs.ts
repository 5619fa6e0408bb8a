/**
 * Collects the outputs of a device until its owner takes them.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import type { DeviceEvent } from "../base/events.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { DataCommand } from "../base/messages.ts";

/** Log lines per second. Strangers cause lines as fast as they send, so more are only counted. */
export const LOG_LINES_PER_SECOND = 200;

/** A handshake message to send with HANDSHAKE_TOS. */
export interface OutgoingDatagram {
  /** An initiation or a response: 148 or 92 bytes. */
  readonly bytes: Uint8Array;
  /** The destination. */
  readonly endpoint: Endpoint;
  /**
   * The source address; undefined lets the kernel choose it. If a send fails because of the source
   * address, send again without it.
   */
  readonly local: LocalAddress | undefined;
  /** The peer that the message goes to. */
  readonly peer: PeerSlot;
}

/**
 * The outputs of a device. Process commands before datagrams, because a peer may use a session as
 * soon as it has received the response.
 */
export interface DeviceOutputs {
  /** Commands for the data plane, in order. */
  readonly commands: DataCommand[];
  /** Handshake messages to send, in order. */
  readonly datagrams: OutgoingDatagram[];
  /** Debug messages. There are none while `debug` is off. */
  readonly log: string[];
  /** Messages about mistakes in the configuration or the routes, also while `debug` is off. */
  readonly faults: string[];
  /** Messages that every log shall have, also while `debug` is off. */
  readonly notes: string[];
  /** Hosts to look up. Call `Device.lookedUp` once for each, whatever comes of it. */
  readonly lookUps: string[];
  /** What happened, for those who follow the interface. */
  readonly events: DeviceEvent[];
}

/** The outputs of one device. */
export class Outputs {
  /** Whether debug messages are collected. */
  debug = false;
  #second = 0;
  #lines = 0;
  #collected: DeviceOutputs = noOutputs();

  /** Sets the time, for the limit of lines. Call it before other methods. */
  at(now: Milliseconds): void {
    if (now - this.#second < 1_000) return;
    const leftOut = this.#lines - LOG_LINES_PER_SECOND;
    this.#second = now;
    this.#lines = 0;
    if (leftOut > 0) this.say(`${leftOut} messages left out`);
  }

  /** Adds a command for the data plane. */
  command(command: DataCommand): void {
    this.#collected.commands.push(command);
  }

  /** Adds a datagram. */
  datagram(datagram: OutgoingDatagram): void {
    this.#collected.datagrams.push(datagram);
  }

  /** Adds an event. */
  event(event: DeviceEvent): void {
    this.#collected.events.push(event);
  }

  /** Adds a debug message, with an address after it, while `debug` is on. */
  say(text: string, where?: Endpoint): void {
    if (!this.debug || ++this.#lines > LOG_LINES_PER_SECOND) return;
    this.#collected.log.push(where === undefined ? text : `${text} (${formatEndpoint(where)})`);
  }

  /** Adds a message about a mistake, also while `debug` is off. */
  complain(text: string): void {
    if (++this.#lines <= LOG_LINES_PER_SECOND) this.#collected.faults.push(text);
  }

  /** Adds a message that is no complaint, also while `debug` is off. */
  note(text: string): void {
    if (++this.#lines <= LOG_LINES_PER_SECOND) this.#collected.notes.push(text);
  }

  /** Has a host looked up. */
  lookUp(host: string): void {
    this.#collected.lookUps.push(host);
  }

  /** Returns all outputs and begins to collect new ones. */
  take(): DeviceOutputs {
    const collected = this.#collected;
    this.#collected = noOutputs();
    return collected;
  }
}

function noOutputs(): DeviceOutputs {
  return { commands: [], datagrams: [], log: [], faults: [], notes: [], lookUps: [], events: [] };
}
