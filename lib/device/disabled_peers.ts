/**
 * Disabled peers. Such a peer stays configured and takes part in nothing: no handshake begins or is
 * answered, no data passes, its name is not looked up, and its sessions are erased at once. Its
 * allowed IPs stay reserved for it: packets to them are refused, and no other peer's wider range
 * gets them.
 *
 * A peer is disabled by hand or by a quota, until it is enabled, and while the wall clock is at or
 * after its date. The clock is read every second, so the date holds also when the clock was set or
 * the machine has slept. A clock that is set back enables the peer again.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import type { DisabledStatus, PeerChange } from "../base/config.ts";
import type { Disconnection } from "../base/events.ts";
import { NOT_PENDING } from "../base/times.ts";
import type { Context } from "./context.ts";
import { tellDisconnected } from "./events.ts";
import { setName } from "./name_look_ups.ts";
import { sendKeepalive } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { wipeKeys } from "./sessions.ts";

/** How often the wall clock is read while a peer has a date. */
const LOOK_EVERY_MS = 1_000;

/** Why a peer is disabled, for the status; undefined when it takes part. */
export function disabledStatusOf(peer: Peer): DisabledStatus | undefined {
  if (peer.disabled !== undefined) return peer.disabled;
  return peer.isExpired ? { reason: "expired", sinceUnixMs: peer.expiresUnixMs } : undefined;
}

/**
 * Notes what a change says of a peer's date and of its being disabled. `obeyDisabled` has it
 * obeyed.
 */
export function noteDisabled(
  ctx: Context,
  peer: Peer,
  change: PeerChange,
  now: Milliseconds,
): void {
  const { disabled, expiresUnixMs } = change;
  if (expiresUnixMs !== undefined) noteExpiry(ctx, peer, expiresUnixMs, now);
  if (disabled === false) peer.disabled = undefined;
  else if (disabled !== undefined && peer.disabled?.reason !== "hand") {
    const { reason, sinceUnixMs = wallClockMs(ctx) } = disabled;
    if (peer.disabled?.reason !== reason) peer.disabled = { reason, sinceUnixMs };
  }
}

function noteExpiry(ctx: Context, peer: Peer, date: number, now: Milliseconds): void {
  const { expiries } = ctx;
  peer.expiresUnixMs = date;
  if (date === 0) {
    expiries.peers.delete(peer);
    peer.isExpired = false;
    return;
  }
  expiries.peers.add(peer);
  noteDate(ctx, peer, wallClockMs(ctx));
  expiries.lookAt = milliseconds(Math.min(expiries.lookAt, now + LOOK_EVERY_MS));
}

/** Compares the date of a peer with the wall clock. */
function noteDate({ expiries, out }: Context, peer: Peer, wall: number): void {
  const date = peer.expiresUnixMs;
  const isExpired = date <= wall;
  if (isExpired) expiries.from = Math.max(expiries.from, date);
  else expiries.until = Math.min(expiries.until, date);
  if (isExpired && !peer.isExpired) {
    out.note(`The date of peer ${peer.label} has passed: it is disabled`);
  }
  peer.isExpired = isExpired;
}

/** Whether the peer is to take part in nothing. */
export const isToBeDisabled = (peer: Peer): boolean =>
  peer.disabled !== undefined || peer.isExpired;

/** Silences a peer that is to be disabled, or lets one take part that no longer is. */
export function obeyDisabled(ctx: Context, peer: Peer, now: Milliseconds): void {
  const on = isToBeDisabled(peer);
  if (on === peer.isDisabled) return;
  peer.isDisabled = on;
  ctx.out.command({ type: "peer-disable", peer: peer.slot, on });
  if (on) silence(ctx, peer, "disabled");
  else takePart(ctx, peer, now);
}

/** Call before a peer is removed. */
export function forgetExpiry(ctx: Context, peer: Peer): void {
  ctx.expiries.peers.delete(peer);
}

/** Reads the wall clock when that is due. */
export function runExpiries(ctx: Context, now: Milliseconds): void {
  const { expiries } = ctx;
  if (now < expiries.lookAt) return;
  const wall = wallClockMs(ctx);
  if (expiries.peers.size > 0 && wall >= expiries.from && wall < expiries.until) {
    expiries.lookAt = milliseconds(now + LOOK_EVERY_MS);
  } else look(ctx, now);
}

/** Compares all dates with the wall clock. */
function look(ctx: Context, now: Milliseconds): void {
  const { expiries } = ctx;
  const wall = wallClockMs(ctx);
  expiries.from = -Infinity;
  expiries.until = Infinity;
  for (const peer of expiries.peers) {
    noteDate(ctx, peer, wall);
    obeyDisabled(ctx, peer, now);
  }
  expiries.lookAt = milliseconds(expiries.peers.size === 0 ? NOT_PENDING : now + LOOK_EVERY_MS);
}

/** Erases the peer's sessions and stops its timers. */
export function silence(ctx: Context, peer: Peer, why: Disconnection): void {
  ctx.out.command({ type: "staged-drop", peer: peer.slot });
  wipeKeys(ctx, peer);
  tellDisconnected(ctx, peer, why);
  peer.timers.stop();
}

/** Call when the peer may take part: it was enabled, or the interface went up. */
export function takePart(ctx: Context, peer: Peer, now: Milliseconds): void {
  if (peer.endpointName !== undefined) setName(ctx, peer, peer.endpointName.named, now);
  if (!ctx.up) return;
  peer.timers.start();
  if (peer.timers.persistentKeepalive === 0) return;
  peer.timers.persistentKeepaliveSent(now);
  sendKeepalive(ctx, peer, now);
}

const wallClockMs = (ctx: Context) => Number(ctx.wallClock() / 1_000_000n);
