/**
 * Compares a running interface with a wanted one: what is in use but not wanted, and the one change
 * that leads from one to the other. Equal parts are not in the change, so that sessions and
 * counters stay.
 * @module
 */
import type { PresharedKey } from "../../base/brands.ts";
import type { DeviceChange, Draft, PeerChange, PeerStatus } from "../../base/config.ts";
import { DEFAULT_MTU, KEY_LENGTH } from "../../base/constants.ts";
import { formatDate } from "../../base/date_text.ts";
import { disabledApartFromDate } from "../../base/disabled_peer.ts";
import { type IpBytes, sameBytes, sameEndpoint } from "../../base/endpoint.ts";
import { sameNamedEndpoint } from "../../base/host_name.ts";
import { formatIp, formatRange } from "../../base/ip_text.ts";
import { ALL_OFFLOADS, OFFLOAD_NAMES, type OffloadName } from "../../base/offloads.ts";
import type { InterfaceStatus, LinkFacts } from "../../base/status.ts";
import { IFF_UP } from "../../netlink/flags.ts";
import { isLinkLocal, type PlannedAddress, sameAddress } from "./address_plan.ts";
import { samePrivateKey } from "../../base/private_key.ts";
import { shellQuote, withoutControls } from "../../base/quote.ts";
import type { WantedInterface, WantedPeer } from "./wanted.ts";
import type { AddressChange, Command } from "./words/draft.ts";

/** A running interface. */
export interface RunningInterface {
  readonly status: InterfaceStatus;
  readonly link: Pick<LinkFacts, "flags" | "mtu" | "alias" | "addresses">;
  /** The rdomain; undefined in a namespace that is not an rdomain. */
  readonly rdomain: number | undefined;
}

/** The result of a comparison. */
export interface Difference {
  /**
   * What is in use but not wanted, in words of ifconfig: `wgpeer KEY`, `wgpeer KEY wgpka 25`, `inet
   * 10.0.0.1/24`. They contain no secret.
   */
  readonly extra: readonly string[];
  /**
   * The lines of ifconfig that make the change, without the name of the interface. A comment has
   * the description of a peer that the line does not set, or stands for a value that must not be
   * shown.
   */
  readonly plan: readonly string[];
  /** The lines as one change; undefined if nothing differs. */
  readonly command: Command | undefined;
}

/** Adds an IPv4 address without a broadcast address, where undefined stands for the usual one. */
export const NO_BROADCAST: IpBytes = new Uint8Array(4);
const NO_KEY = new Uint8Array(KEY_LENGTH) as PresharedKey;

/**
 * Compares a running interface with a wanted one. A private key is never removed, only changed,
 * because no other copy may exist. A port, an rdomain and up or down stay as they are if they are
 * not wanted one way.
 * @param spare what is in use and is to stay, in the words of `extra`
 */
export function differenceOf(
  name: string,
  running: RunningInterface,
  wanted: WantedInterface,
  spare: ReadonlySet<string> = new Set(),
): Difference {
  const comparison = new Comparison(spare);
  comparison.device(running, wanted);
  comparison.peers(running.status.peers, wanted.peers);
  comparison.link(running, wanted);
  return comparison.result(name);
}

/**
 * A running interface as a wanted one: no difference leads to it, and `differenceOf` leads back to
 * it after a change.
 */
export function wantedLike({ status, link, rdomain }: RunningInterface): WantedInterface {
  const off = status.offloadsOff.split(" ");
  const offloads = Object.fromEntries(OFFLOAD_NAMES.map((name) => [name, !off.includes(name)]));
  return {
    privateKey: status.privateKey,
    listenPort: status.listenPort,
    rtable: status.rtable,
    workers: status.workers,
    fwmark: status.fwmark,
    debug: status.debug,
    groups: status.groups,
    priority: status.priority,
    offloads: { ...ALL_OFFLOADS, ...offloads },
    peers: status.peers.map((peer) => ({
      ...peer,
      endpointName: peer.endpointName,
      presharedKey: peer.presharedKey.some((byte) => byte !== 0) ? peer.presharedKey : undefined,
      disabled: disabledApartFromDate(peer),
      expiresUnixMs: peer.expiresUnixMs ?? 0,
    })),
    up: (link.flags & IFF_UP) !== 0,
    mtu: link.mtu,
    mtuAuto: status.mtuAuto,
    description: link.alias,
    rdomain,
    addresses: link.addresses.map((one) => ({
      ...one,
      broadcast: one.broadcast ?? (one.address.length === 4 ? NO_BROADCAST : undefined),
      destination: one.peer,
    })),
    linkLocal: undefined,
  };
}

class Comparison {
  readonly #spare: ReadonlySet<string>;
  readonly #extra: string[] = [];
  readonly #plan: string[] = [];
  readonly #change: Draft<DeviceChange> = {};
  readonly #link: Draft<Pick<Command, "up" | "mtu" | "description" | "rdomain">> = {
    up: undefined,
    mtu: undefined,
    description: undefined,
    rdomain: undefined,
  };
  readonly #addresses: AddressChange[] = [];
  readonly #join: string[] = [];
  readonly #leave: string[] = [];

  constructor(spare: ReadonlySet<string>) {
    this.#spare = spare;
  }

  /**
   * Notes what is in use but not wanted.
   * @returns whether it is removed
   */
  #goes(words: string): boolean {
    this.#extra.push(words);
    return !this.#spare.has(words);
  }

  /**
   * Compares one value.
   * @param unset the value of an interface without this word
   * @returns whether the value is to be set
   */
  #sets<T>(word: string, is: T, wanted: T, unset: T): boolean {
    if (is === wanted) return false;
    if (wanted === unset && !this.#goes(`${word} ${is}`)) return false;
    this.#plan.push(`${word} ${wanted}`);
    return true;
  }

  device({ status }: RunningInterface, wanted: WantedInterface): void {
    const change = this.#change;
    if (wanted.privateKey === undefined) {
      if (status.privateKey !== undefined) this.#extra.push("wgkey");
    } else if (
      status.privateKey === undefined || !samePrivateKey(status.privateKey, wanted.privateKey)
    ) {
      this.#plan.push("# wgkey: another key");
      change.privateKey = wanted.privateKey;
    }
    const { listenPort } = wanted;
    if (listenPort !== undefined && listenPort !== 0 && listenPort !== status.listenPort) {
      this.#plan.push(`wgport ${listenPort}`);
      change.listenPort = listenPort;
    }
    if (this.#sets("wgrtable", status.rtable, wanted.rtable, 0)) change.rtable = wanted.rtable;
    if (wanted.workers !== undefined && wanted.workers !== status.workers) {
      this.#plan.push(`wgworkers ${wanted.workers}`);
      change.workers = wanted.workers;
    }
    if (this.#sets("wgfwmark", status.fwmark, wanted.fwmark, 0)) change.fwmark = wanted.fwmark;
    if (this.#sets("priority", status.priority, wanted.priority, 0)) {
      change.priority = wanted.priority;
    }
    if (status.debug !== wanted.debug && (wanted.debug || this.#goes("debug"))) {
      this.#plan.push(wanted.debug ? "debug" : "-debug");
      change.debug = wanted.debug;
    }
    this.#offloads(status.offloadsOff.split(" "), wanted);
    for (const group of wanted.groups) {
      if (status.groups.includes(group)) continue;
      this.#plan.push(`group ${group}`);
      this.#join.push(group);
    }
    for (const group of status.groups) {
      if (wanted.groups.includes(group) || !this.#goes(`group ${group}`)) continue;
      this.#plan.push(`-group ${group}`);
      this.#leave.push(group);
    }
  }

  #offloads(off: readonly string[], { offloads }: WantedInterface): void {
    for (const name of OFFLOAD_NAMES) {
      if (off.includes(name) !== offloads[name] || offloads[name] && !this.#goes(`-${name}`)) {
        continue;
      }
      this.#plan.push(offloads[name] ? name : `-${name}`);
      const change: Partial<Record<OffloadName, boolean>> = {
        ...this.#change.offloads,
        [name]: offloads[name],
      };
      this.#change.offloads = change;
    }
  }

  peers(running: readonly PeerStatus[], wanted: readonly WantedPeer[]): void {
    const changes: PeerChange[] = [];
    const left = new Map(running.map((peer) => [peer.publicKey.toBase64(), peer]));
    for (const peer of wanted) {
      const key = peer.publicKey.toBase64();
      const change = this.#peer(key, left.get(key), peer);
      if (change !== undefined) changes.push(change);
      left.delete(key);
    }
    for (const [key, { publicKey, description }] of left) {
      if (!this.#goes(`wgpeer ${key}`)) continue;
      this.#plan.push(`-wgpeer ${key}${commentOf([description])}`);
      changes.push({ publicKey, remove: true });
    }
    if (changes.length > 0) this.#change.peers = changes;
  }

  /**
   * Compares one peer.
   * @param is the running peer; undefined if it does not exist
   */
  #peer(key: string, is: PeerStatus | undefined, wanted: WantedPeer): PeerChange | undefined {
    const change: Draft<PeerChange> = { publicKey: wanted.publicKey };
    const words: string[] = [];
    const comments: string[] = [];
    const goes = (what: string) => this.#goes(`wgpeer ${key} ${what}`);
    const described = is?.description ?? "";
    if (
      described !== wanted.description &&
      (wanted.description !== "" || goes(`wgdescr ${described}`))
    ) {
      words.push(
        wanted.description === "" ? "-wgdescr" : `wgdescr ${shellQuote(wanted.description)}`,
      );
      change.description = wanted.description;
    }
    const psk = wanted.presharedKey ?? NO_KEY;
    if (
      !sameBytes(is?.presharedKey ?? NO_KEY, psk) &&
      (wanted.presharedKey !== undefined || goes("wgpsk"))
    ) {
      if (wanted.presharedKey === undefined) words.push("-wgpsk");
      else comments.push("wgpsk: another key");
      change.presharedKey = psk;
    }
    this.#endpoint(is, wanted, change, words);
    const { persistentKeepalive: seconds } = wanted;
    const keepalive = is?.persistentKeepalive ?? 0;
    if (keepalive !== seconds && (seconds !== 0 || goes(`wgpka ${keepalive}`))) {
      words.push(`wgpka ${seconds}`);
      change.persistentKeepalive = seconds;
    }
    this.#ranges(is, wanted, change, goes, words, comments);
    this.#disabled(is, wanted, change, goes, words);
    // A peer that was made again has forgotten it, or has taken an initiation that was recorded.
    const [before, now] = [wanted.lastTimestamp, is?.lastTimestamp];
    if (before !== undefined && (now === undefined || before.toHex() > now.toHex())) {
      change.lastTimestamp = before;
    }
    if (is !== undefined && Object.keys(change).length === 1) return undefined;
    const name = change.description === undefined || change.description === "" ? described : "";
    const comment = commentOf([name, ...comments]);
    this.#plan.push(`wgpeer ${key}${words.map((word) => ` ${word}`).join("")}${comment}`);
    return change;
  }

  /** Compares names with names: where the peer is now does not matter then. */
  #endpoint(
    is: PeerStatus | undefined,
    { endpoint, endpointName }: WantedPeer,
    change: Draft<PeerChange>,
    words: string[],
  ): void {
    if (endpointName !== undefined) {
      const named = is?.endpointName;
      if (named !== undefined && sameNamedEndpoint(named, endpointName)) return;
      words.push(`wgendpoint ${endpointName.host} ${endpointName.port}`);
      change.endpointName = endpointName;
    } else if (endpoint !== undefined) {
      const same = is?.endpoint !== undefined && sameEndpoint(is.endpoint, endpoint);
      if (same && is.endpointName === undefined) return;
      words.push(`wgendpoint ${formatIp(endpoint.address)} ${endpoint.port}`);
      change.endpoint = endpoint;
    }
  }

  /** Compares whether the peer is disabled, and its date. A quota is lifted by hand alone. */
  #disabled(
    is: PeerStatus | undefined,
    { disabled, expiresUnixMs: date }: WantedPeer,
    change: Draft<PeerChange>,
    goes: (what: string) => boolean,
    words: string[],
  ): void {
    const was = is && disabledApartFromDate(is)?.reason;
    if (disabled !== undefined && was !== disabled.reason && was !== "hand") {
      words.push("wgdisabled");
      change.disabled = disabled;
    } else if (disabled === undefined && was === "hand" && goes("wgdisabled")) {
      words.push("-wgdisabled");
      change.disabled = false;
    }
    const before = is?.expiresUnixMs ?? 0;
    if (before === date || date === 0 && !goes(`wgexpires ${formatDate(before)}`)) return;
    words.push(date === 0 ? "-wgexpires" : `wgexpires ${formatDate(date)}`);
    change.expiresUnixMs = date;
  }

  #ranges(
    is: PeerStatus | undefined,
    wanted: WantedPeer,
    change: Draft<PeerChange>,
    goes: (what: string) => boolean,
    words: string[],
    comments: string[],
  ): void {
    const has = new Map((is?.allowedIps ?? []).map((range) => [formatRange(range), range]));
    const wants = new Map(wanted.allowedIps.map((range) => [formatRange(range), range]));
    const taken = [...has.keys()].filter((text) => !wants.has(text) && goes(`wgaip ${text}`));
    const given = [...wants.keys()].filter((text) => !has.has(text));
    if (taken.length + given.length === 0) return;
    for (const text of taken) has.delete(text);
    const all = new Map([...has, ...wants]);
    for (const text of all.keys()) words.push(`wgaip ${text}`);
    if (all.size === 0) comments.push("all wgaip are removed");
    change.replaceAllowedIps = true;
    change.allowedIps = [...all.values()];
  }

  link({ status, link, rdomain }: RunningInterface, wanted: WantedInterface): void {
    const up = (link.flags & IFF_UP) !== 0;
    const moves = wanted.rdomain !== undefined && wanted.rdomain !== rdomain;
    if (moves) {
      this.#plan.push(`rdomain ${wanted.rdomain} # the interface loses its addresses and routes`);
      this.#link.rdomain = wanted.rdomain;
    }
    this.#mtu(status.mtuAuto, link.mtu, wanted);
    const { description } = wanted;
    if (
      link.alias !== description && (description !== "" || this.#goes(`description ${link.alias}`))
    ) {
      this.#plan.push(
        description === "" ? "-description" : `description ${shellQuote(description)}`,
      );
      this.#link.description = description;
    }
    if (wanted.up !== undefined && wanted.up !== up) {
      this.#plan.push(wanted.up ? "up" : "down");
      this.#link.up = wanted.up;
    }
    this.#compareAddresses(link.addresses.map(plannedOf), wanted, moves);
  }

  /** Compares the MTU. One that follows the paths differs from that with which it began. */
  #mtu(isAuto: boolean, is: number, { mtu, mtuAuto }: WantedInterface): void {
    if (isAuto && (mtuAuto || mtu === DEFAULT_MTU && !this.#goes("mtu auto"))) return;
    if (isAuto) {
      this.#plan.push(`mtu ${mtu}`);
      this.#change.mtuAuto = false;
      this.#link.mtu = mtu;
    } else if (this.#sets("mtu", is, mtu, DEFAULT_MTU)) this.#link.mtu = mtu;
    if (!mtuAuto) return;
    this.#plan.push("mtu auto");
    this.#change.mtuAuto = true;
  }

  #compareAddresses(
    running: readonly PlannedAddress[],
    wanted: WantedInterface,
    moves: boolean,
  ): void {
    const has = (all: readonly PlannedAddress[], one: PlannedAddress) =>
      all.some((other) => sameAddress(one, other));
    for (const address of running) {
      if (
        has(wanted.addresses, address) || wanted.linkLocal !== undefined && isLinkLocal(address)
      ) continue;
      const other = wanted.addresses.some((one) => sameBytes(one.address, address.address));
      // An address with another mask or another other end is changed, not removed.
      if (other || !this.#goes(addressWords(address)) || moves) continue;
      this.#plan.push(`${addressWords(address)} delete`);
      this.#addresses.push({ type: "remove", family: familyOf(address), address: address.address });
    }
    if (wanted.linkLocal !== undefined && (moves || !running.some(isLinkLocal))) {
      this.#plan.push("inet6 eui64");
      this.#addresses.push({ type: "link-local", family: "inet6", address: wanted.linkLocal });
    }
    for (const address of wanted.addresses) {
      if (!moves && has(running, address)) continue;
      this.#plan.push(`${addressWords(address)} alias`);
      this.#addresses.push({
        type: "set",
        family: familyOf(address),
        ...address,
        alias: true,
        eui64: false,
      });
    }
  }

  result(name: string): Difference {
    return {
      extra: this.#extra,
      plan: this.#plan,
      command: this.#plan.length === 0 ? undefined : {
        name,
        create: false,
        destroy: false,
        ...this.#link,
        joinGroups: this.#join,
        leaveGroups: this.#leave,
        addresses: this.#addresses,
        change: this.#change,
      },
    };
  }
}

/** A comment behind a line, with those of the texts that are not empty. */
function commentOf(texts: readonly string[]): string {
  const all = texts.filter((text) => text !== "").map(withoutControls);
  return all.length === 0 ? "" : ` # ${all.join(", ")}`;
}

const familyOf = ({ address }: PlannedAddress) => address.length === 4 ? "inet" : "inet6";

const plannedOf = (
  { address, prefix, broadcast, peer }: LinkFacts["addresses"][number],
): PlannedAddress => ({
  address,
  prefix,
  broadcast,
  destination: peer,
});

function addressWords(address: PlannedAddress): string {
  const destination = address.destination === undefined ? "" : ` ${formatIp(address.destination)}`;
  return `${familyOf(address)} ${formatIp(address.address)}/${address.prefix}${destination}`;
}
