/**
 * Bytes and counts. Holds, when all is quiet: every datagram and packet that came has one verdict,
 * and the bytes of each peer are those that went over the wire.
 * @module
 */
import assert from "node:assert/strict";
import { peerSlot } from "../../../lib/base/brands.ts";
import {
  COOKIE_REPLY_LENGTH,
  DATA_LENGTH_MIN,
  INITIATION_LENGTH,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_DATA,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  RESPONSE_LENGTH,
} from "../../../lib/base/constants.ts";
import type { CounterName } from "../../../lib/base/counters.ts";
import { messageKind } from "../../../lib/wire/messages.ts";
import type { Node, Witness } from "../world.ts";
import type { Deliveries } from "./deliveries.ts";
import type { SessionBook } from "./session_book.ts";

/** What becomes of a datagram: each counts under one of these. */
export const DATAGRAM_VERDICTS: readonly CounterName[] = [
  "rx_opened",
  "rx_link_down",
  "rx_malformed",
  "rx_no_session",
  "rx_expired",
  "rx_unauthentic",
  "rx_replayed",
  "handshake_no_private_key",
  "handshake_queue_full",
  "handshake_malformed",
  "handshake_link_down",
  "handshake_mac1_wrong",
  "handshake_mac2_wrong",
  "handshake_rate_limited",
  "handshake_initiation_forged",
  "handshake_initiation_accepted",
  "handshake_unknown_peer",
  "handshake_replayed",
  "handshake_too_often",
  "handshake_disabled",
  "handshake_no_index",
  "handshake_unknown_index",
  "handshake_response_forged",
  "handshake_response_accepted",
  "cookie_accepted",
  "cookie_unknown_index",
  "cookie_forged",
];
/** What becomes of a packet that is read from the TUN device. */
export const PACKET_VERDICTS: readonly CounterName[] = [
  "tx_sealed",
  "tx_link_down",
  "tx_malformed",
  "tx_no_peer",
  "tx_no_endpoint",
  "tx_disabled",
  "tx_looped",
  "tx_too_long",
  "tx_staged_dropped",
];

/** Bytes of a packet whose source is not allowed, so that a count of them tells their bytes. */
export const UNALLOWED_PACKET_BYTES = 64;
const UNALLOWED_WIRE_BYTES = UNALLOWED_PACKET_BYTES + DATA_LENGTH_MIN;

/** Datagrams of a node, by kind. */
type Tally = Map<number, number>;

/** Counts what goes over the wire, and compares. */
export class Ledger implements Witness {
  readonly #sent = new Map<Node, Tally>();
  readonly #arrived = new Map<Node, number>();

  constructor(readonly book: SessionBook, readonly deliveries: Deliveries) {}

  sent(node: Node, bytes: Uint8Array): void {
    const kind = messageKind(bytes);
    const tally = this.#sent.get(node) ?? new Map();
    this.#sent.set(node, tally.set(kind, (tally.get(kind) ?? 0) + 1));
  }

  arrived(node: Node): void {
    this.#arrived.set(node, (this.#arrived.get(node) ?? 0) + 1);
  }

  restarted(node: Node): void {
    this.#sent.delete(node);
    this.#arrived.delete(node);
  }

  /** Fails when something does not add up. Call when nothing is under way any more. */
  assertBalanced(node: Node): void {
    const counts = node.counts();
    const sum = (names: readonly CounterName[]) =>
      names.reduce((total, name) => total + counts[name], 0);
    const told = JSON.stringify(counts);
    const arrived = this.#arrived.get(node) ?? 0;
    assert.equal(counts.rx_datagrams, arrived, `datagrams received: ${told}`);
    assert.equal(sum(DATAGRAM_VERDICTS), arrived, `verdicts on datagrams: ${told}`);
    const injected = this.deliveries.injectedAt(node);
    assert.equal(counts.tun_reads, injected, `packets read: ${told}`);
    assert.equal(
      sum(PACKET_VERDICTS) - counts.tx_keepalives,
      injected,
      `verdicts on packets: ${told}`,
    );
    const sent = (kind: number) => this.#sent.get(node)?.get(kind) ?? 0;
    assert.equal(counts.tx_sealed, sent(MESSAGE_DATA), `data messages: ${told}`);
    assert.equal(counts.handshake_initiation_sent, sent(MESSAGE_INITIATION), "initiations");
    assert.equal(counts.handshake_response_sent, sent(MESSAGE_RESPONSE), "responses");
    assert.equal(counts.cookie_sent, sent(MESSAGE_COOKIE_REPLY), "cookie replies");
    this.#assertPeers(node);
  }

  #assertPeers(node: Node): void {
    const { peers } = node.device.status();
    for (let slot = 0, left = peers.length; left > 0; slot++) {
      const key = node.device.publicKeyAt(peerSlot(slot));
      const peer = peers.find(({ publicKey }) => publicKey === key);
      if (peer === undefined) continue;
      left--;
      const count = (name: keyof NonNullable<typeof peer.counters>) => peer.counters?.[name] ?? 0;
      const tx = this.book.sentBytes(node, slot) +
        count("handshake_initiation_sent") * INITIATION_LENGTH +
        count("handshake_response_sent") * RESPONSE_LENGTH;
      assert.equal(peer.txBytes, tx, "bytes sent to a peer do not add up");
      const rx = this.deliveries.receivedBytes(node, slot) +
        count("rx_keepalives") * DATA_LENGTH_MIN +
        count("rx_unallowed_source") * UNALLOWED_WIRE_BYTES +
        count("handshake_initiation_accepted") * INITIATION_LENGTH +
        count("handshake_response_accepted") * RESPONSE_LENGTH +
        count("cookie_accepted") * COOKIE_REPLY_LENGTH;
      assert.equal(peer.rxBytes, rx, "bytes received from a peer do not add up");
    }
  }
}
