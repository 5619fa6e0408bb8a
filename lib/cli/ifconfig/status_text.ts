/**
 * The text of an interface as ifconfig prints it: OpenBSD's header, the wg lines, groups and
 * addresses, byte for byte.
 * @module
 */
import { dataPlanesOf } from "../../base/data_planes.ts";
import { type CounterName, COUNTERS, type Counts, PEER_COUNTERS } from "../../base/counters.ts";
import type { DeviceStatus, NameStatus, PeerStatus } from "../../base/config.ts";
import { formatDate } from "../../base/date_text.ts";
import { disabledText } from "../../base/disabled_peer.ts";
import type { Endpoint, IpBytes } from "../../base/endpoint.ts";
import { formatIp, formatRange } from "../../base/ip_text.ts";
import type { Family } from "./words/draft.ts";
import { prefixMask } from "./words/values.ts";

/** A link as the kernel reports it. The flags are Linux's IFF_*. */
export interface ShownLink {
  readonly index: number;
  readonly flags: number;
  readonly mtu: number;
  readonly description: string;
  /** The hardware address: 6 bytes, or none. */
  readonly lladdr: Uint8Array;
}

/** An address of a link. */
export interface ShownAddress {
  readonly family: Family;
  readonly address: IpBytes;
  readonly prefix: number;
  readonly broadcast: IpBytes | undefined;
  readonly destination: IpBytes | undefined;
  /** The words that follow an IPv6 address, such as `tentative`. */
  readonly flags: readonly string[];
}

/** The parts of a wg interface that OpenBSD does not have. */
export interface ShownEngine {
  readonly pid: number;
  readonly suite: string;
  readonly cipher: string;
  readonly offloads: string;
  /** The offloads that were turned off. */
  readonly offloadsOff: string;
  /**
   * The number of threads that move packets: 1, or 2 with one for each direction; 0 if the daemon
   * does not report it.
   */
  readonly workers: number;
  /** The capabilities and layers of the daemon; empty if it does not report them. */
  readonly privileges: string;
  /** The layers that are missing. */
  readonly privilegesMissing: string;
  /** The process that looks up names; 0 without one. */
  readonly lookUpsPid: number;
  readonly fwmark: number;
}

/** The parts of the tunnel that are printed. */
export type ShownWg = Pick<DeviceStatus, "listenPort" | "rtable" | "publicKey" | "peers">;

/** All parts of an interface that are printed. */
export interface ShownInterface {
  readonly name: string;
  readonly link: ShownLink;
  /**
   * The place of the interface: the number of an rdomain (0 for the current namespace), the name of
   * another network namespace, or undefined if it is unknown.
   */
  readonly place: number | string | undefined;
  readonly debug: boolean;
  readonly priority: number;
  /** Whether the MTU follows the paths to the peers. */
  readonly mtuAuto: boolean;
  /** All groups, `wg` first. */
  readonly groups: readonly string[];
  /**
   * The tunnel; undefined for other interfaces. Users other than root get no keys and no peers.
   */
  readonly wg: ShownWg | undefined;
  readonly engine: ShownEngine | undefined;
  /** The counters of the daemon; undefined if it does not report them. */
  readonly counters?: Counts | undefined;
  readonly addresses: readonly ShownAddress[];
}

/** The parts to print. */
export interface StatusOptions {
  /** Whether peers are printed: for a named interface, or with -A. */
  readonly peers: boolean;
  /** The family of the addresses to print; undefined for both. */
  readonly family?: Family | undefined;
  /** Whether `hwfeatures` was given: crypto, offloads, workers and counters. */
  readonly features?: boolean;
  /**
   * The name of the interface of a link-local endpoint, by its index. Without a name the index is
   * printed.
   */
  readonly zone?: (index: number) => string | undefined;
  /** The wall clock in seconds, for the age of handshakes. */
  readonly nowSeconds: number;
}

/** The flags of Linux and OpenBSD by name, in the order of OpenBSD's IFFBITS. */
const FLAGS: readonly {
  readonly name: string;
  readonly linux: number;
  readonly openbsd: number;
}[] = [
  { name: "UP", linux: 0x1, openbsd: 0x1 },
  { name: "BROADCAST", linux: 0x2, openbsd: 0x2 },
  { name: "DEBUG", linux: 0, openbsd: 0x4 },
  { name: "LOOPBACK", linux: 0x8, openbsd: 0x8 },
  { name: "POINTOPOINT", linux: 0x10, openbsd: 0x10 },
  { name: "RUNNING", linux: 0x40, openbsd: 0x40 },
  { name: "NOARP", linux: 0x80, openbsd: 0x80 },
  { name: "PROMISC", linux: 0x100, openbsd: 0x100 },
  { name: "ALLMULTI", linux: 0x200, openbsd: 0x200 },
  { name: "MULTICAST", linux: 0x1000, openbsd: 0x8000 },
];
const LINUX_BROADCAST = 0x2;
const LINUX_POINTOPOINT = 0x10;
const OPENBSD_DEBUG = 0x4;
/** The queueing priority of a new interface on OpenBSD (IF_LLPRIO). It never changes here. */
const LLPRIO = 3;

/**
 * The flags of a link as OpenBSD's number. Linux marks every TUN device point-to-point and cannot
 * change that. OpenBSD's wg is a broadcast interface, and scripts check for this, so a wg interface
 * is shown as one.
 */
export function openbsdFlags(
  linuxFlags: number,
  options: { readonly wg: boolean; readonly debug: boolean },
): number {
  const flags = options.wg ? linuxFlags & ~LINUX_POINTOPOINT | LINUX_BROADCAST : linuxFlags;
  let number = options.debug ? OPENBSD_DEBUG : 0;
  for (const flag of FLAGS) if ((flags & flag.linux) !== 0) number |= flag.openbsd;
  return number;
}

/** The flags as text: `80c3<UP,BROADCAST,RUNNING,NOARP,MULTICAST>`. */
export function formatFlags(openbsd: number): string {
  const names = FLAGS.filter((flag) => (openbsd & flag.openbsd) !== 0).map((flag) => flag.name);
  return openbsd.toString(16) + (names.length > 0 ? `<${names.join(",")}>` : "");
}

/** The lines of an interface, each with its newline. */
export function formatInterface(shown: ShownInterface, options: StatusOptions): string {
  const { link, wg } = shown;
  const flags = openbsdFlags(link.flags, { wg: wg !== undefined, debug: shown.debug });
  let text = `${shown.name}: flags=${formatFlags(flags)}`;
  if (typeof shown.place === "string") text += ` netns ${shown.place}`;
  else if (shown.place !== undefined && shown.place !== 0) text += ` rdomain ${shown.place}`;
  text += ` mtu ${link.mtu}\n`;
  if (shown.mtuAuto) text += "\tmtu auto\n";
  if (link.lladdr.length === 6) {
    text += `\tlladdr ${link.lladdr.toHex().replace(/..(?=.)/g, "$&:")}\n`;
  }
  if (link.description !== "") text += `\tdescription: ${link.description}\n`;
  if (link.index > 0) text += `\tindex ${link.index} priority ${shown.priority} llprio ${LLPRIO}\n`;
  if (wg !== undefined) text += formatWg(wg, options);
  if (shown.groups.length > 0) text += `\tgroups: ${shown.groups.join(" ")}\n`;
  if (options.features === true && shown.engine !== undefined) {
    text += formatEngine(shown.engine) + formatCounters(shown.counters, "\t");
  }
  for (const address of shown.addresses) {
    if (options.family === undefined || address.family === options.family) {
      text += formatAddress(shown, address);
    }
  }
  return text;
}

function formatWg(
  { listenPort, rtable, publicKey, peers }: ShownWg,
  options: StatusOptions,
): string {
  let text = "";
  if (listenPort !== 0) text += `\twgport ${listenPort}\n`;
  if (rtable !== 0) text += `\twgrtable ${rtable}\n`;
  if (publicKey !== undefined) text += `\twgpubkey ${publicKey.toBase64()}\n`;
  if (!options.peers) return text;
  for (const peer of peers) {
    text += formatPeer(peer, options, rtable);
    if (options.features === true) text += formatCounters(peer.counters, "\t\t");
  }
  return text;
}

/** A line for each counter that is not 0. */
function formatCounters(counts: Counts = {}, indent: string): string {
  let text = "";
  for (const [name] of COUNTERS) {
    if ((counts[name] ?? 0) !== 0) text += `${indent}${name} ${counts[name]}\n`;
  }
  return text;
}

/**
 * The zone of a link-local endpoint: the name of the interface, or its index if it is in another
 * rdomain; undefined for other endpoints.
 */
function zoneOf(scope: number, zone: StatusOptions["zone"], rtable: number): string | undefined {
  if (scope === 0) return undefined;
  return (rtable === 0 ? zone?.(scope) : undefined) ?? String(scope);
}

function formatPeer(peer: PeerStatus, { nowSeconds, zone }: StatusOptions, rtable: number): string {
  let text = `\twgpeer ${peer.publicKey.toBase64()}\n`;
  if (peer.description !== "") text += `\t\twgdescr: ${peer.description}\n`;
  if (peer.disabled !== undefined) text += `\t\twgdisabled (${disabledText(peer.disabled)})\n`;
  if (peer.expiresUnixMs !== undefined) {
    text += `\t\twgexpires ${formatDate(peer.expiresUnixMs)}\n`;
  }
  if (hasPresharedKey(peer)) text += "\t\twgpsk (present)\n";
  if (peer.persistentKeepalive !== 0) text += `\t\twgpka ${peer.persistentKeepalive} (sec)\n`;
  if (peer.endpoint !== undefined || peer.endpointName !== undefined) {
    const { endpointName: named } = peer;
    const where = peer.endpoint && formatPlace(peer.endpoint, zone, rtable);
    text += `\t\twgendpoint ${named === undefined ? where : `${named.host} ${named.port}`}\n`;
    if (named !== undefined) text += `\t\t${formatAnswer(named, where)}\n`;
  }
  text += `\t\ttx: ${peer.txBytes}, rx: ${peer.rxBytes}\n`;
  const handshakeSeconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  if (handshakeSeconds !== 0) {
    // After the clock was set back the age must not be negative.
    const age = Math.max(0, Math.floor(nowSeconds - handshakeSeconds));
    text += `\t\tlast handshake: ${age} seconds ago\n`;
  }
  for (const range of peer.allowedIps) text += `\t\twgaip ${formatRange(range)}\n`;
  return text;
}

/** An endpoint as the operands of `wgendpoint`. */
function formatPlace(
  { address, port, scope }: Endpoint,
  zone: StatusOptions["zone"],
  rtable: number,
): string {
  const name = zoneOf(scope, zone, rtable);
  return `${formatIp(address)}${name === undefined ? "" : `%${name}`} ${port}`;
}

/** Where the peer with a named endpoint is now, and why its name does not resolve. */
function formatAnswer({ problem }: NameStatus, where: string | undefined): string {
  if (problem === "") return `address: ${where ?? "being looked up"}`;
  return `address: ${where ?? "none"}; the name does not resolve: ${problem}`;
}

/** Whether there is a preshared key. 32 zero bytes stand for none. */
const hasPresharedKey = ({ presharedKey }: PeerStatus): boolean =>
  presharedKey.some((byte) => byte !== 0);

function formatWorkers(workers: number): string {
  if (workers === 1) return "1";
  if (workers === 2) return "2, one each way";
  const { senders, receivers } = dataPlanesOf(workers);
  return `${workers}: ${senders} send, ${receivers} receive${receivers === 1 ? "s" : ""}`;
}

function formatEngine(engine: ShownEngine): string {
  let text = `\tcrypto: ${engine.suite}, packets ${engine.cipher}\n\toffloads: ${
    engine.offloads || "none"
  }`;
  text += engine.offloadsOff === "" ? "\n" : `; switched off: ${engine.offloadsOff}\n`;
  if (engine.workers !== 0) {
    text += `\tworkers: ${formatWorkers(engine.workers)}\n`;
  }
  if (engine.privileges !== "") {
    const missing = engine.privilegesMissing;
    text += `\tprivileges: ${engine.privileges}${missing === "" ? "" : `; missing: ${missing}`}\n`;
  }
  if (engine.lookUpsPid !== 0) text += `\tlook-ups: process ${engine.lookUpsPid}\n`;
  if (engine.fwmark !== 0) text += `\tfwmark 0x${engine.fwmark.toString(16)}\n`;
  return text + `\tpid ${engine.pid}\n`;
}

function formatAddress(
  shown: ShownInterface,
  { family, address, prefix, broadcast, destination, flags }: ShownAddress,
): string {
  if (family === "inet") {
    let text = `\tinet ${formatIp(address)}`;
    if (destination !== undefined) text += ` --> ${formatIp(destination)}`;
    text += ` netmask 0x${prefixMask(prefix).toString(16).padStart(8, "0")}`;
    return `${text}${broadcast === undefined ? "" : ` broadcast ${formatIp(broadcast)}`}\n`;
  }
  const linkLocal = address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
  let text = `\tinet6 ${formatIp(address)}${linkLocal ? `%${shown.name}` : ""}`;
  if (destination !== undefined) text += ` --> ${formatIp(destination)}`;
  text += ` prefixlen ${prefix}`;
  for (const flag of flags) text += ` ${flag}`;
  return `${text}${linkLocal ? ` scopeid 0x${shown.link.index.toString(16)}` : ""}\n`;
}

/** The interface as values, for `ifconfig --json`, without private and preshared keys. */
export function interfaceJson(
  shown: ShownInterface,
  options: StatusOptions,
): Record<string, unknown> {
  const { link, wg, engine, counters } = shown;
  const flags = openbsdFlags(link.flags, { wg: wg !== undefined, debug: shown.debug });
  return {
    name: shown.name,
    flags: FLAGS.filter((flag) => (flags & flag.openbsd) !== 0).map((flag) => flag.name),
    ...(typeof shown.place === "number" && { rdomain: shown.place }),
    ...(typeof shown.place === "string" && { netns: shown.place }),
    mtu: link.mtu,
    ...(shown.mtuAuto && { mtuAuto: true }),
    index: link.index,
    ...(link.description !== "" && { description: link.description }),
    priority: shown.priority,
    groups: shown.groups,
    ...(wg !== undefined && {
      wgport: wg.listenPort,
      wgrtable: wg.rtable,
      ...(wg.publicKey !== undefined && { wgpubkey: wg.publicKey.toBase64() }),
      ...(options.peers &&
        {
          wgpeers: wg.peers.map((peer) =>
            peerJson(peer, options, wg.rtable, counters !== undefined)
          ),
        }),
    }),
    ...(engine !== undefined && { engine }),
    ...(counters !== undefined && { counters: allOf(COUNTERS.map(([name]) => name), counters) }),
    addresses: shown.addresses
      .filter((address) => options.family === undefined || address.family === options.family)
      .map((address) => ({
        family: address.family,
        address: formatIp(address.address),
        prefix: address.prefix,
        ...(address.broadcast !== undefined && { broadcast: formatIp(address.broadcast) }),
        ...(address.destination !== undefined && { destination: formatIp(address.destination) }),
      })),
  };
}

/** Every counter with its value, which is 0 if it was not reported. */
function allOf(names: readonly CounterName[], counts: Counts = {}): Counts {
  return Object.fromEntries(names.map((name) => [name, counts[name] ?? 0]));
}

/**
 * The peer as values.
 * @param counted whether the daemon reports counters
 */
function peerJson(
  peer: PeerStatus,
  options: StatusOptions,
  rtable: number,
  counted: boolean,
): Record<string, unknown> {
  const { endpoint, endpointName } = peer;
  const zone = endpoint === undefined ? undefined : zoneOf(endpoint.scope, options.zone, rtable);
  return {
    wgpeer: peer.publicKey.toBase64(),
    ...(peer.description !== "" && { wgdescr: peer.description }),
    ...(peer.disabled !== undefined && {
      wgdisabled: {
        reason: peer.disabled.reason,
        sinceUnix: Math.floor(peer.disabled.sinceUnixMs / 1000),
      },
    }),
    ...(peer.expiresUnixMs !== undefined && {
      wgexpiresUnix: Math.floor(peer.expiresUnixMs / 1000),
    }),
    wgpsk: hasPresharedKey(peer),
    wgpka: peer.persistentKeepalive,
    ...(endpoint !== undefined && {
      wgendpoint: {
        address: formatIp(endpoint.address),
        port: endpoint.port,
        ...(zone !== undefined && { zone }),
      },
    }),
    ...(endpointName !== undefined && {
      wgendpointName: {
        host: endpointName.host,
        port: endpointName.port,
        addresses: endpointName.addresses.map((address) => formatIp(address)),
        ...(endpointName.problem !== "" && { problem: endpointName.problem }),
      },
    }),
    tx: peer.txBytes,
    rx: peer.rxBytes,
    lastHandshakeUnix: Math.floor(peer.lastHandshakeUnixMs / 1000),
    ...(counted && { counters: allOf(PEER_COUNTERS, peer.counters) }),
    wgaip: peer.allowedIps.map(formatRange),
  };
}
