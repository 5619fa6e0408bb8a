/**
 * The control plane of one interface: peers, handshakes, key rotation, timers and configuration. It does no I/O and reads no
 * clock: datagrams, events and the time go in; datagrams, commands for the data plane and log lines come out.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import type { DeviceChange, DeviceStatus } from "../base/config.ts";
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { Suite } from "../crypto/suite.ts";

/** What a device is made of. */
export interface DeviceOptions {
  readonly suite: Suite;
  /** Fills the array with unpredictable bytes. */
  readonly random: (into: Uint8Array) => void;
  /** The wall clock: nanoseconds since 1970. It may step; it is read for TAI64N and "last handshake" only. */
  readonly wallClock: () => bigint;
  /** Shared with the data plane. */
  readonly table: PeerTable;
  /** How many handshake messages wait to be handled; decides about "under load". */
  readonly handshakesWaiting: () => number;
  /** Only tests give others than STANDARD_TIMES. */
  readonly times?: Times;
}

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

/** One interface's control plane. After every call that takes `now`, take the outputs and look at `nextDeadline`. */
export class Device {
  constructor(_options: DeviceOptions) {}

  /**
   * Merges a change: everything in it is checked first, then it is applied whole.
   * @throws ConfigError when something in it is wrong; then nothing has changed
   */
  configure(_change: DeviceChange, _now: Milliseconds): void {}

  /** The interface as it is. */
  status(): DeviceStatus {
    throw new Error("not yet");
  }

  /** Call when the interface went up or down, or its MTU changed, and once at start. A new device is down. */
  link(_up: boolean, _mtu: number, _now: Milliseconds): void {}

  /** Call with every event of the data plane, in order. */
  handle(_event: DataEvent, _now: Milliseconds): void {}

  /** Call at `nextDeadline` or later. */
  tick(_now: Milliseconds): void {}

  /** When `tick` wants to be called next; undefined while nothing is pending. */
  nextDeadline(): Milliseconds | undefined {
    return undefined;
  }

  /** Takes what is to be done. Call after each of the above. */
  takeOutputs(): DeviceOutputs {
    return { commands: [], datagrams: [], log: [] };
  }
}
