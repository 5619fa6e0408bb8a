/**
 * The loop of the data plane's Worker. It calls `turn` while there is work, and otherwise waits in
 * poll(2), or naps when packets come fast. It never returns to the event loop of the isolate.
 * Orders wake it by an eventfd, and reports are sent by postMessage.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { COUNTER } from "../base/counters.ts";
import type { Dataplane } from "../data/dataplane.ts";
import { type DrainedSocket, type EventFd, PollSet } from "../../ffi/poll.ts";
import { setTimerSlack } from "../../ffi/process.ts";
import { POLLERR, POLLHUP, POLLNVAL } from "../../ffi/structs.ts";
import { Bursts } from "./bursts.ts";
import { WORD_BEAT, WORD_BELL } from "./worker_messages.ts";

/** The most turns before the other descriptors are polled. */
const TURNS_PER_POLL = 16;
/** The longest wait. The beat must go on. */
const WAIT_MAX_MS = 1000;
/**
 * When packets come fast, the loop naps instead of waiting for the next packet. The packets of a
 * nap are processed together, and no wake-up is needed for each, which would cost more than a
 * packet (as in the interrupt moderation of network cards).
 *
 * The loop naps when at least NAP_PACKETS came since the last wait, and NAP_PACKETS_PER_MS. A nap
 * costs as much as a wake-up, so it must gain some packets. It does not when each packet answers
 * the last one. A nap is as long as NAP_FOR_PACKETS packets take to come, within the two bounds, so
 * that a ping does not wait long. It also naps when a burst begins (bursts.ts).
 */
const NAP_PACKETS_PER_MS = 64;
const NAP_PACKETS = 8;
const NAP_FOR_PACKETS = 32;
const NAP_MIN_US = 80;
const NAP_MAX_US = 240;
const NAP_SLACK_US = 1;
/** Passes without work, with an error of the TUN device, after which the device counts as gone. */
const ERROR_PASSES_MAX = 1000;

/** The entries of the PollSet. */
export const PLACE_TUN = 0;
export const PLACE_UDP4 = 1;
export const PLACE_UDP6 = 2;
export const PLACE_BELL = 3;
export const PLACE_LINK = 4;
export const PLACE_TUN_BULK = 5;
export const PLACE_ROUTES = 6;

const POLL_ERRORS = POLLERR | POLLHUP | POLLNVAL;

/** The parts of the loop. */
export interface PacketLoop {
  readonly dataplane: Dataplane;
  readonly polls: PollSet;
  readonly bell: EventFd;
  readonly words: Int32Array;
  readonly now: () => Milliseconds;
  /** Carries out the waiting orders. Returns false to end the loop. */
  readonly carryOutOrders: () => boolean;
  /** Reports the events of a turn. It is called after every turn. */
  readonly flush: () => void;
  /**
   * Called after every wait, and with `isPending` when an ICMP error waits at a UDP socket. Without
   * it the sockets must not have error queues, which would be found again and again.
   */
  readonly socketErrors?: (isPending: boolean) => void;
  /** The netlink socket that is drained when it is readable, before `linkChanged` is called. */
  readonly link: DrainedSocket | undefined;
  readonly linkChanged: () => void;
  /**
   * Called when the netlink socket for routes is readable. It must be removed from the poll set.
   */
  readonly routesChanged: () => void;
}

/** Runs until an order to stop, or until the TUN device was deleted. */
export function runPacketLoop(loop: PacketLoop): "stopped" | "gone" {
  const { dataplane, polls, bell, words, now, carryOutOrders, flush } = loop;
  const { values } = dataplane.counters;
  // The bell ends a nap.
  const naps = new PollSet([bell.descriptor]);
  setTimerSlack(NAP_SLACK_US);
  const bursts = new Bursts();
  let moved = 0;
  let reads = 0;
  let pass = now();
  let errorPasses = 0;
  let waitsForLink = false;
  // Whether poll found input. Reading without input would cost a system call.
  let fromTun = true;
  let fromUdp = true;
  let fromBulk = true;
  while (true) {
    words[WORD_BEAT]++;
    let worked = true;
    let drained = false;
    for (let i = 0; i < TURNS_PER_POLL && !drained && words[WORD_BELL] === 0; i++) {
      worked = dataplane.turn(now(), fromTun, fromUdp, fromBulk);
      drained = dataplane.drained;
      fromTun = true;
      fromUdp = true;
      fromBulk = true;
      flush();
    }
    if (dataplane.gone) return "gone";
    if (Atomics.exchange(words, WORD_BELL, 0) !== 0) {
      if (!carryOutOrders()) return "stopped";
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
    if (dataplane.waitsForLink !== waitsForLink) {
      waitsForLink = !waitsForLink;
      polls.listen(PLACE_TUN, !waitsForLink);
      polls.listen(PLACE_TUN_BULK, !waitsForLink);
    }
    const found = polls.wait(drained && !isThick ? WAIT_MAX_MS : 0);
    loop.socketErrors?.(
      ((polls.found(PLACE_UDP4) | polls.found(PLACE_UDP6)) & POLLERR) !== 0,
    );
    if (found === 0) continue;
    const readsBefore = reads;
    reads = values[COUNTER.tun_reads];
    const waited = isThick ? 0 : now() - pass;
    fromBulk = polls.found(PLACE_TUN_BULK) !== 0;
    fromTun = fromBulk || polls.found(PLACE_TUN) !== 0;
    fromUdp = (polls.found(PLACE_UDP4) | polls.found(PLACE_UDP6)) !== 0;
    if (bursts.begins(reads - readsBefore, waited) && fromTun) naps.nap(NAP_MIN_US);
    // The bell is drained here only. The ringer sets the word before it writes to the eventfd, so a
    // ring whose word was read above may still arrive.
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
 * The length of a nap in microseconds, after `packets` packets in `elapsed` milliseconds.
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
