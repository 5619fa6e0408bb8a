/**
 * Checks a change of the configuration. It is called before any part of the change is applied.
 * @module
 */
import {
  ALLOWED_IPS_MAX,
  KEY_LENGTH,
  PEERS_MAX,
  RDOMAIN_MAX,
  TIMESTAMP_LENGTH,
} from "../base/constants.ts";
import type { DeviceChange, PeerChange } from "../base/config.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { isHostName } from "../base/host_name.ts";
import { checkDescription } from "../base/labels.ts";
import { DATE_MAX_MS } from "../base/date_text.ts";
import { quote } from "../base/quote.ts";
import { peerKey, type PeerRegistry, rangeKey } from "./peer_registry.ts";

/** The most peers and allowed IPs of an interface. */
export interface Limits {
  readonly peers: number;
  readonly allowedIps: number;
}

const STANDARD_LIMITS: Limits = { peers: PEERS_MAX, allowedIps: ALLOWED_IPS_MAX };

/**
 * Checks all values of a change, and that its peers and ranges fit.
 * @param limits only tests pass other limits
 * @throws ConfigError for the first wrong value, named by ifconfig's word
 */
export function checkChange(
  change: DeviceChange,
  peers: PeerRegistry,
  limits: Limits = STANDARD_LIMITS,
): void {
  checkKey("wgkey", change.privateKey);
  checkNumber("wgport", change.listenPort, 65_535);
  checkNumber("fwmark", change.fwmark, 0xffff_ffff);
  checkNumber("wgrtable", change.rtable, RDOMAIN_MAX);
  for (const peer of change.peers ?? []) checkPeer(peer);
  checkPeerCount(change, peers, limits.peers);
  checkRangeCount(change, peers, limits.allowedIps);
}

function checkPeer(change: PeerChange): void {
  checkKey("wgpeer", change.publicKey);
  checkKey("wgpsk", change.presharedKey);
  checkNumber("wgpka", change.persistentKeepalive, 65_535);
  for (const range of change.allowedIps ?? []) checkRange(range);
  for (const range of change.removeAllowedIps ?? []) checkRange(range);
  const { endpoint, endpointName, description } = change;
  if (endpoint !== undefined) {
    checkAddress("wgendpoint", endpoint.address);
    checkPort(endpoint.port);
    checkNumber("wgendpoint", endpoint.scope, 0xffff_ffff);
  }
  if (endpointName !== undefined) {
    if (!isHostName(endpointName.host)) {
      throw new ConfigError("wgendpoint", `${quote(endpointName.host)} is not a host's name`);
    }
    checkPort(endpointName.port);
  }
  if (description !== undefined) checkDescription("wgdescr", description);
  checkNumber("wgexpires", change.expiresUnixMs, DATE_MAX_MS);
  const { lastTimestamp } = change;
  if (lastTimestamp !== undefined && lastTimestamp.length !== TIMESTAMP_LENGTH) {
    throw new ConfigError(
      "last_timestamp",
      `${lastTimestamp.length} bytes; ${TIMESTAMP_LENGTH} bytes are required`,
    );
  }
  if (change.disabled) checkNumber("wgdisabled", change.disabled.sinceUnixMs, DATE_MAX_MS);
}

function checkPort(port: number): void {
  checkNumber("wgendpoint", port, 65_535);
  if (port === 0) {
    throw new ConfigError("wgendpoint", "the port 0 is out of range; 1 to 65535 is required");
  }
}

function checkKey(word: string, key: Uint8Array | undefined): void {
  if (key !== undefined && key.length !== KEY_LENGTH) {
    throw new ConfigError(word, `${key.length} bytes; a key of ${KEY_LENGTH} bytes is required`);
  }
}

function checkNumber(word: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= max)) return;
  throw new ConfigError(
    word,
    `${value} is out of range; a whole number from 0 to ${max} is required`,
  );
}

function checkAddress(word: string, address: Uint8Array): void {
  if (address.length !== 4 && address.length !== 16) {
    throw new ConfigError(
      word,
      `an address of ${address.length} bytes; 4 or 16 bytes are required`,
    );
  }
}

function checkRange(range: AllowedIp): void {
  checkAddress("wgaip", range.address);
  checkNumber("wgaip", range.prefix, range.address.length * 8);
}

/**
 * Checks the number of peers. The peers that the change removes are looked at only when the change
 * could exceed the limit without that.
 */
function checkPeerCount(change: DeviceChange, peers: PeerRegistry, max: number): void {
  const changes = change.peers ?? [];
  const before = change.replacePeers === true ? 0 : peers.size;
  if (before + changes.length <= max) return;
  const known = new Set<string>();
  if (change.replacePeers !== true) {
    for (const peer of peers.all()) known.add(peerKey(peer.publicKey));
  }
  for (const { publicKey, remove, updateOnly } of changes) {
    if (remove === true) known.delete(peerKey(publicKey));
    else if (updateOnly !== true) known.add(peerKey(publicKey));
    if (known.size > max) {
      throw new ConfigError("wgpeer", `too many peers; at most ${max} are allowed`);
    }
  }
}

/**
 * Checks the number of allowed IPs. A range that moves to another peer counts once. Ranges that the
 * change removes do not count, in whatever order it removes and adds.
 */
function checkRangeCount(change: DeviceChange, peers: PeerRegistry, max: number): void {
  const changes = change.peers ?? [];
  let added = 0;
  for (const { allowedIps } of changes) added += allowedIps?.length ?? 0;
  let kept = change.replacePeers === true ? 0 : peers.rangeCount;
  if (kept + added <= max) return;
  const emptied = new Set(change.replacePeers === true ? peers.all() : []);
  for (const { publicKey, replaceAllowedIps, remove } of changes) {
    const peer = replaceAllowedIps === true || remove === true ? peers.find(publicKey) : undefined;
    if (peer === undefined || emptied.has(peer)) continue;
    emptied.add(peer);
    kept -= peer.allowedIps?.size ?? 0;
  }
  const fresh = new Set<string>();
  for (const { allowedIps, remove } of changes) {
    if (remove === true) continue;
    for (const range of allowedIps ?? []) {
      const key = rangeKey(range);
      const owner = peers.ownerOf(key);
      if (owner === undefined || emptied.has(owner)) fresh.add(key);
    }
  }
  if (kept + fresh.size > max) {
    throw new ConfigError(
      "wgaip",
      `too many allowed IPs; at most ${max} are allowed on an interface`,
    );
  }
}
