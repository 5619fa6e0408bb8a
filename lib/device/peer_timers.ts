/**
 * Runs the timers of all peers: one deadline a peer in one heap, worked out anew whenever something happened to the peer.
 * Idle peers have none and cost nothing.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { COUNTER } from "../base/counters.ts";
import { DeadlineHeap } from "../timers/deadline_heap.ts";
import {
  type Activity,
  earlier,
  handshakeRetriesMax,
  newHandshakeDue,
  passiveKeepaliveDue,
  persistentKeepaliveDue,
} from "../timers/due.ts";
import type { Context } from "./context.ts";
import { initiate, sendKeepalive, wishForSession } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { forgetLocal, pathOf } from "./peer_endpoint.ts";
import { firstExpiry, retireExpired, wipeKeys } from "./sessions.ts";

/** The timers of one device. */
export class PeerTimers {
  readonly #heap = new DeadlineHeap();

  constructor(readonly ctx: Context) {}

  /** When `run` has something to do. */
  next(): Milliseconds | undefined {
    return this.#heap.next();
  }

  /** Call when the data plane says `peer-active`. */
  active(peer: Peer, now: Milliseconds): void {
    peer.watch = "on";
    this.schedule(peer, now);
  }

  /** Call when anything happened to the peer that its timers depend on. */
  schedule(peer: Peer, now: Milliseconds): void {
    if (!this.ctx.up) return;
    let due: Milliseconds | undefined;
    for (const at of [peer.retryAt, peer.wishAt, peer.zeroAt, firstExpiry(this.ctx, peer) ?? 0]) {
      if (at !== 0) due = earlier(due, milliseconds(at));
    }
    due = earlier(due, this.#watchDue(peer, now));
    due = earlier(due, this.#persistentDue(peer, this.#activity(peer)));
    this.#heap.set(peer.slot, due);
  }

  /** Call when the peer is removed. */
  forget(peer: Peer): void {
    this.#heap.set(peer.slot, undefined);
  }

  /** Call when the interface goes down, after the keys were wiped: nothing is pending any more. */
  stop(peer: Peer): void {
    peer.retryAt = peer.wishAt = peer.zeroAt = 0;
    peer.retries = 0;
    peer.watch = "off";
    this.ctx.table.clearActive(peer.slot);
    this.ctx.table.clearWanted(peer.slot);
    this.forget(peer);
  }

  /** Does all that is due. */
  run(now: Milliseconds): void {
    for (let slot = this.#heap.popDue(now); slot !== undefined; slot = this.#heap.popDue(now)) {
      const peer = this.ctx.peers.at(slot as Peer["slot"]);
      if (peer === undefined) continue;
      this.#runPeer(peer, now);
      this.schedule(peer, now);
      // Whatever is overdue and could not be done now is tried again later: a turn always ends.
      const again = this.#heap.get(slot);
      if (again !== undefined && again <= now) this.#heap.set(slot, milliseconds(now + 1));
    }
  }

  #runPeer(peer: Peer, now: Milliseconds): void {
    const { ctx } = this;
    if (peer.zeroAt !== 0 && peer.zeroAt <= now) {
      peer.zeroAt = 0;
      ctx.out.say(`Zeroing out keys for peer ${peer.number}`, pathOf(ctx, peer).endpoint);
      wipeKeys(ctx, peer);
    }
    retireExpired(ctx, peer, now);
    if (peer.retryAt !== 0 && peer.retryAt <= now) this.#retry(peer, now);
    if (peer.wishAt !== 0 && peer.wishAt <= now) {
      peer.wishAt = 0;
      wishForSession(ctx, peer, now, true);
    }
    this.#hearBack(peer, now);
    this.#keepAlive(peer, now);
    const persistent = this.#persistentDue(peer, this.#activity(peer));
    if (persistent !== undefined && persistent <= now) {
      peer.persistentFiredAt = now;
      sendKeepalive(ctx, peer, now);
    }
  }

  #retry(peer: Peer, now: Milliseconds): void {
    const { ctx } = this;
    const max = handshakeRetriesMax(ctx.times);
    peer.retryAt = 0;
    peer.retries++;
    const { endpoint } = pathOf(ctx, peer);
    if (peer.retries > max) {
      ctx.counters.addOf(COUNTER.handshake_given_up, peer.slot);
      // OpenBSD counts the first try and the one that is not made any more.
      ctx.out.say(`Handshake for peer ${peer.number} did not complete after ${max + 2} retries, giving up`, endpoint);
      ctx.out.command({ type: "staged-drop", peer: peer.slot });
      ctx.out.event({ type: "handshake-failed", publicKey: peer.publicKey });
      peer.retries = 0;
      if (peer.zeroAt === 0) peer.zeroAt = now + ctx.times.zeroKeysAfter;
      return;
    }
    const seconds = Math.round(ctx.times.rekeyTimeout / 1_000);
    ctx.out.say(
      `Handshake for peer ${peer.number} did not complete after ${seconds} seconds, retrying (try ${peer.retries + 1})`,
      endpoint,
    );
    ctx.counters.addOf(COUNTER.handshake_retried, peer.slot);
    forgetLocal(ctx, peer);
    initiate(ctx, peer, now, true);
  }

  #hearBack(peer: Peer, now: Milliseconds): void {
    const { ctx } = this;
    const due = newHandshakeDue(ctx.times, this.#activity(peer), peer.newHandshakeFiredAt, peer.jitter);
    if (due === undefined || due > now) return;
    peer.newHandshakeFiredAt = now;
    ctx.counters.addOf(COUNTER.handshake_unanswered, peer.slot);
    const seconds = Math.round((ctx.times.keepaliveTimeout + ctx.times.rekeyTimeout) / 1_000);
    ctx.out.say(
      `Retrying handshake with peer ${peer.number} because we stopped hearing back after ${seconds} seconds`,
      pathOf(ctx, peer).endpoint,
    );
    forgetLocal(ctx, peer);
    initiate(ctx, peer, now, false);
  }

  #keepAlive(peer: Peer, now: Milliseconds): void {
    const activity = this.#activity(peer);
    const due = passiveKeepaliveDue(this.ctx.times, activity, peer.keepaliveFiredAt, peer.needAnotherKeepalive);
    if (due === undefined || due > now) return;
    peer.keepaliveFiredAt = now;
    peer.needAnotherKeepalive = activity.dataReceivedSince !== 0 &&
      activity.dataReceivedAt > activity.dataReceivedSince;
    sendKeepalive(this.ctx, peer, now);
  }

  #watchDue(peer: Peer, now: Milliseconds): Milliseconds | undefined {
    if (peer.watch === "off") return undefined;
    let due = this.#activityDue(peer);
    if (due === undefined) {
      if (peer.watch === "last-look") {
        peer.watch = "off";
        return undefined;
      }
      peer.watch = "last-look";
      this.ctx.table.clearActive(peer.slot);
      due = this.#activityDue(peer);
    }
    return earlier(due, milliseconds(now + this.ctx.times.keepaliveTimeout));
  }

  #activityDue(peer: Peer): Milliseconds | undefined {
    const { times } = this.ctx;
    const activity = this.#activity(peer);
    return earlier(
      newHandshakeDue(times, activity, peer.newHandshakeFiredAt, peer.jitter),
      passiveKeepaliveDue(times, activity, peer.keepaliveFiredAt, peer.needAnotherKeepalive),
    );
  }

  #persistentDue(peer: Peer, activity: Activity): Milliseconds | undefined {
    return persistentKeepaliveDue(peer.persistentKeepalive * 1_000, activity, peer.persistentFiredAt);
  }

  #activity(peer: Peer): Activity {
    const { table } = this.ctx;
    const { slot } = peer;
    return {
      sentAt: table.sentAt(slot),
      receivedAt: table.receivedAt(slot),
      dataSentSince: table.dataSentSince(slot),
      dataReceivedSince: table.dataReceivedSince(slot),
      dataReceivedAt: table.dataReceivedAt(slot),
      handshakeSentAt: peer.handshakeSentAt,
      handshakeReceivedAt: peer.handshakeReceivedAt,
    };
  }
}
