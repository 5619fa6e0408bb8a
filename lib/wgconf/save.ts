/**
 * Writes the values of a running interface into its file. Lines whose values are the same stay byte
 * by byte, so order, comments and spelling survive; only what differs is written anew.
 * @module
 */
import type { DeviceStatus, PeerStatus } from "../base/config.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import { sameBytes } from "../base/endpoint.ts";
import { formatNamedEndpoint, sameNamedEndpoint } from "../base/host_name.ts";
import { formatEndpoint, formatIp, formatRange } from "../base/ip_text.ts";
import { samePrivateKey } from "../base/private_key.ts";
import type { PeerSettings } from "./parse.ts";
import { formatPeerSettings, peerSettingsOf } from "./peer_settings.ts";
import type { QuickAddress, QuickConfig } from "./quick.ts";
import type { EntryLine, ScannedLine } from "./scan.ts";
import { putHead, sectionsOf } from "./sections.ts";
import { joinText, type TextPart } from "./text_parts.ts";

/** What a file gets from the running interface. */
export interface SavedValues {
  readonly status: DeviceStatus;
  readonly addresses: readonly QuickAddress[];
  /** The MTU in bytes. It is written only into a file that has one. */
  readonly mtu: number;
  /** The mark, without one that `up` has chosen itself; 0 for none. */
  readonly fwmark: number;
  /** Finds the name of the interface of a link-local endpoint. */
  readonly zoneName?: (index: number) => string | undefined;
}

/** A value as it stands in a file. */
type Value = string | { readonly key: Uint8Array };

/**
 * The file with the values of the interface. Peers that are gone are left out with the comments
 * above them, and new ones are added at the end. Erase the result after use.
 * @param config what the file says now
 * @param lineEnd the end of each line, `\n` or `\r\n`
 */
export function savedText(config: QuickConfig, values: SavedValues, lineEnd = "\n"): Uint8Array {
  const { status } = values;
  const left = new Map(status.peers.map((peer) => [peer.publicKey.toBase64(), peer]));
  const settings = new Map(config.peers.map((peer) => [peer.line, peer]));
  const out: TextPart[] = [];
  const put = (line: ScannedLine) => out.push(line.raw, lineEnd);
  let first = true;
  for (const { above, head, body } of sectionsOf(config.lines)) {
    const kind = head?.type === "section" ? head.name.toLowerCase() : "";
    if (kind === "peer") {
      const peer = settings.get(head?.line ?? 0);
      const running = peer === undefined ? undefined : left.get(peer.publicKey.toBase64());
      if (peer === undefined || running === undefined) continue;
      left.delete(peer.publicKey.toBase64());
      above.forEach(put);
      const lines = head === undefined
        ? body
        : putHead(out, head, body, peer.settings, peerSettingsOf(running), lineEnd);
      putBody(out, lines, peerValues(lines, peer, running, values), lineEnd);
      continue;
    }
    above.forEach(put);
    if (head !== undefined) put(head);
    if (kind === "interface" && first) {
      putBody(out, body, interfaceValues(body, config, values), lineEnd);
      first = false;
    } else body.forEach(put);
  }
  if (first) {
    out.push(`[Interface]${lineEnd}`);
    putBody(out, [], interfaceValues([], config, values), lineEnd);
  }
  for (const peer of left.values()) putPeer(out, peer, values, lineEnd);
  return joinText(out);
}

/** The wanted values of a section by key, in lower case; undefined where the lines stay. */
type Wanted = ReadonlyMap<string, { readonly name: string; readonly values: readonly Value[] }>;

function interfaceValues(
  body: readonly ScannedLine[],
  config: QuickConfig,
  { status, addresses, mtu, fwmark }: SavedValues,
): Wanted {
  const wanted = new Map<string, { name: string; values: Value[] }>();
  const text = ({ address, prefix }: QuickAddress) => `${formatIp(address)}/${prefix}`;
  if (!sameSet(config.addresses.map(text), addresses.map(text))) {
    wanted.set("address", { name: "Address", values: addresses.map(text) });
  }
  if (config.mtu !== undefined && config.mtu !== mtu) {
    wanted.set("mtu", { name: "MTU", values: [String(mtu)] });
  }
  const { privateKey, listenPort } = config.interface;
  if (status.listenPort !== 0 && listenPort !== status.listenPort) {
    wanted.set("listenport", { name: "ListenPort", values: [String(status.listenPort)] });
  }
  if ((config.interface.fwmark ?? 0) !== fwmark) {
    const mark = fwmark === 0 ? [] : [`0x${fwmark.toString(16)}`];
    wanted.set("fwmark", { name: "FwMark", values: mark });
  }
  const key = status.privateKey;
  const same = key === undefined
    ? !hasKey(body, "privatekey")
    : privateKey !== undefined && samePrivateKey(privateKey, key);
  if (!same) {
    wanted.set("privatekey", { name: "PrivateKey", values: key === undefined ? [] : [{ key }] });
  }
  return wanted;
}

function peerValues(
  body: readonly ScannedLine[],
  peer: PeerSettings,
  running: PeerStatus,
  { zoneName }: SavedValues,
): Wanted {
  const wanted = new Map<string, { name: string; values: Value[] }>();
  const ranges = peer.allowedIps.map(({ range }) => formatRange(range));
  if (!sameSet(ranges, running.allowedIps.map(formatRange))) {
    wanted.set("allowedips", { name: "AllowedIPs", values: listed(running.allowedIps) });
  }
  const psk = running.presharedKey;
  const none = psk.every((byte) => byte === 0);
  const samePsk = none ? !hasKey(body, "presharedkey") : peer.presharedKey !== undefined &&
    sameBytes(peer.presharedKey, psk);
  if (!samePsk) {
    wanted.set("presharedkey", { name: "PresharedKey", values: none ? [] : [{ key: psk }] });
  }
  const keepalive = running.persistentKeepalive;
  if ((peer.persistentKeepalive ?? 0) !== keepalive) {
    const values = keepalive === 0 ? [] : [String(keepalive)];
    wanted.set("persistentkeepalive", { name: "PersistentKeepalive", values });
  }
  const endpoint = endpointText(running, zoneName);
  if (endpoint !== undefined && !isSameEndpoint(peer, running)) {
    wanted.set("endpoint", { name: "Endpoint", values: [endpoint] });
  }
  return wanted;
}

/** Whether the file's endpoint is the running one. */
function isSameEndpoint(
  { endpoint: setting }: PeerSettings,
  { endpoint, endpointName }: PeerStatus,
): boolean {
  if (setting === undefined) return false;
  if (setting.type === "name") {
    const { name: host, port } = setting;
    return endpointName !== undefined && sameNamedEndpoint(endpointName, { host, port });
  }
  return endpoint !== undefined && endpointName === undefined && setting.zone === undefined &&
    setting.port === endpoint.port &&
    sameBytes(setting.address, endpoint.address);
}

/** The endpoint as a file has it: its name where it has one, not the address of the moment. */
function endpointText(
  { endpoint, endpointName }: PeerStatus,
  zoneName: ((index: number) => string | undefined) | undefined,
): string | undefined {
  if (endpointName !== undefined) return formatNamedEndpoint(endpointName);
  return endpoint === undefined ? undefined : formatEndpoint(endpoint, zoneName);
}

const listed = (ranges: readonly AllowedIp[]): string[] =>
  ranges.length === 0 ? [] : [ranges.map(formatRange).join(", ")];

const hasKey = (body: readonly ScannedLine[], key: string): boolean =>
  body.some((line) => line.type === "entry" && line.key.toLowerCase() === key);

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)];
  return left.size === right.size && [...left].every((one) => right.has(one));
}

/**
 * Puts the lines of a section. The values of a key stand where its first line was, and those of a
 * key that has no line behind the last entry.
 */
function putBody(
  out: TextPart[],
  body: readonly ScannedLine[],
  wanted: Wanted,
  lineEnd: string,
): void {
  const left = new Map(wanted);
  const putValues = (key: string, was?: EntryLine) => {
    const { name, values } = left.get(key)!;
    left.delete(key);
    const comment = was?.comment === undefined || was.comment === "" ? "" : ` # ${was.comment}`;
    for (const value of values) out.push(`${was?.key ?? name} = `, value, comment, lineEnd);
  };
  const last = body.findLastIndex((line) => line.type === "entry");
  const putRest = () =>
    [...left.keys()].filter((key) => !hasKey(body, key)).forEach((key) => putValues(key));
  if (last < 0) putRest();
  for (const [at, line] of body.entries()) {
    const key = line.type === "entry" ? line.key.toLowerCase() : "";
    if (line.type !== "entry" || !wanted.has(key)) out.push(line.raw, lineEnd);
    else if (left.has(key)) putValues(key, line);
    if (at === last) putRest();
  }
}

/** Puts a peer that is not in the file. */
function putPeer(out: TextPart[], peer: PeerStatus, values: SavedValues, lineEnd: string): void {
  const put = (name: string, value: Value) => out.push(`${name} = `, value, lineEnd);
  const description = peer.description === "" ? "" : ` # ${peer.description}`;
  out.push(`${lineEnd}[Peer]${description}${lineEnd}`);
  for (const comment of formatPeerSettings(peerSettingsOf(peer))) out.push(comment, lineEnd);
  put("PublicKey", { key: peer.publicKey });
  if (peer.presharedKey.some((byte) => byte !== 0)) put("PresharedKey", { key: peer.presharedKey });
  for (const list of listed(peer.allowedIps)) put("AllowedIPs", list);
  const endpoint = endpointText(peer, values.zoneName);
  if (endpoint !== undefined) put("Endpoint", endpoint);
  if (peer.persistentKeepalive !== 0) put("PersistentKeepalive", String(peer.persistentKeepalive));
}
