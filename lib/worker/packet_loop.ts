/**
 * The loop that the data plane's Worker lives in: turn while there is work, otherwise wait in poll(2), or nap where packets come thick.
 * It never yields to the isolate's own event loop; what it must hear comes by an eventfd, what it says by postMessage.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { COUNTER } from "../base/counters.ts";
import type { Dataplane } from "../data/dataplane.ts";
import { type DrainedSocket, type EventFd, PollSet } from "../../ffi/poll.ts";
import { setTimerSlack } from "../../ffi/process.ts";
import { POLLERR, POLLHUP, POLLNVAL } from "../../ffi/structs.ts";
import { WORD_BEAT, WORD_BELL } from "./worker_messages.ts";

/** Turns in a row without asking the kernel about the other descriptors. */
const TURNS_PER_POLL = 16;
/** Longest wait, so that the beat goes on. */
const WAIT_MAX_MS = 1000;
/**
 * While packets come this thick (per millisecond, and at least so many since the last wait) the loop naps instead of waiting for the next one: what comes
 * meanwhile is taken in one go, and nobody has to be woken for each, which costs both sides more than a packet (as a network card's interrupt moderation
 * does). A nap costs as much as being woken, so there must be some packets in it; where each packet answers the one before there never are.
 * It is as long as it takes for so many to come, within these bounds: where super-packets make them come fast, a ping waits behind them.
 */
const NAP_PACKETS_PER_MS = 64;
const NAP_PACKETS = 8;
const NAP_FOR_PACKETS = 32;
const NAP_MIN_US = 80;
const NAP_MAX_US = 240;
const NAP_SLACK_US = 1;
/** Passes without work while the TUN device reports an error, before it counts as gone. */
const ERROR_PASSES_MAX = 1000;

/** Places in the PollSet. */
export const PLACE_TUN = 0;
export const PLACE_UDP4 = 1;
export const PLACE_UDP6 = 2;
export const PLACE_BELL = 3;
export const PLACE_LINK = 4;
export const PLACE_TUN_BULK = 5;
export const PLACE_ROUTES = 6;

const POLL_ERRORS = POLLERR | POLLHUP | POLLNVAL;

/** What the loop works with. */
export interface PacketLoop {
  readonly dataplane: Dataplane;
  readonly polls: PollSet;
  readonly bell: EventFd;
  readonly words: Int32Array;
  readonly now: () => Milliseconds;
  /** Carries out the orders that wait; false ends the loop. */
  readonly takeOrders: () => boolean;
  /** Sends what the turn emitted; called after each. */
  readonly flush: () => void;
  /** The netlink socket became readable: empty it and say so. */
  readonly link: DrainedSocket | undefined;
  readonly linkChanged: () => void;
  /** The routes' netlink socket became readable: it must leave the poll set. */
  readonly routesChanged: () => void;
}

/** Runs until it is told to stop or the TUN device is gone. */
export function runPacketLoop(loop: PacketLoop): "stopped" | "gone" {
  const { dataplane, polls, bell, words, now, takeOrders, flush } = loop;
  const { values } = dataplane.counters;
  // An order is heard in a nap too.
  const naps = new PollSet([bell.descriptor]);
  setTimerSlack(NAP_SLACK_US);
  let moved = 0;
  let pass = now();
  let errorPasses = 0;
  // Which ends poll found something at: a look at an empty one would cost a system call.
  let fromTun = true;
  let fromUdp = true;
  while (true) {
    words[WORD_BEAT]++;
    let worked = true;
    let drained = false;
    for (let i = 0; i < TURNS_PER_POLL && !drained && words[WORD_BELL] === 0; i++) {
      worked = dataplane.turn(now(), fromTun, fromUdp);
      drained = dataplane.drained;
      fromTun = true;
      fromUdp = true;
      flush();
    }
    if (dataplane.gone) return "gone";
    if (Atomics.exchange(words, WORD_BELL, 0) !== 0) {
      if (!takeOrders()) return "stopped";
      flush();
      continue;
    }
    const movedBefore = moved;
    const passBefore = pass;
    moved = values[COUNTER.tx_sealed] + values[COUNTER.rx_opened];
    pass = now();
    const came = moved - movedBefore;
    const elapsed = pass - passBefore;
    const isThick = drained && came >= Math.max(NAP_PACKETS, NAP_PACKETS_PER_MS * elapsed);
    if (isThick) naps.nap(napMicroseconds(came, elapsed));
    if (polls.wait(drained && !isThick ? WAIT_MAX_MS : 0) === 0) continue;
    fromTun = (polls.found(PLACE_TUN) | polls.found(PLACE_TUN_BULK)) !== 0;
    fromUdp = (polls.found(PLACE_UDP4) | polls.found(PLACE_UDP6)) !== 0;
    // Here and nowhere else: whoever rings sets the word first, so a ring that was answered by the word alone is still to come.
    if (polls.found(PLACE_BELL) !== 0) bell.drain();
    if (polls.found(PLACE_LINK) !== 0) {
      loop.link?.drain();
      loop.linkChanged();
    }
    if (polls.found(PLACE_ROUTES) !== 0) loop.routesChanged();
    errorPasses = !worked && (polls.found(PLACE_TUN) & POLL_ERRORS) !== 0 ? errorPasses + 1 : 0;
    if (errorPasses > ERROR_PASSES_MAX) return "gone";
  }
}

/**
 * How long a nap is where so many packets came in so many milliseconds.
 *
 * @example
 * napMicroseconds(200, 1); // 160
 */
export function napMicroseconds(packets: number, elapsed: number): number {
  return Math.min(
    NAP_MAX_US,
    Math.max(NAP_MIN_US, Math.round(1000 * NAP_FOR_PACKETS * elapsed / packets)),
  );
}
