/**
 * Combines the lines of a file to the wanted interface, as if they had been applied in their order
 * to a new interface.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../../base/brands.ts";
import type { DisabledChange, PeerChange } from "../../base/config.ts";
import { DEFAULT_MTU } from "../../base/constants.ts";
import type { AllowedIp, Endpoint, IpBytes } from "../../base/endpoint.ts";
import { OsError } from "../../base/errors.ts";
import type { NamedEndpoint } from "../../base/host_name.ts";
import { formatRange } from "../../base/ip_text.ts";
import type { Offloads } from "../../base/offloads.ts";
import { ALL_OFFLOADS } from "../../base/offloads.ts";
import type { PlannedAddress } from "./address_plan.ts";
import { isLinkLocal, planAddresses } from "./address_plan.ts";
import type { AddressChange, Command } from "./words/draft.ts";

/** A wanted peer. */
export interface WantedPeer {
  readonly publicKey: PublicKey;
  /** The preshared key; undefined for none. */
  readonly presharedKey: PresharedKey | undefined;
  /** The endpoint; undefined if no line sets it. The current endpoint stays then. */
  readonly endpoint: Endpoint | undefined;
  /** The name of the endpoint; undefined if the last line that sets the endpoint has an address. */
  readonly endpointName: NamedEndpoint | undefined;
  /** The keepalive interval in seconds; 0 for none. */
  readonly persistentKeepalive: number;
  readonly allowedIps: readonly AllowedIp[];
  readonly description: string;
  /** Set if the peer is disabled. */
  readonly disabled: DisabledChange | undefined;
  /** The date from which on the peer is disabled: Unix time in ms, 0 for none. */
  readonly expiresUnixMs: number;
  /**
   * The TAI64N timestamp of the peer's last initiation, 12 bytes, which a peer that is made again
   * gets. No line sets it.
   */
  readonly lastTimestamp?: Uint8Array;
}

/** A wanted interface. A value that is undefined may be any. */
export interface WantedInterface {
  readonly privateKey: PrivateKey | undefined;
  readonly listenPort: number | undefined;
  readonly rtable: number;
  /** The number of Workers; undefined for any. */
  readonly workers: number | undefined;
  /** The mark of the tunnel's datagrams; 0 for none. */
  readonly fwmark: number;
  readonly debug: boolean;
  readonly groups: readonly string[];
  readonly priority: number;
  readonly offloads: Offloads;
  readonly peers: readonly WantedPeer[];
  readonly up: boolean | undefined;
  readonly mtu: number;
  /** Whether the MTU follows the paths, beginning with `mtu`. */
  readonly mtuAuto: boolean;
  readonly description: string;
  readonly rdomain: number | undefined;
  readonly addresses: readonly PlannedAddress[];
  /** The link-local address to add if the interface has none (`inet6 eui64`). */
  readonly linkLocal: IpBytes | undefined;
}

/** A wanted peer while lines are added. */
interface PeerSum {
  publicKey: PublicKey;
  presharedKey: PresharedKey | undefined;
  endpoint: Endpoint | undefined;
  endpointName: NamedEndpoint | undefined;
  persistentKeepalive: number;
  /** The ranges by their text. */
  allowedIps: Map<string, AllowedIp>;
  description: string;
  disabled: DisabledChange | undefined;
  expiresUnixMs: number;
}

/**
 * Combines the lines of a file. What a later line removes (`-wgpeerall`, `-inet6`, `delete`) is not
 * in the result. Removing what no line has added has no effect.
 * @param commands the lines in their order
 * @param linkLocal the link-local address of the interface, for `eui64`
 * @throws ConfigError for `eui64` without a link-local address
 */
export function wantedOf(commands: readonly Command[], linkLocal?: IpBytes): WantedInterface {
  const peers = new Map<string, PeerSum>();
  const owners = new Map<string, PeerSum>();
  const groups = new Set<string>();
  let wanted: Omit<WantedInterface, "peers" | "groups"> = {
    privateKey: undefined,
    listenPort: undefined,
    rtable: 0,
    workers: undefined,
    fwmark: 0,
    debug: false,
    priority: 0,
    offloads: ALL_OFFLOADS,
    up: undefined,
    mtu: DEFAULT_MTU,
    mtuAuto: false,
    description: "",
    rdomain: undefined,
    addresses: [],
    linkLocal: undefined,
  };
  for (const command of commands) {
    const { change } = command;
    if (change.replacePeers === true) peers.clear();
    for (const peer of change.peers ?? []) addPeer(peers, owners, peer);
    for (const name of command.joinGroups) groups.add(name);
    for (const name of command.leaveGroups) groups.delete(name);
    const made = command.addresses.reduce(
      (was, one) => linkLocalAfter(was, one, linkLocal),
      wanted.linkLocal,
    );
    const own = made ?? linkLocal;
    wanted = {
      privateKey: change.privateKey ?? wanted.privateKey,
      listenPort: change.listenPort ?? wanted.listenPort,
      rtable: change.rtable ?? wanted.rtable,
      workers: change.workers ?? wanted.workers,
      fwmark: change.fwmark ?? wanted.fwmark,
      debug: change.debug ?? wanted.debug,
      priority: change.priority ?? wanted.priority,
      offloads: { ...wanted.offloads, ...change.offloads },
      up: command.up ?? wanted.up,
      mtu: command.mtu ?? wanted.mtu,
      mtuAuto: change.mtuAuto ?? (command.mtu === undefined && wanted.mtuAuto),
      description: command.description ?? wanted.description,
      rdomain: command.rdomain ?? wanted.rdomain,
      addresses: command.addresses.reduce(
        (sum, one) => addAddress(sum, one, own),
        wanted.addresses,
      ),
      linkLocal: made,
    };
  }
  return {
    ...wanted,
    groups: [...groups],
    peers: [...peers.values()].map((peer) => ({
      ...peer,
      allowedIps: [...peer.allowedIps.values()],
    })),
  };
}

/**
 * Applies the change of a peer.
 * @param owners the peers of ranges, by the text of the range; a peer may have lost the range since
 */
function addPeer(
  peers: Map<string, PeerSum>,
  owners: Map<string, PeerSum>,
  change: PeerChange,
): void {
  const key = change.publicKey.toBase64();
  if (change.remove === true) {
    peers.delete(key);
    return;
  }
  let peer = peers.get(key);
  if (peer === undefined) {
    if (change.updateOnly === true) return;
    peer = {
      publicKey: change.publicKey,
      presharedKey: undefined,
      endpoint: undefined,
      endpointName: undefined,
      persistentKeepalive: 0,
      allowedIps: new Map(),
      description: "",
      disabled: undefined,
      expiresUnixMs: 0,
    };
    peers.set(key, peer);
  }
  const { presharedKey } = change;
  if (presharedKey !== undefined) {
    peer.presharedKey = presharedKey.some((byte) => byte !== 0) ? presharedKey : undefined;
  }
  if (change.endpoint !== undefined || change.endpointName !== undefined) {
    peer.endpoint = change.endpoint;
    peer.endpointName = change.endpointName;
  }
  peer.persistentKeepalive = change.persistentKeepalive ?? peer.persistentKeepalive;
  peer.description = change.description ?? peer.description;
  if (change.disabled !== undefined) peer.disabled = change.disabled || undefined;
  peer.expiresUnixMs = change.expiresUnixMs ?? peer.expiresUnixMs;
  if (change.replaceAllowedIps === true) peer.allowedIps.clear();
  for (const range of change.removeAllowedIps ?? []) peer.allowedIps.delete(formatRange(range));
  for (const range of change.allowedIps ?? []) {
    const text = formatRange(range);
    // A range belongs to the last peer that has it.
    owners.get(text)?.allowedIps.delete(text);
    owners.set(text, peer);
    peer.allowedIps.set(text, range);
  }
}

function addAddress(
  addresses: readonly PlannedAddress[],
  change: AddressChange,
  linkLocal: IpBytes | undefined,
): readonly PlannedAddress[] {
  if (change.type === "link-local") return addresses;
  // `eui64` requires that the interface has a link-local address, even if no line adds one.
  const borrowed =
    change.type === "set" && change.eui64 && linkLocal !== undefined && !addresses.some(isLinkLocal)
      ? { address: linkLocal, prefix: 64, broadcast: undefined, destination: undefined }
      : undefined;
  try {
    const { result } = planAddresses(
      borrowed === undefined ? addresses : [...addresses, borrowed],
      [change],
    );
    return result.filter((address) => address !== borrowed);
  } catch (error) {
    // There is no such address to remove.
    if (change.type === "remove" && error instanceof OsError) return addresses;
    throw error;
  }
}

/**
 * The link-local address after a change.
 * @param running the current link-local address of the interface
 */
function linkLocalAfter(
  was: IpBytes | undefined,
  change: AddressChange,
  running: IpBytes | undefined,
): IpBytes | undefined {
  if (change.type === "link-local") return was ?? running ?? change.address;
  return change.type === "flush" && change.family === "inet6" ? undefined : was;
}
