/**
 * Collects what a device wants done until its owner takes it.
 * @module
 */
import type { Milliseconds, PeerSlot, PublicKey } from "../base/brands.ts";
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { DataCommand } from "../base/messages.ts";

/** Log lines a second; what is more is counted. Strangers can cause lines, at the rate at which they send. */
export const LOG_LINES_PER_SECOND = 200;

/** A handshake message to send, with HANDSHAKE_TOS, from `local` when it is known. */
export interface OutgoingDatagram {
  /** The message: 148, 92 or 64 bytes. */
  readonly bytes: Uint8Array;
  /** Where to send it. */
  readonly endpoint: Endpoint;
  /** From which of our addresses; undefined leaves the choice to the kernel. */
  readonly local: LocalAddress | undefined;
  /** Undefined for a cookie reply. When a send with `local` fails because of it, send without. */
  readonly peer: PeerSlot | undefined;
}

/** What became of a handshake with a peer. */
export type DeviceEvent =
  /**
   * Both sides have a new session: the first one, or one that takes an older one's place.
   * The initiator knows it from the response, the responder from the first data message.
   */
  | {
    readonly type: "handshake-completed";
    readonly publicKey: PublicKey;
    readonly initiator: boolean;
  }
  /** The peer did not answer for `Times.rekeyAttempt`: its staged packets were dropped. */
  | { readonly type: "handshake-failed"; readonly publicKey: PublicKey };

/** What a device wants done. Commands come before datagrams: a session is known before its response leaves. */
export interface DeviceOutputs {
  /** For the data plane, in order. */
  readonly commands: DataCommand[];
  /** Handshake messages to send, in order. */
  readonly datagrams: OutgoingDatagram[];
  /** Debug messages, only while `debug` is on. */
  readonly log: string[];
  /** What is wrong with the configuration or the routes, whether `debug` is on or not. */
  readonly faults: string[];
  /** For whoever embeds the device; the daemon has no use for them. */
  readonly events: DeviceEvent[];
}

/** The outputs of one device. */
export class Outputs {
  /** Whether log lines are wanted. */
  debug = false;
  #second = 0;
  #lines = 0;
  #taken: DeviceOutputs = nothing();

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

  /** Adds an event. */
  event(event: DeviceEvent): void {
    this.#taken.events.push(event);
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
    this.#taken = nothing();
    return taken;
  }
}

function nothing(): DeviceOutputs {
  return { commands: [], datagrams: [], log: [], faults: [], events: [] };
}
