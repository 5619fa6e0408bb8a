/**
 * Turns the values of a file or of `wg set` into a DeviceChange: setconf, addconf, syncconf, set.
 * @module
 */
import type { PresharedKey, PrivateKey } from "../base/brands.ts";
import type { DeviceChange, DeviceStatus, Draft, PeerChange, PeerStatus } from "../base/config.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { AllowedIp, Endpoint } from "../base/endpoint.ts";
import { formatRange } from "../base/ip_text.ts";
import { descriptionOf } from "./description.ts";
import type { InterfaceSettings, PeerSettings, PeerValues } from "./parse.ts";
import type { EndpointSetting } from "./values.ts";

/** Finds the address of an endpoint. Undefined for a name leaves the look-up to the daemon. */
export type EndpointOf = (setting: EndpointSetting) => Endpoint | undefined;

/** The values that a change is made of. */
export interface Settings {
  readonly interface: InterfaceSettings;
  readonly peers: readonly PeerValues[];
}

/**
 * The change of `addconf` and `set`: what is not set stays.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { addChange, setChange } from "./change.ts";
 * import { parseWgConfig } from "./parse.ts";
 *
 * const bytes = new TextEncoder().encode("[Interface]\nListenPort = 7111\n");
 * const config = parseWgConfig(bytes, { file: "wg1.conf" });
 * assert.ok(addChange(config, () => undefined).fwmark === undefined);
 * assert.ok(setChange(config, () => undefined).fwmark === 0);
 * ```
 */
export function addChange(settings: Settings, endpointOf: EndpointOf): DeviceChange {
  const { privateKey, listenPort, fwmark } = settings.interface;
  const change: Draft<DeviceChange> = {};
  if (privateKey !== undefined) change.privateKey = privateKey;
  if (listenPort !== undefined) change.listenPort = listenPort;
  if (fwmark !== undefined) change.fwmark = fwmark;
  if (settings.peers.length > 0) {
    change.peers = settings.peers.map((peer) => peerChange(peer, endpointOf));
  }
  return change;
}

/**
 * The change of `setconf`: the file is the whole truth. Values that it does not set are removed,
 * and a port that it does not set is chosen anew.
 */
export function setChange(settings: Settings, endpointOf: EndpointOf): DeviceChange {
  return { ...RESET, ...addChange(settings, endpointOf), replacePeers: true };
}

/**
 * The change of `syncconf`: the result is that of `setconf`, and peers of the file that are there
 * are changed and not made anew, so that their sessions stay. An endpoint that the file does not
 * set stays.
 * @param status the interface as it is
 */
export function syncChange(
  settings: Settings,
  status: DeviceStatus,
  endpointOf: EndpointOf,
): DeviceChange {
  const change = addChange(settings, endpointOf);
  const wanted = new Set(settings.peers.map(({ publicKey }) => publicKey.toBase64()));
  const gone = status.peers.filter(({ publicKey }) => !wanted.has(publicKey.toBase64()));
  const running = new Map(status.peers.map((peer) => [peer.publicKey.toBase64(), peer]));
  const peers: PeerChange[] = gone.map(({ publicKey }) => ({ publicKey, remove: true }));
  for (const peer of change.peers ?? []) {
    const key = peer.publicKey.toBase64();
    const own = running.get(key);
    // A later [Peer] with the same key adds to the first one.
    running.delete(key);
    const psk = own?.presharedKey.some((byte) => byte !== 0) === true;
    peers.push({
      ...(psk && peer.presharedKey === undefined ? { presharedKey: NO_PRESHARED_KEY() } : {}),
      ...(own !== undefined && own.persistentKeepalive !== 0 ? { persistentKeepalive: 0 } : {}),
      // A quota is lifted by hand alone.
      ...(own?.disabled?.reason === "hand" ? { disabled: false } : {}),
      ...(own?.expiresUnixMs !== undefined ? { expiresUnixMs: 0 } : {}),
      ...peer,
    });
  }
  return { ...RESET, ...change, ...(peers.length > 0 ? { peers } : {}) };
}

/**
 * A change with the descriptions that comments of the file give to its peers (`descriptionOf`). A
 * peer without such a comment keeps its description, also where the change makes it anew.
 * @param running the peers of the interface as it is
 */
export function describedChange(
  change: DeviceChange,
  file: readonly Pick<PeerSettings, "publicKey" | "comments">[],
  running: readonly Pick<PeerStatus, "publicKey" | "description">[],
): DeviceChange {
  const kept = change.replacePeers === true
    ? running.map(({ publicKey, description }) => [publicKey.toBase64(), description] as const)
    : [];
  const given = file.map(({ publicKey, comments }) =>
    [publicKey.toBase64(), descriptionOf(comments)] as const
  );
  const descriptions = new Map([...kept, ...given].filter(([, description]) => description !== ""));
  if (change.peers === undefined || descriptions.size === 0) return change;
  const peers = change.peers.map((peer) => {
    const description = descriptions.get(peer.publicKey.toBase64());
    return description === undefined || peer.remove ? peer : { ...peer, description };
  });
  return { ...change, peers };
}

const NO_PRESHARED_KEY = () => new Uint8Array(KEY_LENGTH) as PresharedKey;

/** The values of an interface that a file does not set. */
const RESET = {
  get privateKey(): PrivateKey {
    return new Uint8Array(KEY_LENGTH) as PrivateKey;
  },
  listenPort: 0,
  fwmark: 0,
};

function peerChange(peer: PeerValues, endpointOf: EndpointOf): PeerChange {
  const change: Draft<PeerChange> = { publicKey: peer.publicKey };
  if (peer.remove) return { ...change, remove: true };
  if (peer.presharedKey !== undefined) change.presharedKey = peer.presharedKey;
  const endpoint = peer.endpoint === undefined ? undefined : endpointOf(peer.endpoint);
  if (endpoint !== undefined) change.endpoint = endpoint;
  else if (peer.endpoint?.type === "name") {
    change.endpointName = { host: peer.endpoint.name, port: peer.endpoint.port };
  }
  if (peer.persistentKeepalive !== undefined) change.persistentKeepalive = peer.persistentKeepalive;
  const { disabled, expiresUnixMs } = peer.settings ?? {};
  if (disabled !== undefined) change.disabled = disabled;
  if (expiresUnixMs !== undefined) change.expiresUnixMs = expiresUnixMs;
  if (peer.replaceAllowedIps) change.replaceAllowedIps = true;
  const { added, removed } = rangesOf(peer);
  if (added.length > 0) change.allowedIps = added;
  if (removed.length > 0 && !peer.replaceAllowedIps) change.removeAllowedIps = removed;
  return change;
}

/** The ranges to add and to remove. The last mention of a range decides. */
function rangesOf(peer: PeerValues): { added: AllowedIp[]; removed: AllowedIp[] } {
  const last = new Map<string, PeerValues["allowedIps"][number]>();
  for (const setting of peer.allowedIps) {
    if (setting.sign === "!") throw new Error("an excluded range was not expanded");
    last.set(formatRange(setting.range), setting);
  }
  const of = (remove: boolean) =>
    [...last.values()].filter(({ sign }) => (sign === "-") === remove).map(({ range }) => range);
  return { added: of(false), removed: of(true) };
}
