/**
 * A change in words, for the event `changed`.
 * @module
 */
import type { PublicKey } from "../base/brands.ts";
import type { DeviceChange } from "../base/config.ts";

/** The most peers that are named. */
const PEERS_NAMED_MAX = 16;

/** The settings of an interface and their words. */
const SETTINGS: readonly (readonly [keyof DeviceChange, string])[] = [
  ["privateKey", "private key"],
  ["listenPort", "listen port"],
  ["fwmark", "fwmark"],
  ["rtable", "rtable"],
  ["debug", "debug"],
  ["groups", "groups"],
  ["priority", "priority"],
  ["mtuAuto", "mtu"],
  ["offloads", "offloads"],
  ["replacePeers", "all peers"],
];

/**
 * The words of a change: settings such as `listen port`, and `peer NAME` or `peer NAME removed`,
 * with the public key of a peer that has no description.
 * @param describe the description of a peer, if it has one
 */
export function whatChanged(
  change: DeviceChange,
  describe: (publicKey: PublicKey) => string | undefined,
): string[] {
  const words = SETTINGS.filter(([key]) => change[key] !== undefined).map(([, word]) => word);
  const named = new Map<string, string>();
  const all = new Set<string>();
  for (const { publicKey, description, remove } of change.peers ?? []) {
    const key = publicKey.toBase64();
    all.add(key);
    if (!named.has(key) && named.size >= PEERS_NAMED_MAX) continue;
    const name = description || describe(publicKey) || key;
    named.set(key, `peer ${name}${remove === true ? " removed" : ""}`);
  }
  const others = all.size - named.size;
  return [
    ...words,
    ...named.values(),
    ...(others > 0 ? [`${others} other ${others === 1 ? "peer" : "peers"}`] : []),
  ];
}
