/**
 * Every session of every node, read off the commands: every data message on the wire is opened with
 * the key that it must have been sealed with. Holds: no key seals or opens when it is retired or
 * too old, none outlives its time, and no counter is used twice with a key.
 * @module
 */
import assert from "node:assert/strict";
import {
  KEY_LENGTH,
  MESSAGE_DATA,
  REJECT_AFTER_MESSAGES,
  TAG_LENGTH,
} from "../../../lib/base/constants.ts";
import type { DataCommand } from "../../../lib/base/messages.ts";
import type { Suite } from "../../../lib/crypto/suite.ts";
import type { Dataplane } from "../../../lib/data/dataplane.ts";
import { RECEIVE_KEY } from "../../../lib/data/memory.ts";
import { DATA, messageKind, readIndex } from "../../../lib/wire/messages.ts";
import type { Node, Witness, World } from "../world.ts";

/** How late a timer may be, in ms: the clock of the world has whole milliseconds. */
const LATE_MS = 5;
const NOTHING = new Uint8Array();

/** A session of one node. */
export interface BookedSession {
  readonly node: Node;
  /** The slot of its peer; undefined when another peer has it now. */
  slot: number | undefined;
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sendKey: Uint8Array;
  /** In hexadecimal; the other node sends with it. */
  readonly receiveKey: string;
  readonly createdAt: number;
  /** The device has retired it. */
  retired: boolean;
  /** The data planes that have forgotten it. */
  readonly forgottenBy: Set<Dataplane>;
  /** Counters that were seen on the wire. */
  readonly counters: Set<bigint>;
  /** Bytes on the wire. */
  sentBytes: number;
}

/** A data message that was opened. */
export interface OpenedMessage {
  readonly session: BookedSession;
  /** The packet with its padding; empty for a keepalive. */
  readonly inner: Uint8Array;
  readonly wireBytes: number;
}

/** Books the sessions of a world. */
export class SessionBook implements Witness {
  readonly #world: World;
  readonly #suite: Suite;
  readonly #opened: (message: OpenedMessage) => void;
  readonly #sessions: BookedSession[] = [];
  readonly #byReceiveKey = new Map<string, BookedSession>();

  /** @param opened gets every data message, right after it was sent */
  constructor(world: World, opened: (message: OpenedMessage) => void) {
    this.#world = world;
    this.#suite = world.suite;
    this.#opened = opened;
  }

  /** The session of a node that receives what `session` sends. */
  receiverOf(session: BookedSession): BookedSession | undefined {
    return this.#byReceiveKey.get(session.sendKey.toHex());
  }

  /** Bytes of data messages that a node sent to the peer in a slot, sessions of now and before. */
  sentBytes(node: Node, slot: number): number {
    return this.#sessions.filter((session) => session.node === node && session.slot === slot)
      .reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  /** Fails when none of the planes of its node that send, or that receive, may use a session. */
  assertUsable(session: BookedSession, planes: readonly Dataplane[], what: string): void {
    assert.ok(planes.some((plane) => !session.forgottenBy.has(plane)), `a retired key ${what}`);
    this.#assertYoung(session, what);
  }

  /** Fails when a session is not retired yet. Call when all have been idle for long enough. */
  assertAllRetired(): void {
    const live = this.#sessions.filter((session) => !session.retired);
    assert.equal(live.length, 0, "a key outlives its time: nobody has retired it");
  }

  commanded(node: Node, command: DataCommand): void {
    if (command.type === "session-retire") {
      for (const session of this.#live(node)) {
        if (session.localIndex === command.localIndex) this.#retire(session);
      }
    } else if (command.type === "peer-remove") {
      for (const session of this.#live(node)) {
        if (session.slot === command.peer) this.#retire(session);
      }
    } else if (command.type === "peer-add") {
      for (const session of this.#sessions) {
        if (session.node === node && session.slot === command.peer) session.slot = undefined;
      }
    } else if (command.type === "session-install") {
      const keys = node.keysOfSlots.get(command.keySlot)!;
      const session: BookedSession = {
        node,
        slot: command.peer,
        localIndex: command.localIndex,
        remoteIndex: command.remoteIndex,
        sendKey: keys.sendKey,
        receiveKey: keys.receiveKey.toHex(),
        createdAt: command.createdAt,
        retired: false,
        forgottenBy: new Set(),
        counters: new Set(),
        sentBytes: 0,
      };
      assert.ok(!this.#byReceiveKey.has(session.receiveKey), "a key was made twice");
      assert.notEqual(session.sendKey.toHex(), session.receiveKey, "one key for both directions");
      this.#sessions.push(session);
      this.#byReceiveKey.set(session.receiveKey, session);
    }
  }

  applied(node: Node, plane: Dataplane, command: DataCommand): void {
    if (command.type !== "session-retire" && command.type !== "peer-remove") return;
    for (const session of this.#sessions) {
      if (session.node !== node || !session.retired) continue;
      const meant = command.type === "peer-remove"
        ? session.slot === command.peer
        : session.localIndex === command.localIndex;
      if (!meant || session.forgottenBy.has(plane)) continue;
      session.forgottenBy.add(plane);
      assertErased(node, plane, session);
    }
  }

  restarted(node: Node): void {
    for (const session of this.#sessions) {
      if (session.node !== node) continue;
      session.retired = true;
      session.slot = undefined;
      for (const plane of node.planes) session.forgottenBy.add(plane);
    }
  }

  sent(node: Node, bytes: Uint8Array): void {
    if (messageKind(bytes) !== MESSAGE_DATA) return;
    assert.ok(bytes.length >= DATA.packet + TAG_LENGTH);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const counter = view.getBigUint64(DATA.counter, true);
    const index = readIndex(bytes, DATA.receiver);
    for (let i = this.#sessions.length - 1; i >= 0; i--) {
      const session = this.#sessions[i];
      if (session.node !== node || session.remoteIndex !== index) continue;
      const sealed = bytes.subarray(DATA.packet);
      const inner = this.#suite.open(session.sendKey, counter, sealed, NOTHING);
      if (inner === undefined) continue;
      assert.ok(counter < REJECT_AFTER_MESSAGES, `counter ${counter} is not allowed any more`);
      assert.ok(!session.counters.has(counter), `counter ${counter} repeats with one key`);
      session.counters.add(counter);
      session.sentBytes += bytes.length;
      this.assertUsable(session, node.senders, "seals");
      this.#opened({ session, inner, wireBytes: bytes.length });
      return;
    }
    assert.fail("a message was sealed with a key of no session");
  }

  *#live(node: Node): Generator<BookedSession> {
    for (const session of this.#sessions) {
      if (session.node === node && !session.retired) yield session;
    }
  }

  #retire(session: BookedSession): void {
    session.retired = true;
    const expired = session.createdAt + this.#world.times.rejectAfter;
    const latest = Math.max(expired, session.node.asleepUntil) + LATE_MS;
    assert.ok(
      this.#world.now <= latest,
      "a key outlives its time: it was retired late" +
        ` ${this.#world.now - expired} ${session.node.asleepUntil - this.#world.now}`,
    );
  }

  #assertYoung({ createdAt }: BookedSession, what: string): void {
    const age = this.#world.now - createdAt;
    assert.ok(age < this.#world.times.rejectAfter, `a key that is ${age} ms old ${what}`);
  }
}

/** Fails when a key of a session that a data plane has forgotten is still in its memory. */
function assertErased(node: Node, plane: Dataplane, booked: BookedSession): void {
  for (const { plane: owner, session } of node.installed) {
    if (owner !== plane || session.localIndex !== booked.localIndex) continue;
    for (const at of [session.keyAt, session.keyAt + RECEIVE_KEY]) {
      const hex = node.arena.bytes.subarray(at, at + KEY_LENGTH).toHex();
      assert.ok(
        hex !== booked.receiveKey && hex !== booked.sendKey.toHex(),
        "a retired key is still in the arena",
      );
    }
  }
}
