/**
 * What happens to an interface and its peers, for `wg monitor`, the journal and hooks. The device
 * and the daemon make events; the control socket passes them on as records (lib/uapi/events.ts).
 * @module
 */
import type { PublicKey } from "./brands.ts";
import type { CounterName } from "./counters.ts";
import type { Endpoint } from "./endpoint.ts";

/** Every kind of event and its meaning, in the order of the help. */
export const EVENTS = [
  ["up", "The interface is up."],
  ["down", "The interface is down. Its sessions have ended."],
  ["connected", "A peer has a session, and had none before."],
  ["disconnected", "A peer has no session any more."],
  ["handshake", "A handshake has completed: about every two minutes while packets pass."],
  ["unanswered", "A peer has not answered handshakes for 90 seconds. No more are sent for now."],
  ["roamed", "A peer sends from another address, and packets to it go there."],
  ["key-expired", "The keys of a session were used for 180 seconds and not renewed."],
  ["refused", "A message of a peer or a stranger was refused."],
  ["changed", "A process has changed the configuration."],
  ["missed", "This reader was too slow, and events are missing here."],
] as const;

/** The kind of an event. */
export type EventKind = typeof EVENTS[number][0];

/** Whether a word is the kind of an event. */
export const isEventKind = (word: string): word is EventKind =>
  EVENTS.some(([kind]) => kind === word);

/**
 * Why a message was refused, by the counter that counts it. A stranger's messages for which no
 * sender is known, such as damaged ones, are only counted.
 */
export const REFUSALS = {
  handshake_mac1_wrong: "it is made for another public key than that of this interface",
  handshake_initiation_forged: "the initiation could not be decrypted",
  handshake_unknown_peer: "its sender is not a peer",
  handshake_weak_key: "the public key of its sender is of small order",
  handshake_disabled: "the peer is disabled",
  handshake_replayed: "the initiation is replayed, or the peer's clock is behind",
  handshake_too_often: "the peer sends too many initiations",
  handshake_no_index: "no session index or key slot is free",
  handshake_response_forged: "the response could not be decrypted; often the preshared keys differ",
  rx_unallowed_source: "the source of a packet is not in the peer's allowed IPs",
} as const satisfies Partial<Record<CounterName, string>>;

/** Why a message was refused: the name of a counter. */
export type Refusal = keyof typeof REFUSALS;

/** Whether there are events for a counter. */
export const isRefusal = (name: string): name is Refusal => Object.hasOwn(REFUSALS, name);

/** Why a peer has no session any more. */
export const DISCONNECTIONS = {
  expired: "its session was not renewed",
  down: "the interface went down",
  disabled: "the peer was disabled",
  removed: "the peer was removed",
  "key-changed": "the private key of the interface was changed",
  cloned: "this machine is a clone or was restored",
} as const;

/** Why a peer has no session any more. */
export type Disconnection = keyof typeof DISCONNECTIONS;

/** The peer of an event. */
export interface EventPeer {
  /** 32 bytes. */
  readonly publicKey: PublicKey;
  /** The description of the peer; empty when it has none, and for a stranger. */
  readonly description: string;
}

/** An event of the control plane. */
export type DeviceEvent =
  | { readonly kind: "up" | "down" }
  | {
    readonly kind: "connected" | "unanswered";
    readonly peer: EventPeer;
    readonly endpoint: Endpoint | undefined;
  }
  | { readonly kind: "disconnected"; readonly peer: EventPeer; readonly why: Disconnection }
  | {
    readonly kind: "handshake";
    readonly peer: EventPeer;
    readonly endpoint: Endpoint | undefined;
    /** Whether this side began the handshake. */
    readonly initiator: boolean;
  }
  | {
    readonly kind: "roamed";
    readonly peer: EventPeer;
    readonly before: Endpoint;
    readonly endpoint: Endpoint;
  }
  | { readonly kind: "key-expired"; readonly peer: EventPeer }
  | {
    readonly kind: "refused";
    readonly why: Refusal;
    /** The sender, if it is known. For `handshake_unknown_peer` it is a stranger. */
    readonly peer: EventPeer | undefined;
    readonly endpoint: Endpoint | undefined;
    /** Refused messages before this one that have no event, because they were too many. */
    readonly leftOut: number;
  };

/** A process that has connected to the control socket (unix(7), SO_PEERCRED). */
export interface ConnectedProcess {
  readonly uid: number;
  /** 0 when the process is in another process namespace. */
  readonly pid: number;
  /** The name of the program, e.g. `wg`; empty when it is not known. */
  readonly program: string;
}

/** An event of the interface: one of the control plane, or a change by a process. */
export type InterfaceEvent =
  | DeviceEvent
  | {
    readonly kind: "changed";
    /** What was changed, in words such as `listen port` or `peer NAME`. */
    readonly changed: readonly string[];
    /** The process; undefined when it is not known. */
    readonly by: ConnectedProcess | undefined;
  };
