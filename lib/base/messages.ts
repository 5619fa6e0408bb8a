/**
 * The messages between the control plane (handshakes, timers, configuration) and the data plane
 * (packets). The control plane sends commands, the data plane sends events. What the data plane
 * learns about each peer it writes to the shared `PeerTable`.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "./brands.ts";
import type { CaptureFilter } from "./capture_filter.ts";
import type { AllowedIp, Endpoint } from "./endpoint.ts";
import type { EvidenceKind } from "./evidence.ts";
import type { Refusal } from "./events.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** A command of the control plane for the data plane. Commands are applied in order. */
export type DataCommand =
  /** Adds a peer. The peer's row of the table is cleared before, and holds its endpoint after. */
  | { readonly type: "peer-add"; readonly peer: PeerSlot }
  /** Removes a peer: its staged packets are dropped, sessions wiped and allowed IPs removed. */
  | { readonly type: "peer-remove"; readonly peer: PeerSlot }
  /**
   * Disables a peer, or enables it. Packets to a disabled peer are refused. Its sessions are
   * retired by commands that follow.
   */
  | { readonly type: "peer-disable"; readonly peer: PeerSlot; readonly on: boolean }
  /**
   * Changes a peer's allowed IPs. With `replace` all its ranges are removed first. Then `remove`
   * and `add` are applied. A range of another peer moves to this one.
   */
  | {
    readonly type: "allowed-ips";
    readonly peer: PeerSlot;
    readonly replace: boolean;
    readonly remove: readonly AllowedIp[];
    readonly add: readonly AllowedIp[];
  }
  /**
   * Installs the session of a handshake. `createdAt` is the time of the handshake. The keys wait in
   * the slot `keySlot` of `HandshakeMemory.sessionKeys`.
   *
   * The initiator (`initiator: true`) sends on the session at once: the staged packets of the peer,
   * or a keepalive when there are none. The responder sends on it after a data message was received
   * on it (key confirmation); the data plane then reports `session-confirmed`. A responder's
   * session that is not confirmed when an initiator's is installed only receives from then on.
   *
   * First the sending data plane, of several the first one, calls `PeerTable.handshakeSent`, and
   * the receiving one `handshakeReceived`.
   *
   * `counter` is there when several data planes send: one word, the counter of the next message.
   */
  | {
    readonly type: "session-install";
    readonly peer: PeerSlot;
    readonly initiator: boolean;
    readonly localIndex: SessionIndex;
    readonly remoteIndex: SessionIndex;
    readonly keySlot: number;
    readonly counter?: SharedArrayBuffer;
    readonly createdAt: Milliseconds;
  }
  /**
   * Makes a confirmed session the current one and sends the staged packets on it. The control plane
   * answers `session-confirmed` with this command if the session is still the peer's `next`. A data
   * plane that only sends learns of the confirmation in this way. The data plane that confirmed the
   * session ignores the command.
   */
  | { readonly type: "session-promote"; readonly peer: PeerSlot; readonly localIndex: SessionIndex }
  /** Wipes a session. Its index may be used again afterwards. */
  | { readonly type: "session-retire"; readonly localIndex: SessionIndex }
  /** Drops the peer's packets that wait for a handshake. */
  | { readonly type: "staged-drop"; readonly peer: PeerSlot }
  /** Sends a keepalive if the peer has a session to send on. */
  | { readonly type: "keepalive-send"; readonly peer: PeerSlot }
  /**
   * Sets the state and MTU (bytes) of the link. While it is down all packets are dropped. With
   * `dropWaiting` the packets that the TUN device holds are dropped first.
   */
  | {
    readonly type: "link";
    readonly up: boolean;
    readonly mtu: number;
    readonly dropWaiting?: true;
  }
  /** Sets the local addresses. A new data plane knows none. */
  | { readonly type: "own-addresses"; readonly own: OwnAddresses }
  /**
   * Begins a capture, which replaces an earlier one, or ends it. The memory has room for the rings
   * of all data planes (`captureMemoryBytes`), of which so many send.
   */
  | {
    readonly type: "capture";
    readonly capture:
      | {
        readonly memory: SharedArrayBuffer;
        readonly senders: number;
        readonly filter: CaptureFilter;
      }
      | undefined;
  }
  /** Switches the `notice` events on or off that are no evidence. */
  | { readonly type: "debug"; readonly on: boolean };

/** The kinds of `notice`, one for each debug message of OpenBSD that concerns packets. */
export type Notice =
  | "invalid-initiation-mac"
  | "invalid-response-mac"
  | "unknown-response"
  | "unknown-cookie-reply"
  | "cookie-sent"
  | "keepalive-received"
  | "keepalive-sent"
  | "unallowed-source"
  | "no-endpoint"
  | "not-ip"
  | "own-source"
  | "no-peer"
  | "send-failed"
  | "rate-limited"
  | "path-error";

/** The notices that are events too (lib/base/events.ts), by the reason of the refusal. */
export const REFUSAL_NOTICES: Readonly<Partial<Record<Notice, Refusal>>> = {
  "invalid-initiation-mac": "handshake_mac1_wrong",
  "invalid-response-mac": "handshake_mac1_wrong",
  "unallowed-source": "rx_unallowed_source",
};

/** The notices that are evidence (lib/base/evidence.ts), by its kind. */
export const EVIDENCE_NOTICES: Readonly<Partial<Record<Notice, EvidenceKind>>> = {
  "invalid-initiation-mac": "handshake_mac1_wrong",
  "invalid-response-mac": "handshake_mac1_wrong",
  "unallowed-source": "rx_unallowed_source",
  "own-source": "rx_own_source",
  "no-peer": "tx_no_peer",
  "no-endpoint": "tx_no_endpoint",
  "send-failed": "tx_send_failed",
  "rate-limited": "handshake_rate_limited",
  "path-error": "udp_icmp_errors",
};

/** An event that the data plane reports to the control plane. */
export type DataEvent =
  /**
   * Handshake messages wait in the `HandshakeMemory`, or the cookies' secret is too old. The event
   * is reported once until the control plane calls `HandshakeMemory.heard`.
   */
  | { readonly type: "handshakes-waiting" }
  /**
   * A peer has no session to send on, or its session is due for renewal. The event is reported once
   * until the control plane calls `PeerTable.clearWanted`.
   */
  | { readonly type: "handshake-wanted"; readonly peer: PeerSlot }
  /** The first data message on a responder's session was received. The session is now current. */
  | {
    readonly type: "session-confirmed";
    readonly peer: PeerSlot;
    readonly localIndex: SessionIndex;
  }
  /** The peer's row of the table changed for the first time since `PeerTable.clearActive`. */
  | { readonly type: "peer-active"; readonly peer: PeerSlot }
  /**
   * An authenticated data message came from another endpoint than `before`, and the peer's messages
   * go there. The event is reported once until the control plane calls `PeerTable.clearRoamed`.
   */
  | { readonly type: "endpoint-moved"; readonly peer: PeerSlot; readonly before: Endpoint }
  /**
   * A message to `peer` came back as a packet and was dropped, because the peer's endpoint is
   * routed into the interface. The allowed IPs of `through` contain the endpoint; `through` is the
   * peer itself, or a peer whose messages go through this one. Reported at most once a minute per
   * peer.
   */
  | { readonly type: "loop"; readonly peer: PeerSlot; readonly through: PeerSlot }
  /**
   * Something that a debug message tells, or evidence, such as a refused message. Those of
   * EVIDENCE_NOTICES are always reported, the others only after `debug`, all at a limited rate.
   * `detail` is that of the evidence. `leftOut` notices of the same kind were not reported before
   * this one, because they were too many.
   */
  | {
    readonly type: "notice";
    readonly notice: Notice;
    readonly peer: PeerSlot | undefined;
    readonly source: Endpoint | undefined;
    readonly detail?: string;
    readonly leftOut?: number;
  };
