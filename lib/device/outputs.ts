/**
 * Collects what a device wants done until its owner takes it.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { DataCommand } from "../base/messages.ts";

/** Log lines a second; what is more is counted. Strangers can cause lines, at the rate at which they send. */
export const LOG_LINES_PER_SECOND = 200;

/** A handshake message to send, with HANDSHAKE_TOS, from `local` when it is known. */
export interface OutgoingDatagram {
  readonly bytes: Uint8Array;
  readonly endpoint: Endpoint;
  readonly local: LocalAddress | undefined;
  /** Undefined for a cookie reply. When a send with `local` fails because of it, send without. */
  readonly peer: PeerSlot | undefined;
}

/** What a device wants done. Commands come before datagrams: a session is known before its response leaves. */
export interface DeviceOutputs {
  readonly commands: DataCommand[];
  readonly datagrams: OutgoingDatagram[];
  /** Debug messages, only while `debug` is on. */
  readonly log: string[];
  /** What is wrong with the configuration or the routes, whether `debug` is on or not. */
  readonly faults: string[];
}

/** The outputs of one device. */
export class Outputs {
  /** Whether log lines are wanted. */
  debug = false;
  #second = 0;
  #lines = 0;
  #taken: DeviceOutputs = { commands: [], datagrams: [], log: [], faults: [] };

  /** Call with the time before anything is said. */
  at(now: Milliseconds): void {
    if (now - this.#second < 1_000) return;
    const leftOut = this.#lines - LOG_LINES_PER_SECOND;
    this.#second = now;
    this.#lines = 0;
    if (leftOut > 0) this.say(`${leftOut} messages left out`);
  }

  /** Adds a command for the data plane. */
  command(command: DataCommand): void {
    this.#taken.commands.push(command);
  }

  /** Adds a datagram. */
  datagram(datagram: OutgoingDatagram): void {
    this.#taken.datagrams.push(datagram);
  }

  /** Adds a line to the log, with the address behind it, while debugging. */
  say(text: string, where?: Endpoint): void {
    if (!this.debug || ++this.#lines > LOG_LINES_PER_SECOND) return;
    this.#taken.log.push(where === undefined ? text : `${text} (${formatEndpoint(where)})`);
  }

  /** Says what is wrong, whether debugging or not. */
  complain(text: string): void {
    if (++this.#lines <= LOG_LINES_PER_SECOND) this.#taken.faults.push(text);
  }

  /** Hands everything over and starts anew. */
  take(): DeviceOutputs {
    const taken = this.#taken;
    this.#taken = { commands: [], datagrams: [], log: [], faults: [] };
    return taken;
  }
}
