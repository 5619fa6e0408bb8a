/**
 * Random changes and statuses for tests, the same again from the same seed.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../../lib/base/brands.ts";
import type { DeviceChange, DeviceStatus, PeerChange, PeerStatus } from "../../lib/base/config.ts";
import { type CounterName, COUNTERS, type Counts, PEER_COUNTERS } from "../../lib/base/counters.ts";
import type { AllowedIp, Endpoint } from "../../lib/base/endpoint.ts";
import { maskAddress } from "../../lib/base/ip_text.ts";
import { OFFLOAD_NAMES, type Offloads } from "../../lib/base/offloads.ts";
import type { InterfaceFacts } from "../../lib/base/status.ts";

/** Draws a whole number from 0 to n - 1. */
export type Random = (n: number) => number;

/** mulberry32 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(3) === 0 ? 0 : random(256));
}

const maybe = (random: Random) => random(2) === 0;

export function randomRange(random: Random): AllowedIp {
  const length = maybe(random) ? 4 : 16;
  const prefix = random(length * 8 + 1);
  return { address: maskAddress(randomBytes(random, length), prefix), prefix };
}

export function randomEndpoint(random: Random): Endpoint {
  if (maybe(random)) return { address: randomBytes(random, 4), port: random(65536), scope: 0 };
  const address = randomBytes(random, 16);
  address[0] = 0x20;
  return { address, port: random(65536), scope: random(3) };
}

const DESCRIPTIONS = ["", "laptop", "Zoë", "a=b", "  two  ", "x".repeat(63)];

function randomPeer(random: Random): PeerChange {
  const allowedIps = Array.from({ length: random(4) }, () => randomRange(random));
  return {
    publicKey: randomBytes(random, 32) as PublicKey,
    ...(maybe(random) && { remove: true }),
    ...(maybe(random) && { updateOnly: true }),
    ...(maybe(random) && { presharedKey: randomBytes(random, 32) as PresharedKey }),
    ...(maybe(random) && { endpoint: randomEndpoint(random) }),
    ...(maybe(random) && { persistentKeepalive: random(65536) }),
    ...(maybe(random) && { description: DESCRIPTIONS[random(DESCRIPTIONS.length)] }),
    ...(maybe(random) && { replaceAllowedIps: true }),
    ...(allowedIps.length > 0 && { allowedIps }),
    ...(maybe(random) && { removeAllowedIps: [randomRange(random)] }),
  };
}

function randomOffloads(random: Random): Partial<Offloads> {
  const named = OFFLOAD_NAMES.filter(() => maybe(random));
  return Object.fromEntries(named.map((name) => [name, maybe(random)]));
}

export function randomChange(random: Random): DeviceChange {
  const peers = Array.from({ length: random(4) }, () => randomPeer(random));
  return {
    ...(maybe(random) && { privateKey: randomBytes(random, 32) as PrivateKey }),
    ...(maybe(random) && { listenPort: random(65536) }),
    ...(maybe(random) && { fwmark: random(2 ** 32) }),
    ...(maybe(random) && { rtable: random(256) }),
    ...(maybe(random) && { debug: maybe(random) }),
    ...(maybe(random) && { groups: ["office", "uplink"].slice(random(3)) }),
    ...(maybe(random) && { priority: random(1000) }),
    ...(maybe(random) && { offloads: randomOffloads(random) }),
    ...(maybe(random) && { replacePeers: true }),
    ...(peers.length > 0 && { peers }),
  };
}

/** At least one of these names, with values up to 2^53. */
function randomCounts(random: Random, names: readonly CounterName[]): Counts {
  const told = names.slice(random(names.length));
  return Object.fromEntries(
    told.map((name) => [name, random(2 ** 32) * [0, 1, 2 ** 21][random(3)]]),
  );
}

function randomPeerStatus(random: Random): PeerStatus {
  return {
    publicKey: randomBytes(random, 32) as PublicKey,
    presharedKey: (maybe(random) ? randomBytes(random, 32) : new Uint8Array(32)) as PresharedKey,
    endpoint: maybe(random) ? randomEndpoint(random) : undefined,
    persistentKeepalive: random(65536),
    allowedIps: Array.from({ length: random(4) }, () => randomRange(random)),
    description: DESCRIPTIONS[random(DESCRIPTIONS.length)],
    txBytes: random(2 ** 32) * 4096,
    rxBytes: random(2 ** 32),
    lastHandshakeUnixMs: maybe(random) ? 0 : 1_700_000_000_000 + random(2 ** 31),
    ...(maybe(random) && { counters: randomCounts(random, PEER_COUNTERS) }),
  };
}

export function randomStatus(random: Random, peers = random(4)): DeviceStatus {
  const keys = maybe(random);
  return {
    privateKey: keys ? randomBytes(random, 32) as PrivateKey : undefined,
    publicKey: keys ? randomBytes(random, 32) as PublicKey : undefined,
    listenPort: random(65536),
    fwmark: random(3),
    rtable: random(256),
    debug: maybe(random),
    peers: Array.from({ length: peers }, () => randomPeerStatus(random)),
  };
}

export function randomFacts(random: Random): InterfaceFacts {
  return {
    name: "wg1",
    pid: 1 + random(1 << 22),
    netns: "net:[4026531840]",
    suite: "libcrypto 3.0.19",
    cipher: "libcrypto composed",
    offloads: ["", "tso uso gso gro"][random(2)],
    offloadsOff: ["", "uso gro"][random(2)],
    ...(maybe(random) && { counters: randomCounts(random, COUNTERS.map(([name]) => name)) }),
    workers: 1 + random(2),
    up: maybe(random),
    mtu: 1280 + random(9000),
    groups: ["office", "uplink"].slice(random(3)),
    priority: random(1000),
  };
}
