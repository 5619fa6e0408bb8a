/**
 * Collects what a device wants done until its owner takes it.
 * @module
 */
import type { PeerSlot } from "../base/brands.ts";
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { DataCommand } from "../base/messages.ts";

/** Log lines kept between two takes; more are dropped. */
const LOG_LINES_MAX = 1_000;

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
}

/** The outputs of one device. */
export class Outputs {
  /** Whether log lines are wanted. */
  debug = false;
  #taken: DeviceOutputs = { commands: [], datagrams: [], log: [] };

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
    if (!this.debug || this.#taken.log.length >= LOG_LINES_MAX) return;
    this.#taken.log.push(where === undefined ? text : `${text} (${formatEndpoint(where)})`);
  }

  /** Hands everything over and starts anew. */
  take(): DeviceOutputs {
    const taken = this.#taken;
    this.#taken = { commands: [], datagrams: [], log: [] };
    return taken;
  }
}
