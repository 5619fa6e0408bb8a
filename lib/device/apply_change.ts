/**
 * Applies a checked change to the device, in the order of Linux's wg_set_device: values of the
 * interface, removal of all peers, private key, peers.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import type { DeviceChange, PeerChange } from "../base/config.ts";
import { type AllowedIp, sameBytes } from "../base/endpoint.ts";
import type { CookieKeys } from "../base/cookie_keys.ts";
import { maskAddress } from "../base/ip_text.ts";
import { clamp, samePrivateKey } from "../base/private_key.ts";
import { secretCopy } from "../base/secret_bytes.ts";
import { cookieKey, mac1Key } from "../cookie/macs.ts";
import { identityOf } from "../noise/handshake.ts";
import { isLater } from "../noise/tai64n.ts";
import type { Context } from "./context.ts";
import { forgetExpiry, isToBeDisabled, noteDisabled, obeyDisabled } from "./disabled_peers.ts";
import { tellDisconnected } from "./events.ts";
import { forgetName, lookUpUnknown, setName } from "./name_look_ups.ts";
import { sendKeepalive } from "./outgoing.ts";
import { NO_PRESHARED_KEY, type Peer } from "./peer.ts";
import { forgetLocal, moveTo, pathOf } from "./peer_endpoint.ts";
import { wipeKeys } from "./sessions.ts";

/** Applies a change that `checkChange` has accepted. It cannot fail. */
export function applyChange(ctx: Context, change: DeviceChange, now: Milliseconds): void {
  applySockets(ctx, change);
  if (change.debug !== undefined && change.debug !== ctx.out.debug) {
    ctx.out.debug = change.debug;
    ctx.out.command({ type: "debug", on: change.debug });
  }
  const replaced = change.replacePeers === true ? [...ctx.peers.all()] : [];
  for (const peer of replaced) removePeer(ctx, peer, now);
  if (change.privateKey !== undefined) setPrivateKey(ctx, change.privateKey, now);
  for (const peer of change.peers ?? []) applyPeer(ctx, peer, now);
  for (const { publicKey, lastTimestamp } of replaced) {
    const again = ctx.peers.find(publicKey);
    if (again !== undefined) noteTimestamp(again, lastTimestamp);
  }
}

/** Makes older initiations of the peer replayed ones, also those that were recorded before. */
function noteTimestamp(peer: Peer, timestamp: Uint8Array | undefined): void {
  const { lastTimestamp } = peer;
  if (timestamp === undefined) return;
  if (lastTimestamp !== undefined && !isLater(timestamp, lastTimestamp)) return;
  peer.lastTimestamp = timestamp;
}

/**
 * Applies the values of the sockets. New sockets may have other addresses, so these are cleared.
 */
function applySockets(ctx: Context, change: DeviceChange): void {
  const { listenPort = ctx.listenPort, fwmark = ctx.fwmark, rtable = ctx.rtable } = change;
  if (listenPort === ctx.listenPort && fwmark === ctx.fwmark && rtable === ctx.rtable) return;
  ctx.listenPort = listenPort;
  ctx.fwmark = fwmark;
  const moves = rtable !== ctx.rtable;
  ctx.rtable = rtable;
  if (moves) lookUpUnknown(ctx);
  for (const peer of ctx.peers.all()) forgetLocal(ctx, peer);
}

function setPrivateKey(ctx: Context, privateKey: Uint8Array, now: Milliseconds): void {
  const none = privateKey.every((byte) => byte === 0);
  const before = ctx.own?.identity.privateKey;
  if (before === undefined ? none : !none && samePrivateKey(before, privateKey)) return;
  before?.fill(0);
  if (none) {
    ctx.own = undefined;
  } else {
    const key = secretCopy(privateKey, "lasting");
    clamp(key);
    const identity = identityOf(ctx.suite, key);
    ctx.own = { identity, mac1Key: mac1Key(ctx.suite, identity.publicKey) };
    const ourselves = ctx.peers.find(identity.publicKey);
    if (ourselves !== undefined) removePeer(ctx, ourselves, now);
  }
  ctx.handshakes.keys.setKeys(ownCookieKeys(ctx));
  for (const peer of ctx.peers.all()) {
    wipeKeys(ctx, peer);
    tellDisconnected(ctx, peer, "key-changed");
    peer.staticShared?.fill(0);
    peer.staticShared = undefined;
    peer.timers.handshakePossible(now);
    ctx.table.clearWanted(peer.slot);
  }
}

function ownCookieKeys(ctx: Context): Parameters<CookieKeys["setKeys"]>[0] {
  if (ctx.own === undefined) return undefined;
  const { identity, mac1Key } = ctx.own;
  return { mac1Key, cookieKey: cookieKey(ctx.suite, identity.publicKey) };
}

function removePeer(ctx: Context, peer: Peer, now: Milliseconds): void {
  wipeKeys(ctx, peer);
  tellDisconnected(ctx, peer, "removed");
  peer.timers.stop();
  forgetExpiry(ctx, peer);
  forgetName(ctx, peer);
  peer.staticShared?.fill(0);
  peer.cookieJar?.wipe();
  if (peer.presharedKey !== NO_PRESHARED_KEY) peer.presharedKey.fill(0);
  ctx.peers.remove(peer, now);
  ctx.out.command({ type: "peer-remove", peer: peer.slot });
}

function applyPeer(ctx: Context, change: PeerChange, now: Milliseconds): void {
  let peer = ctx.peers.find(change.publicKey);
  if (change.remove === true) {
    if (peer !== undefined) removePeer(ctx, peer, now);
    return;
  }
  if (peer === undefined) {
    if (change.updateOnly === true) return;
    if (ctx.own !== undefined && sameBytes(ctx.own.identity.publicKey, change.publicKey)) return;
    peer = ctx.peers.add(change.publicKey, now);
    if (ctx.up) peer.timers.start();
    // Slots are reused late, so the data plane has removed the slot's last peer.
    ctx.table.clear(peer.slot);
    ctx.out.command({ type: "peer-add", peer: peer.slot });
  }
  noteTimestamp(peer, change.lastTimestamp);
  if (change.description !== undefined) peer.description = change.description;
  noteDisabled(ctx, peer, change, now);
  // A peer is disabled before anything could be sent to it, and enabled when all is set.
  if (isToBeDisabled(peer)) obeyDisabled(ctx, peer, now);
  if (change.presharedKey !== undefined) setPresharedKey(peer, change.presharedKey);
  if (change.endpoint !== undefined) {
    if (pathOf(ctx, peer).endpoint === undefined) peer.timers.handshakePossible(now);
    moveTo(ctx, peer, change.endpoint, undefined);
    if (change.endpointName === undefined) forgetName(ctx, peer);
  }
  if (change.endpointName !== undefined) setName(ctx, peer, change.endpointName, now);
  applyRanges(ctx, peer, change);
  if (change.persistentKeepalive !== undefined) {
    setPersistentKeepalive(ctx, peer, change.persistentKeepalive, now);
  }
  obeyDisabled(ctx, peer, now);
}

/** Sets the preshared key. Sessions go on, and the next handshake uses the new key. */
function setPresharedKey(peer: Peer, presharedKey: Uint8Array): void {
  if (peer.presharedKey !== NO_PRESHARED_KEY) peer.presharedKey.fill(0);
  peer.presharedKey = presharedKey.every((byte) => byte === 0)
    ? NO_PRESHARED_KEY
    : secretCopy(presharedKey, "lasting");
}

function applyRanges(ctx: Context, peer: Peer, change: PeerChange): void {
  const add = (change.allowedIps ?? []).map(masked);
  const remove = (change.removeAllowedIps ?? []).map(masked);
  const replace = change.replaceAllowedIps === true;
  if (add.length === 0 && remove.length === 0 && (!replace || peer.allowedIps === undefined)) {
    return;
  }
  if (replace) ctx.peers.clearRanges(peer);
  for (const range of remove) ctx.peers.removeRange(peer, range);
  for (const range of add) ctx.peers.addRange(peer, range);
  ctx.out.command({ type: "allowed-ips", peer: peer.slot, replace, remove, add });
}

function masked(range: AllowedIp): AllowedIp {
  const { address, prefix } = range;
  for (let i = prefix >> 3; i < address.length; i++) {
    const host = i === prefix >> 3 ? 0xff >> (prefix & 7) : 0xff;
    if ((address[i] & host) !== 0) return { address: maskAddress(address, prefix), prefix };
  }
  return range;
}

/** Sets the keepalive interval. Switching keepalives on sends one at once. */
function setPersistentKeepalive(
  ctx: Context,
  peer: Peer,
  seconds: number,
  now: Milliseconds,
): void {
  const switchedOn = peer.timers.persistentKeepalive === 0 && seconds !== 0;
  peer.timers.persistentKeepaliveSet(seconds);
  if (!switchedOn) return;
  peer.timers.persistentKeepaliveSent(now);
  if (ctx.up) sendKeepalive(ctx, peer, now);
}
