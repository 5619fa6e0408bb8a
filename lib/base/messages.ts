/**
 * Everything that passes between the control plane (handshake, timers, configuration) and the data plane (packets).
 * Commands go down, events come up, and the data plane writes what it sees of each peer into the shared `PeerTable`.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "./brands.ts";
import type { AllowedIp, Endpoint, LocalAddress } from "./endpoint.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** Control to data. A batch is applied in order, between two turns of the packet loop. */
export type DataCommand =
  /** A new peer takes `peer`, whose row of the table was cleared. Where it is, now and later, stands there. */
  | { readonly type: "peer-add"; readonly peer: PeerSlot }
  /** Forgets the peer: staged packets dropped, sessions wiped, allowed IPs removed. */
  | { readonly type: "peer-remove"; readonly peer: PeerSlot }
  /** `replace` empties the peer's list first; then `remove`, then `add` (a range of another peer moves). */
  | {
    readonly type: "allowed-ips";
    readonly peer: PeerSlot;
    readonly replace: boolean;
    readonly remove: readonly AllowedIp[];
    readonly add: readonly AllowedIp[];
  }
  /**
   * A handshake gave a session. The initiator's (`initiator: true`) is used for sending at once: staged packets leave on
   * it, or a keepalive when there are none. The responder's is used for sending once a data message came in by it
   * (key confirmation), which the data plane reports with `session-confirmed`. A responder's session that is not confirmed
   * when an initiator's is installed stays open for receiving only. `PeerTable.handshakeSent` and `handshakeReceived` are called first.
   */
  | {
    readonly type: "session-install";
    readonly peer: PeerSlot;
    readonly initiator: boolean;
    readonly localIndex: SessionIndex;
    readonly remoteIndex: SessionIndex;
    readonly sendKey: Uint8Array;
    readonly receiveKey: Uint8Array;
    readonly createdAt: Milliseconds;
  }
  /**
   * The answer to `session-confirmed`, when the session is still the peer's next one. Where one data plane sends and another receives, this tells
   * the first to use it: staged packets leave on it. To who confirmed it himself it says nothing.
   */
  | { readonly type: "session-promote"; readonly peer: PeerSlot; readonly localIndex: SessionIndex }
  /** Wipes one session. It is unknown from then on, and the index may be used again. */
  | { readonly type: "session-retire"; readonly localIndex: SessionIndex }
  /** Drops the packets that wait for a handshake. */
  | { readonly type: "staged-drop"; readonly peer: PeerSlot }
  /** Sends a keepalive if there is a session to send on; otherwise nothing. */
  | { readonly type: "keepalive-send"; readonly peer: PeerSlot }
  /** The key for checking mac1 of incoming handshake messages: HASH("mac1----" || our public key), 32 bytes; undefined without a private key. */
  | { readonly type: "mac1-key"; readonly key: Uint8Array | undefined }
  /** The interface went up or down (down: packets from both sides are dropped), or its MTU changed. */
  | { readonly type: "link"; readonly up: boolean; readonly mtu: number }
  /** Our own addresses where the interface is changed; a new data plane knows none. */
  | { readonly type: "own-addresses"; readonly own: OwnAddresses }
  /** Whether `notice` events are wanted. */
  | { readonly type: "debug"; readonly on: boolean };

/** What a `notice` tells: material for OpenBSD's debug messages. */
export type Notice =
  | "invalid-initiation-mac"
  | "invalid-response-mac"
  | "keepalive-received"
  | "keepalive-sent"
  | "unallowed-source"
  | "no-endpoint"
  | "not-ip";

/** Data to control. */
export type DataEvent =
  /** An initiation or response whose mac1 is right, or a cookie reply; of the right length. At most HANDSHAKE_QUEUE_MAX wait. */
  | {
    readonly type: "handshake-datagram";
    readonly datagram: Uint8Array;
    readonly source: Endpoint;
    readonly local: LocalAddress | undefined;
  }
  /** There is no session to send on, or it wants renewing. Said once; the control plane answers by `PeerTable.clearWanted`. */
  | { readonly type: "handshake-wanted"; readonly peer: PeerSlot }
  /** The first data message on a responder's session came in: it is the current one now. */
  | {
    readonly type: "session-confirmed";
    readonly peer: PeerSlot;
    readonly localIndex: SessionIndex;
  }
  /** The peer's row of the table changed for the first time since `PeerTable.clearActive`. */
  | { readonly type: "peer-active"; readonly peer: PeerSlot }
  /**
   * A message to `peer` came back as a packet and was dropped: the way to its endpoint leads into
   * the interface and through `through`, which is the peer itself or leads back to it. At most once
   * a minute for each peer.
   */
  | { readonly type: "loop"; readonly peer: PeerSlot; readonly through: PeerSlot }
  /** Only while debugging, and at most a few a second. */
  | {
    readonly type: "notice";
    readonly notice: Notice;
    readonly peer: PeerSlot | undefined;
    readonly source: Endpoint | undefined;
  };
