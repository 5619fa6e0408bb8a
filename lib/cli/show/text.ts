/**
 * An interface as wireguard-tools' wg(8) prints it, byte for byte: for people, by field, in
 * columns, and as values.
 * @module
 */
import { formatDate } from "../../base/date_text.ts";
import { disabledText } from "../../base/disabled_peer.ts";
import { formatEndpoint, formatIp, formatRange } from "../../base/ip_text.ts";
import type { DeviceStatus, PeerStatus } from "../../base/config.ts";

/** The fields of `wg show`. */
export const FIELDS = [
  "public-key",
  "private-key",
  "listen-port",
  "fwmark",
  "peers",
  "preshared-keys",
  "endpoints",
  "allowed-ips",
  "latest-handshakes",
  "transfer",
  "persistent-keepalive",
  "dump",
] as const;
export type ShowField = typeof FIELDS[number];

/** The style of the output. */
export interface ShowStyle {
  /** The wall clock in whole seconds, for the age of handshakes. */
  readonly nowSeconds: number;
  readonly hideKeys: boolean;
  readonly colors: boolean;
  /** Whether descriptions of peers are shown, which the original has not. */
  readonly descriptions: boolean;
  /** The name of the interface of a link-local endpoint, by its index. */
  readonly zoneName: (index: number) => string | undefined;
}

const NONE = "(none)";
const HIDDEN = "(hidden)";

const RESET = "\x1b[0m";
const BOLD = "\x1b[1m";
const RED = "\x1b[31m";
const GREEN = "\x1b[32m";
const YELLOW = "\x1b[33m";
const CYAN = "\x1b[36m";

/** Colors a text, or returns it unchanged. */
type Paint = (text: string, ...colors: readonly string[]) => string;

const painter = (colors: boolean): Paint => (text, ...wanted) =>
  colors ? `${wanted.join("")}${text}${RESET}` : text;

/** The view for people: the interface, then its peers, the latest handshake first. */
export function formatShown(name: string, status: DeviceStatus, style: ShowStyle): string {
  const paint = painter(style.colors);
  const { privateKey, publicKey, listenPort, fwmark } = status;
  const lines: [string, string][] = [];
  if (publicKey !== undefined) lines.push(["public key", publicKey.toBase64()]);
  if (privateKey !== undefined) {
    lines.push(["private key", style.hideKeys ? HIDDEN : privateKey.toBase64()]);
  }
  if (listenPort !== 0) lines.push(["listening port", String(listenPort)]);
  if (fwmark !== 0) lines.push(["fwmark", hex(fwmark)]);
  const blocks = [block(paint("interface", RESET, GREEN, BOLD), paint(name, GREEN), lines, paint)];
  for (const peer of byHandshake(status.peers)) {
    const key = paint(peer.publicKey.toBase64(), YELLOW);
    blocks.push(block(paint("peer", YELLOW, BOLD), key, peerLines(peer, style, paint), paint));
  }
  return blocks.join("\n");
}

function block(
  what: string,
  name: string,
  lines: readonly [string, string][],
  paint: Paint,
): string {
  return `${what}: ${name}\n${
    lines.map(([title, value]) => `  ${paint(title, BOLD)}: ${value}\n`).join("")
  }`;
}

function peerLines(peer: PeerStatus, style: ShowStyle, paint: Paint): [string, string][] {
  const lines: [string, string][] = [];
  if (style.descriptions && peer.description !== "") lines.push(["description", peer.description]);
  if (hasPresharedKey(peer)) {
    lines.push(["preshared key", style.hideKeys ? HIDDEN : peer.presharedKey.toBase64()]);
  }
  if (peer.endpoint !== undefined) {
    lines.push(["endpoint", formatEndpoint(peer.endpoint, style.zoneName)]);
  }
  const ranges = peer.allowedIps.map(({ address, prefix }) =>
    `${formatIp(address)}${paint("/", CYAN)}${prefix}`
  );
  lines.push(["allowed ips", ranges.length === 0 ? NONE : ranges.join(", ")]);
  if (peer.lastHandshakeUnixMs !== 0) {
    lines.push(["latest handshake", formatAgo(style.nowSeconds - handshakeSeconds(peer), paint)]);
  }
  if (peer.rxBytes !== 0 || peer.txBytes !== 0) {
    lines.push([
      "transfer",
      `${formatBytes(peer.rxBytes, paint)} received, ${formatBytes(peer.txBytes, paint)} sent`,
    ]);
  }
  if (peer.persistentKeepalive !== 0) {
    lines.push(["persistent keepalive", `every ${formatSpan(peer.persistentKeepalive, paint)}`]);
  }
  // The original has no such peers.
  if (peer.disabled !== undefined) lines.push(["disabled", disabledText(peer.disabled)]);
  if (peer.expiresUnixMs !== undefined) lines.push(["expires", formatDate(peer.expiresUnixMs)]);
  return lines;
}

function byHandshake(peers: readonly PeerStatus[]): PeerStatus[] {
  return peers.toSorted((a, b) => b.lastHandshakeUnixMs - a.lastHandshakeUnixMs);
}

const PLAIN = painter(false);

/**
 * The age of a handshake: `1 minute, 5 seconds ago`.
 * @param seconds the age; below 0 if the clock was set back
 */
export function formatAgo(seconds: number, paint: Paint = PLAIN): string {
  if (seconds < 0) {
    return `(${paint("System clock wound backward; connection problems may ensue.", RED)})`;
  }
  return seconds === 0 ? "Now" : `${formatSpan(seconds, paint)} ago`;
}

/**
 * A duration such as `2 days, 1 hour`: whole seconds, in units of 365-day years, days, hours,
 * minutes and seconds.
 */
export function formatSpan(seconds: number, paint: Paint = PLAIN): string {
  const parts: string[] = [];
  for (const [unit, length] of SPANS) {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    if (count > 0) parts.push(`${count} ${paint(count === 1 ? unit : `${unit}s`, CYAN)}`);
  }
  return parts.join(", ");
}

const SPANS = [["year", 31_536_000], ["day", 86_400], ["hour", 3600], ["minute", 60], [
  "second",
  1,
]] as const;

/** An amount of data, such as `738 B` or `2.15 KiB`. */
export function formatBytes(bytes: number, paint: Paint = PLAIN): string {
  if (bytes < 1024) return `${bytes} ${paint("B", CYAN)}`;
  let unit = 0;
  for (bytes /= 1024; bytes >= 1024 && unit < UNITS.length - 1; bytes /= 1024) unit++;
  return `${bytes.toFixed(2)} ${paint(UNITS[unit], CYAN)}`;
}

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

/**
 * One field, or all fields in columns (`dump`): a line for the interface or for each peer.
 * @param name the beginning of each line; undefined if only one interface is shown
 */
export function formatField(
  status: DeviceStatus,
  field: ShowField,
  name: string | undefined,
  style: ShowStyle,
): string {
  const line = (...columns: readonly (string | number)[]) =>
    `${name === undefined ? "" : `${name}\t`}${columns.join("\t")}\n`;
  const ofPeers = (...columns: readonly ((peer: PeerStatus) => string | number)[]) =>
    status.peers.map((peer) =>
      line(peer.publicKey.toBase64(), ...columns.map((column) => column(peer)))
    ).join("");
  const publicKey = status.publicKey?.toBase64() ?? NONE;
  const privateKey = status.privateKey?.toBase64() ?? NONE;
  const fwmark = status.fwmark === 0 ? "off" : hex(status.fwmark);
  const presharedKey = (peer: PeerStatus) =>
    hasPresharedKey(peer) ? peer.presharedKey.toBase64() : NONE;
  const endpoint = (peer: PeerStatus) =>
    peer.endpoint === undefined ? NONE : formatEndpoint(peer.endpoint, style.zoneName);
  const allowedIps = (separator: string) => (peer: PeerStatus) =>
    peer.allowedIps.map(formatRange).join(separator) || NONE;
  const received = (peer: PeerStatus) => peer.rxBytes;
  const sent = (peer: PeerStatus) => peer.txBytes;
  const keepalive = (peer: PeerStatus) =>
    peer.persistentKeepalive === 0 ? "off" : peer.persistentKeepalive;
  switch (field) {
    case "public-key":
      return line(publicKey);
    case "private-key":
      return line(privateKey);
    case "listen-port":
      return line(status.listenPort);
    case "fwmark":
      return line(fwmark);
    case "peers":
      return ofPeers();
    case "preshared-keys":
      return ofPeers(presharedKey);
    case "endpoints":
      return ofPeers(endpoint);
    case "allowed-ips":
      return ofPeers(allowedIps(" "));
    case "latest-handshakes":
      return ofPeers(handshakeSeconds);
    case "transfer":
      return ofPeers(received, sent);
    case "persistent-keepalive":
      return ofPeers(keepalive);
    case "dump":
      return line(privateKey, publicKey, status.listenPort, fwmark) +
        ofPeers(
          presharedKey,
          endpoint,
          allowedIps(","),
          handshakeSeconds,
          received,
          sent,
          keepalive,
        );
  }
}

/**
 * The interface as values, with the names of wireguard-tools' wg-json. Values that are not set are
 * omitted.
 */
export function showJson(status: DeviceStatus, style: ShowStyle): unknown {
  const { privateKey, publicKey, listenPort, fwmark } = status;
  const peers = status.peers.map((peer) => [peer.publicKey.toBase64(), {
    ...(peer.description === "" ? {} : { description: peer.description }),
    ...(hasPresharedKey(peer) && !style.hideKeys
      ? { presharedKey: peer.presharedKey.toBase64() }
      : {}),
    ...(peer.endpoint === undefined
      ? {}
      : { endpoint: formatEndpoint(peer.endpoint, style.zoneName) }),
    ...(peer.lastHandshakeUnixMs === 0 ? {} : { latestHandshake: handshakeSeconds(peer) }),
    transferRx: peer.rxBytes,
    transferTx: peer.txBytes,
    ...(peer.persistentKeepalive === 0 ? {} : { persistentKeepalive: peer.persistentKeepalive }),
    allowedIps: peer.allowedIps.map(formatRange),
    ...(peer.disabled && {
      disabled: {
        reason: peer.disabled.reason,
        since: Math.floor(peer.disabled.sinceUnixMs / 1000),
      },
    }),
    ...(peer.expiresUnixMs && { expires: Math.floor(peer.expiresUnixMs / 1000) }),
  }]);
  return {
    ...(privateKey === undefined || style.hideKeys ? {} : { privateKey: privateKey.toBase64() }),
    ...(publicKey === undefined ? {} : { publicKey: publicKey.toBase64() }),
    ...(listenPort === 0 ? {} : { listenPort }),
    ...(fwmark === 0 ? {} : { fwmark }),
    peers: Object.fromEntries(peers),
  };
}

const hex = (number: number) => `0x${number.toString(16)}`;
const handshakeSeconds = (peer: PeerStatus) => Math.floor(peer.lastHandshakeUnixMs / 1000);
const hasPresharedKey = (peer: PeerStatus) => peer.presharedKey.some((byte) => byte !== 0);
