/**
 * Checks handshake messages before they reach the control plane (whitepaper section 5.3). Stages:
 * kind and length, an index that waits for the message, room in the queue, mac1, under load mac2
 * and the rate limiter, and then the queue to the control plane.
 *
 * Under load, a message without a right mac2 gets a cookie reply after the tunnel's own packets
 * (unanswered.ts). A message that is dropped is counted and not copied. Without a mac2, and without
 * room for it among those that wait for a cookie reply, it is dropped before anything is computed.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { AWAITS_COOKIE, AWAITS_RESPONSE } from "../base/awaited_indices.ts";
import * as C from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { readEndpointCell } from "../base/endpoint.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { HandshakeRing } from "../base/handshake_ring.ts";
import type { Notice } from "../base/messages.ts";
import { NEVER } from "../base/times.ts";
import { type CheckerShare, CookieChecker, hasMac2 } from "../cookie/cookie_checker.ts";
import type { Suite } from "../crypto/suite.ts";
import { RateLimiter } from "../cookie/rate_limiter.ts";
import { COOKIE_REPLY, messageKind, RESPONSE } from "../wire/messages.ts";
import type { Capture } from "./capture.ts";
import { COOKIE_REPLIES_MAX, type PacketMemory } from "./memory.ts";
import { SEND_FAILED, type SendQueue, type UdpPort } from "./ports.ts";
import type { EventReporter } from "./event_reporter.ts";
import { Unanswered } from "./unanswered.ts";

/**
 * Cookie replies of a turn that left datagrams unread, which may be the tunnel's packets: of the
 * first turns, which catch up with what came while other programs had the processor, and of turns
 * after these, when more comes than there is time for.
 */
const ANSWERS_CATCHING_UP = 24;
const ANSWERS_BEHIND = 8;
const TURNS_CATCHING_UP = 8;
/** Cookie replies of a turn that read everything. */
const ANSWERS_DRAINED = COOKIE_REPLIES_MAX;

/**
 * Handshake messages under load from which on a turn that left datagrams unread is overloaded. A
 * turn that reads both families has half of its receives from each.
 */
const OVERLOAD_MESSAGES = 16;
/**
 * Overloaded turns, with no turn between them that read everything, after which the queue of the
 * UDP port becomes short, because all that comes waits behind what is in it. They have read what a
 * long queue takes, so it is not what came while other programs had the processor.
 */
const OVERLOAD_TURNS = 288;
/** How long the queue stays short after the last of them. */
const SHORT_QUEUE_MS = 4_000;

/** The parts of a Gate. */
export interface GateParts {
  readonly memory: PacketMemory;
  readonly handshakes: HandshakeMemory;
  /** Computes the macs and seals the cookie replies. */
  readonly suite: Suite;
  readonly udp: UdpPort;
  readonly counters: Counters;
  readonly events: EventReporter;
  /** How long a secret of cookies is used, in milliseconds. */
  readonly cookieSecret: number;
  /** Which of the gates with the same `handshakes` it is. */
  readonly share: CheckerShare;
}

/** Passes handshake messages to the control plane, or drops them. */
export class Gate {
  /** Records cookie replies; null without a capture. */
  capture: Capture | null = null;
  readonly #parts: GateParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #checker: CookieChecker;
  readonly #limiter = new RateLimiter();
  readonly #queue: SendQueue | undefined;
  readonly #repliesMax: number;
  #replies = 0;
  /** Turns in a row that left datagrams unread. */
  #turnsBehind = 0;
  /** Handshake messages under load of this turn. */
  #loadedOfTurn = 0;
  /** Overloaded turns since the last turn that read everything. */
  #turnsOverloaded = 0;
  /** When the queue of the UDP port becomes long. */
  #shortUntil: number = NEVER;
  /** When the load that was last seen is over, in whole milliseconds. */
  #loadedUntil: number = NEVER;
  /** Messages that wait for a cookie reply. */
  readonly #unanswered = new Unanswered();

  constructor(parts: GateParts) {
    const { memory, handshakes, udp, suite, cookieSecret, share } = parts;
    this.#parts = parts;
    this.#bytes = memory.bytes;
    this.#view = memory.view;
    this.#checker = new CookieChecker(suite, handshakes.keys, cookieSecret, share);
    this.#queue = udp.makeSendQueue?.();
    this.#repliesMax = Math.min(COOKIE_REPLIES_MAX, this.#queue?.max ?? 1);
  }

  /**
   * Processes a datagram of `length` bytes at `at` that is not a data message. Its source is the
   * endpoint cell at `cellAt`.
   */
  receive(at: number, length: number, cellAt: number, now: Milliseconds): void {
    switch (messageKind(this.#bytes, at, length)) {
      case C.MESSAGE_INITIATION:
        return this.#handshake(at, length, cellAt, now);
      case C.MESSAGE_RESPONSE:
        if (this.#isAwaited(at + RESPONSE.receiver, AWAITS_RESPONSE)) {
          return this.#handshake(at, length, cellAt, now);
        }
        return this.#drop(COUNTER.handshake_unknown_index, "unknown-response", cellAt, now);
      case C.MESSAGE_COOKIE_REPLY:
        if (this.#isAwaited(at + COOKIE_REPLY.receiver, AWAITS_COOKIE)) {
          return this.#queueFor(this.#parts.handshakes.others, at, length, cellAt);
        }
        return this.#drop(COUNTER.cookie_unknown_index, "unknown-cookie-reply", cellAt, now);
      default:
        this.#parts.counters.add(COUNTER.rx_malformed);
    }
  }

  /**
   * Sends cookie replies, forgets sources that have sent nothing for a while, and makes the queue
   * of the UDP port short or long. Call it at the end of a turn.
   * @param drained whether the turn has read everything
   * @returns whether more messages wait for a cookie reply
   */
  endTurn(drained: boolean, now: Milliseconds): boolean {
    this.#limiter.collect(now);
    this.#turnsBehind = drained ? 0 : this.#turnsBehind + 1;
    this.#fitQueue(drained, now);
    if (this.#unanswered.waiting === 0) return false;
    const { unanswered: at, unansweredCell: cellAt } = this.#parts.memory;
    for (let left = this.#answersOfTurn; left > 0; left--) {
      const length = this.#unanswered.takeTo(this.#bytes, at, cellAt);
      if (length === 0) break;
      this.#reply(at, length, cellAt, now);
    }
    this.#sendReplies();
    return this.#unanswered.waiting > 0;
  }

  get #answersOfTurn(): number {
    if (this.#turnsBehind === 0) return ANSWERS_DRAINED;
    return this.#turnsBehind <= TURNS_CATCHING_UP ? ANSWERS_CATCHING_UP : ANSWERS_BEHIND;
  }

  /** Makes the queue of the UDP port short in a flood, and long after it. */
  #fitQueue(drained: boolean, now: Milliseconds): void {
    const isFlood = this.#loadedOfTurn >= OVERLOAD_MESSAGES;
    this.#loadedOfTurn = 0;
    if (drained) this.#turnsOverloaded = 0;
    else if (isFlood && ++this.#turnsOverloaded >= OVERLOAD_TURNS) {
      this.#shortUntil = now + SHORT_QUEUE_MS;
    }
    this.#parts.udp.setShortQueue?.(now < this.#shortUntil);
  }

  #isAwaited(at: number, what: number): boolean {
    return this.#parts.handshakes.awaited.awaits(this.#view.getUint32(at, true), what);
  }

  #handshake(at: number, length: number, cellAt: number, now: Milliseconds): void {
    const checker = this.#checker;
    const { proven, others } = this.#parts.handshakes;
    if (!checker.hasKeys) return this.#parts.counters.add(COUNTER.handshake_no_private_key);
    const loaded = this.#underLoad(now);
    if (loaded) {
      this.#loadedOfTurn++;
      this.#parts.counters.add(COUNTER.handshake_under_load);
    }
    if ((loaded ? proven : others).isFull) {
      return this.#parts.counters.add(COUNTER.handshake_queue_full);
    }
    let unanswered: HandshakeRing | undefined;
    if (loaded && !hasMac2(this.#bytes, at, length)) {
      unanswered = this.#unanswered.queueFor(this.#bytes, cellAt, now);
      if (unanswered === undefined) return this.#withhold();
    }
    if (!checker.checkMac1(this.#bytes, at, length)) {
      const isInitiation = length === C.INITIATION_LENGTH;
      const notice = isInitiation ? "invalid-initiation-mac" : "invalid-response-mac";
      const detail = isInitiation ? "initiation" : "response";
      return this.#drop(COUNTER.handshake_mac1_wrong, notice, cellAt, now, detail);
    }
    if (!loaded) return this.#queueFor(others, at, length, cellAt);
    if (unanswered === undefined) {
      if (checker.checkMac2(this.#bytes, at, length, cellAt, now)) {
        return this.#proven(at, length, cellAt, now);
      }
      unanswered = this.#unanswered.queueFor(this.#bytes, cellAt, now);
      if (unanswered === undefined) return this.#withhold();
    }
    unanswered.put(this.#bytes, at, length, cellAt);
    this.#parts.counters.add(COUNTER.handshake_mac2_wrong);
  }

  /** Passes a message with a right mac2 on, unless its source sends too many. */
  #proven(at: number, length: number, cellAt: number, now: Milliseconds): void {
    if (!this.#limiter.allow(this.#bytes, cellAt + 8, this.#bytes[cellAt], now)) {
      return this.#drop(COUNTER.handshake_rate_limited, "rate-limited", cellAt, now);
    }
    this.#queueFor(this.#parts.handshakes.proven, at, length, cellAt);
  }

  /** Drops a message without a right mac2, for whose cookie reply there is no time. */
  #withhold(): void {
    this.#parts.counters.add(COUNTER.handshake_mac2_wrong);
    this.#parts.counters.add(COUNTER.cookie_withheld);
  }

  /** Whether UNDER_LOAD_QUEUE messages wait, or waited within the last second. */
  #underLoad(now: Milliseconds): boolean {
    if (this.#parts.handshakes.waiting >= C.UNDER_LOAD_QUEUE) {
      const from = Math.floor(now);
      const until = from + C.UNDER_LOAD_AFTER_MS;
      const more = until - Math.max(this.#loadedUntil, from);
      this.#parts.counters.add(COUNTER.handshake_under_load_ms, more);
      this.#loadedUntil = until;
    }
    return now < this.#loadedUntil;
  }

  #queueFor(ring: HandshakeRing, at: number, length: number, cellAt: number): void {
    if (ring.put(this.#bytes, at, length, cellAt)) this.#parts.events.handshakesWaiting();
    else this.#parts.counters.add(COUNTER.handshake_queue_full);
  }

  #drop(
    counter: number,
    notice: Notice,
    cellAt: number,
    now: Milliseconds,
    detail?: string,
  ): void {
    this.#parts.counters.add(counter);
    this.#say(notice, cellAt, now, detail);
  }

  #say(notice: Notice, cellAt: number, now: Milliseconds, detail?: string): void {
    const { events } = this.#parts;
    if (!events.wants(notice, now)) return;
    events.notice(notice, undefined, readEndpointCell(this.#bytes, cellAt), detail);
  }

  /** Makes a cookie reply. Without a secret it asks the control plane for a new one instead. */
  #reply(at: number, length: number, cellAt: number, now: Milliseconds): void {
    if (!this.#checker.hasSecret(now)) return this.#parts.events.handshakesWaiting();
    const to = this.#parts.memory.cookieReply(this.#replies);
    this.#checker.reply(this.#bytes, at, length, cellAt, to);
    this.capture?.cookieReply(to, COOKIE_REPLY.length, cellAt, C.HANDSHAKE_TOS);
    this.#say("cookie-sent", cellAt, now);
    this.#parts.counters.add(COUNTER.cookie_sent);
    if (this.#queue === undefined) {
      this.#parts.udp.gather(0, to, COOKIE_REPLY.length);
      const result = this.#parts.udp.send(1, COOKIE_REPLY.length, cellAt, C.HANDSHAKE_TOS);
      if (result === SEND_FAILED) this.#parts.counters.add(COUNTER.handshake_send_failed);
      return;
    }
    this.#queue.put(this.#replies++, to, COOKIE_REPLY.length, cellAt, C.HANDSHAKE_TOS);
    if (this.#replies === this.#repliesMax) this.#sendReplies();
  }

  #sendReplies(): void {
    const count = this.#replies;
    if (count === 0 || this.#queue === undefined) return;
    this.#replies = 0;
    this.#queue.send(count);
    for (let i = 0; i < count; i++) {
      if (this.#queue.result(i) === SEND_FAILED) {
        this.#parts.counters.add(COUNTER.handshake_send_failed);
      }
    }
  }
}
