/**
 * What goes into tunnels and what comes out. Holds: what is delivered was sent, unchanged, to this
 * node, once, by the node whose address is its source, under a key that may be used.
 * @module
 */
import assert from "node:assert/strict";
import { destinationOf, isIcmp, numberOf, sourceOf } from "../traffic.ts";
import type { Node, World } from "../world.ts";
import type { RangeBook } from "./range_book.ts";
import type { BookedSession, OpenedMessage, SessionBook } from "./session_book.ts";

/** A packet that was put into a tunnel. */
interface Sending {
  readonly packet: Uint8Array;
  readonly from: Node;
  /** Undefined when the ranges of the sender's peers decide. */
  readonly to: Node | undefined;
  /** Whether its source is the sender's; undefined when the receiver's ranges decide. */
  readonly allowed: boolean | undefined;
  readonly sentAt: number;
  /** The session that it was sealed with, and its bytes on the wire. */
  session: BookedSession | undefined;
  wireBytes: number;
  /** When it came out; undefined while it has not. */
  arrivedAt: number | undefined;
}

/** Follows packets by their numbers. */
export class Deliveries {
  readonly #sendings: Sending[] = [];
  readonly #received = new Map<BookedSession, number>();
  readonly #injected = new Map<Node, number>();

  constructor(
    readonly world: World,
    readonly book: () => SessionBook,
    readonly ranges: RangeBook,
  ) {}

  /** The number of the next packet. */
  get next(): number {
    return this.#sendings.length;
  }

  /** How many came out. */
  get arrived(): number {
    return this.#sendings.filter(({ arrivedAt }) => arrivedAt !== undefined).length;
  }

  /** Puts the packet with the number `next` in. */
  send(
    from: Node,
    to: Node | undefined,
    packet: Uint8Array,
    allowed: boolean | undefined,
  ): number {
    const sentAt = this.world.now;
    const sending = { packet, from, to, allowed, sentAt, session: undefined, wireBytes: 0 };
    const number = this.#sendings.push({ ...sending, arrivedAt: undefined }) - 1;
    if (from.tun.inject(packet)) this.#injected.set(from, this.injectedAt(from) + 1);
    return number;
  }

  /** When a packet came out; undefined while it has not. */
  arrivedAt(number: number): number | undefined {
    return this.#sendings[number].arrivedAt;
  }

  /** How many packets were put in at a node. */
  injectedAt(node: Node): number {
    return this.#injected.get(node) ?? 0;
  }

  /** Bytes on the wire of what came out at a node of the peer in a slot. */
  receivedBytes(node: Node, slot: number): number {
    let bytes = 0;
    for (const [session, received] of this.#received) {
      if (session.node === node && session.slot === slot) bytes += received;
    }
    return bytes;
  }

  /** A node has lost what it had read and what waited. */
  restarted(node: Node): void {
    this.#injected.delete(node);
  }

  /** Call with every message that was sent. */
  sealed({ session, inner, wireBytes }: OpenedMessage): void {
    if (inner.length === 0) return;
    const sending = this.#sendings[numberOf(inner)];
    assert.ok(sending !== undefined, "a packet was sealed that nobody sent");
    const { packet } = sending;
    assert.ok(session.node === sending.from, "a packet was sealed by another node");
    assert.deepEqual(inner.subarray(0, packet.length), packet, "a packet was changed");
    assert.ok(inner.subarray(packet.length).every((byte) => byte === 0), "padding is not zero");
    assert.ok(sending.session === undefined, "a packet was sealed twice");
    const owners = session.node.senders.flatMap((plane) =>
      this.ranges.ownersSince(plane, destinationOf(packet), sending.sentAt)
    );
    assert.ok(
      session.slot === undefined || owners.includes(session.slot),
      "a packet was sealed for a peer that does not own its destination",
    );
    sending.session = session;
    sending.wireBytes = wireBytes;
  }

  /** Call with every packet that comes out at a node. */
  delivered(node: Node, packet: Uint8Array): void {
    if (isIcmp(packet)) return;
    const number = numberOf(packet);
    const sending = this.#sendings[number];
    assert.ok(sending !== undefined, "delivered: a packet that nobody sent");
    assert.deepEqual(packet, sending.packet, `delivered: packet ${number} is changed`);
    assert.ok(
      node === (sending.to ?? node),
      `delivered: packet ${number} came out at another node`,
    );
    assert.ok(
      sending.allowed !== false,
      `delivered: packet ${number} has a source that is not allowed`,
    );
    assert.equal(sending.arrivedAt, undefined, `delivered: packet ${number} came out twice`);
    assert.ok(sending.session !== undefined, `delivered: packet ${number} was never sealed`);
    const session = this.book().receiverOf(sending.session);
    assert.ok(session?.node === node, `delivered: packet ${number} by a key of another node`);
    const plane = node.receiverOf(session.localIndex);
    this.book().assertUsable(session, [plane], "opens");
    assert.ok(
      this.ranges.owner(plane, sourceOf(packet)) === session.slot,
      `delivered: packet ${number} has a source of another peer`,
    );
    sending.arrivedAt = this.world.now;
    this.#received.set(session, (this.#received.get(session) ?? 0) + sending.wireBytes);
  }
}
