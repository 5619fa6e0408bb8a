/**
 * Random changes and statuses for tests, the same again from the same seed.
 * @module
 */
import { EVIDENCE, type Evidence } from "../../lib/base/evidence.ts";
import { formatEndpoint } from "../../lib/base/ip_text.ts";
import type { PresharedKey, PrivateKey, PublicKey } from "../../lib/base/brands.ts";
import type { DeviceChange, DeviceStatus, PeerChange, PeerStatus } from "../../lib/base/config.ts";
import { type CounterName, COUNTERS, type Counts, PEER_COUNTERS } from "../../lib/base/counters.ts";
import type { AllowedIp, Endpoint } from "../../lib/base/endpoint.ts";
import type { NamedEndpoint } from "../../lib/base/host_name.ts";
import { maskAddress } from "../../lib/base/ip_text.ts";
import { OFFLOAD_NAMES, type Offloads } from "../../lib/base/offloads.ts";
import { QUEUES } from "../../lib/base/queues.ts";
import type { InterfaceFacts } from "../../lib/base/status.ts";
import { type Chance } from "../random.ts";

/** Bytes a third of which are zero. */
export function randomBytes(chance: Chance, length: number): Uint8Array {
  return chance.bytes(length).map((byte) => byte < 85 ? 0 : byte);
}

const maybe = (chance: Chance) => chance.once(2);

export function randomRange(chance: Chance): AllowedIp {
  const length = maybe(chance) ? 4 : 16;
  const prefix = chance.int(length * 8 + 1);
  return { address: maskAddress(randomBytes(chance, length), prefix), prefix };
}

export function randomEndpoint(chance: Chance): Endpoint {
  if (maybe(chance)) return { address: randomBytes(chance, 4), port: chance.int(65536), scope: 0 };
  const address = randomBytes(chance, 16);
  address[0] = 0x20;
  return { address, port: chance.int(65536), scope: chance.int(3) };
}

const DESCRIPTIONS = ["", "laptop", "Zoë", "a=b", "  two  ", "x".repeat(63)];

const DISABLED: readonly NonNullable<PeerChange["disabled"]>[] = [
  false,
  { reason: "hand" },
  { reason: "quota", sinceUnixMs: 1_798_675_200_000 },
];

function randomPeer(chance: Chance): PeerChange {
  const allowedIps = Array.from({ length: chance.int(4) }, () => randomRange(chance));
  return {
    publicKey: randomBytes(chance, 32) as PublicKey,
    ...(maybe(chance) && { remove: true }),
    ...(maybe(chance) && { updateOnly: true }),
    ...(maybe(chance) && { presharedKey: randomBytes(chance, 32) as PresharedKey }),
    ...(maybe(chance) && { endpoint: randomEndpoint(chance) }),
    ...(maybe(chance) && { endpointName: randomName(chance) }),
    ...(maybe(chance) && { persistentKeepalive: chance.int(65536) }),
    ...(maybe(chance) && { description: chance.oneOf(DESCRIPTIONS) }),
    ...(maybe(chance) && { disabled: chance.oneOf(DISABLED) }),
    ...(maybe(chance) && { expiresUnixMs: chance.int(2 ** 31) * 1000 }),
    ...(maybe(chance) && { lastTimestamp: randomBytes(chance, 12) }),
    ...(maybe(chance) && { replaceAllowedIps: true }),
    ...(allowedIps.length > 0 && { allowedIps }),
    ...(maybe(chance) && { removeAllowedIps: [randomRange(chance)] }),
  };
}

function randomOffloads(chance: Chance): Partial<Offloads> {
  const named = OFFLOAD_NAMES.filter(() => maybe(chance));
  return Object.fromEntries(named.map((name) => [name, maybe(chance)]));
}

export function randomChange(chance: Chance): DeviceChange {
  const peers = Array.from({ length: chance.int(4) }, () => randomPeer(chance));
  return {
    ...(maybe(chance) && { privateKey: randomBytes(chance, 32) as PrivateKey }),
    ...(maybe(chance) && { listenPort: chance.int(65536) }),
    ...(maybe(chance) && { fwmark: chance.int(2 ** 32) }),
    ...(maybe(chance) && { rtable: chance.int(256) }),
    ...(maybe(chance) && { debug: maybe(chance) }),
    ...(maybe(chance) && { groups: ["office", "uplink"].slice(chance.int(3)) }),
    ...(maybe(chance) && { priority: chance.int(1000) }),
    ...(maybe(chance) && { mtuAuto: maybe(chance) }),
    ...(maybe(chance) && { offloads: randomOffloads(chance) }),
    ...(maybe(chance) && { replacePeers: true }),
    ...(peers.length > 0 && { peers }),
  };
}

/** At least one of these names, with values up to 2^53. */
function randomCounts(chance: Chance, names: readonly CounterName[]): Counts {
  const told = names.slice(chance.int(names.length));
  return Object.fromEntries(
    told.map((name) => [name, chance.int(2 ** 32) * [0, 1, 2 ** 21][chance.int(3)]]),
  );
}

function randomPeerStatus(chance: Chance): PeerStatus {
  return {
    publicKey: randomBytes(chance, 32) as PublicKey,
    presharedKey: (maybe(chance) ? randomBytes(chance, 32) : new Uint8Array(32)) as PresharedKey,
    endpoint: maybe(chance) ? randomEndpoint(chance) : undefined,
    ...(maybe(chance) && {
      endpointName: {
        ...randomName(chance),
        addresses: Array.from({ length: chance.int(3) }, () => randomEndpoint(chance).address),
        problem: ["", "Name or service not known"][chance.int(2)],
      },
    }),
    persistentKeepalive: chance.int(65536),
    allowedIps: Array.from({ length: chance.int(4) }, () => randomRange(chance)),
    description: chance.oneOf(DESCRIPTIONS),
    txBytes: chance.int(2 ** 32) * 4096,
    rxBytes: chance.int(2 ** 32),
    lastHandshakeUnixMs: maybe(chance) ? 0 : 1_700_000_000_000 + chance.int(2 ** 31),
    ...(maybe(chance) && { number: chance.int(1 << 20) }),
    ...(maybe(chance) && { counters: randomCounts(chance, PEER_COUNTERS) }),
    ...(maybe(chance) && {
      disabled: {
        reason: chance.oneOf(["hand", "expired", "quota"] as const),
        sinceUnixMs: chance.int(2 ** 31) * 1000,
      },
    }),
    ...(maybe(chance) && { expiresUnixMs: chance.int(2 ** 31) * 1000 }),
    ...(maybe(chance) && { evidence: randomEvidence(chance) }),
  };
}

/** At least one event. */
function randomEvidence(chance: Chance): Evidence[] {
  return Array.from({ length: 1 + chance.int(4) }, () => ({
    kind: EVIDENCE[chance.int(EVIDENCE.length)][0],
    ageMs: chance.int(2 ** 40),
    count: chance.int(2 ** 32),
    who: maybe(chance) ? formatEndpoint(randomEndpoint(chance)) : "",
    detail: chance.oneOf(["", "ENETUNREACH", "too-big 10.0.0.1 1400"]),
  }));
}

function randomName(chance: Chance): NamedEndpoint {
  const host = ["vpn.example.org", "a", "x-1.example.net.", "4u.example"][chance.int(4)];
  return { host, port: 1 + chance.int(65535) };
}

/** Peers of which no two have the same key, as in a device. */
function randomPeers(chance: Chance, count: number): PeerStatus[] {
  const peers = new Map<string, PeerStatus>();
  while (peers.size < count) {
    const peer = randomPeerStatus(chance);
    peers.set(peer.publicKey.toHex(), peer);
  }
  return [...peers.values()];
}

export function randomStatus(chance: Chance, peers = chance.int(4)): DeviceStatus {
  const keys = maybe(chance);
  return {
    privateKey: keys ? randomBytes(chance, 32) as PrivateKey : undefined,
    publicKey: keys ? randomBytes(chance, 32) as PublicKey : undefined,
    listenPort: chance.int(65536),
    fwmark: chance.int(3),
    rtable: chance.int(256),
    debug: maybe(chance),
    ...(maybe(chance) && { evidence: randomEvidence(chance) }),
    peers: randomPeers(chance, peers),
  };
}

export function randomFacts(chance: Chance): InterfaceFacts {
  return {
    name: "wg1",
    pid: 1 + chance.int(1 << 22),
    netns: "net:[4026531840]",
    suite: "libcrypto 3.0.19",
    cipher: "libcrypto composed",
    offloads: ["", "tso uso gso gro"][chance.int(2)],
    offloadsOff: ["", "uso gro"][chance.int(2)],
    privileges: ["", "net_admin no_new_privs"][chance.int(2)],
    privilegesMissing: ["", "landlock (ENOSYS), mlock (ENOMEM)"][chance.int(2)],
    lookUpsPid: [0, 1 + chance.int(1 << 22)][chance.int(2)],
    version: ["", "0.2.0"][chance.int(2)],
    ...(maybe(chance) && { counters: randomCounts(chance, COUNTERS.map(([name]) => name)) }),
    ...(maybe(chance) && {
      queues: Object.fromEntries(QUEUES.map(([name]) => [name, chance.int(1 << 20)])),
    }),
    instance: ["", "0123456789abcdef"][chance.int(2)],
    workers: 1 + chance.int(2),
    up: maybe(chance),
    mtu: 1280 + chance.int(9000),
    groups: ["office", "uplink"].slice(chance.int(3)),
    priority: chance.int(1000),
    mtuAuto: maybe(chance),
    features: ["endpoint_name", "other"].slice(chance.int(3)),
  };
}
