/**
 * The text of `get`: formats a status and reads it back.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import type {
  DeviceStatus,
  DisabledStatus,
  Draft,
  NameStatus,
  PeerStatus,
} from "../base/config.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import { COUNTERS, type Counts, isCounterName } from "../base/counters.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import type { Evidence } from "../base/evidence.ts";
import {
  formatEndpoint,
  formatIp,
  formatRange,
  parseEndpoint,
  parseIp,
  parseRange,
} from "../base/ip_text.ts";
import { formatNamedEndpoint, parseNamedEndpoint } from "../base/host_name.ts";
import { parseGroups } from "../base/labels.ts";
import { isQueueName, QUEUES, type Queues } from "../base/queues.ts";
import { quote } from "../base/quote.ts";
import { formatEvidence, readEvidence } from "./evidence.ts";
import { KeyedText } from "./keyed_text.ts";
import { formatReply } from "./reply.ts";
import { parseKey, parseTimestamp } from "./set.ts";
import type { AddressFacts, InterfaceFacts, InterfaceStatus, LinkFacts } from "../base/status.ts";
import { NO_FACTS } from "../base/status.ts";

/**
 * The answer to `get`, without `errno=0` and the empty line (see `formatReply`). Without `facts` it
 * is `get=1`, which has only keys that wg(8) knows; with them it is `get=2`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatGet, parseGet } from "./get.ts";
 *
 * const status = parseGet("listen_port=51820\n");
 * assert.ok(formatGet(status) === "listen_port=51820\n");
 * ```
 */
export function formatGet(status: DeviceStatus, facts?: InterfaceFacts, link?: LinkFacts): string {
  return getText(status, facts, link).toString();
}

/**
 * The whole answer to `get` as `formatGet` has it, with `errno=0`, in bytes. Erase them after use.
 */
export function formatGetReply(
  status: DeviceStatus,
  facts?: InterfaceFacts,
  link?: LinkFacts,
): Uint8Array {
  return getText(status, facts, link).toBytes(formatReply(""));
}

/**
 * The answer to `stats`: that to `get=2` without the link, the private key and the preshared keys,
 * for programs that only look. `stats=2` has the link and the evidence too. `parseGet` reads both.
 */
export function formatStats(status: DeviceStatus, facts: InterfaceFacts, link?: LinkFacts): string {
  return getText(status, facts, link, "public").toString();
}

function getText(
  status: DeviceStatus,
  facts: InterfaceFacts | undefined,
  link: LinkFacts | undefined,
  keys: "public" | "all" = "all",
): KeyedText {
  const extended = facts !== undefined;
  const text = new KeyedText();
  if (keys === "all" && status.privateKey !== undefined) {
    text.add("private_key=");
    text.addKey(status.privateKey);
    text.add("\n");
  }
  if (extended && status.publicKey !== undefined) {
    text.add(`own_public_key=${status.publicKey.toHex()}\n`);
  }
  if (status.listenPort !== 0) text.add(`listen_port=${status.listenPort}\n`);
  if (status.fwmark !== 0) text.add(`fwmark=${status.fwmark}\n`);
  // The counters change all the time. They are part of answers and not of the public file.
  if (extended) {
    text.add(formatFacts(status, facts) + `instance=${facts.instance}\n`);
    text.add(formatCounters(facts.counters) + formatQueues(facts.queues));
    text.add(formatEvidence(status.evidence));
  }
  if (link !== undefined) text.add(formatLink(link));
  for (const peer of status.peers) addPeer(text, peer, extended, keys === "all");
  return text;
}

/**
 * The facts that every user may see of an interface, without keys and peers. OpenBSD shows port and
 * rtable to users other than root. The daemon keeps this text in a file of mode 0644 beside its
 * socket; `parseGet` reads it.
 */
export function formatPublic(status: DeviceStatus, facts: InterfaceFacts): string {
  return `listen_port=${status.listenPort}\n${formatFacts(status, facts)}`;
}

function formatFacts(status: DeviceStatus, facts: InterfaceFacts): string {
  return `rtable=${status.rtable}\ndebug=${status.debug}\nname=${facts.name}\npid=${facts.pid}\nnetns=${facts.netns}\n` +
    `up=${facts.up}\nmtu=${facts.mtu}\n${facts.mtuAuto ? "mtu_auto=true\n" : ""}groups=${
      facts.groups.join(" ")
    }\npriority=${facts.priority}\n` +
    `suite=${facts.suite}\ncipher=${facts.cipher}\noffloads=${facts.offloads}\noffloads_off=${facts.offloadsOff}\nworkers=${facts.workers}\n` +
    `privileges=${facts.privileges}\nprivileges_missing=${facts.privilegesMissing}\n` +
    `${facts.lookUpsPid === 0 ? "" : `look_ups_pid=${facts.lookUpsPid}\n`}` +
    `version=${facts.version}\nfeatures=${facts.features.join(" ")}\n`;
}

/** The reported counters, in the order of the list. */
function formatCounters(counters: Counts = {}): string {
  let text = "";
  for (const [name] of COUNTERS) {
    const value = counters[name];
    if (value !== undefined) text += `counter=${name} ${value}\n`;
  }
  return text;
}

/** The reported queues, in the order of the list. */
function formatQueues(queues: Queues = {}): string {
  let text = "";
  for (const [name] of QUEUES) {
    const value = queues[name];
    if (value !== undefined) text += `queue=${name} ${value}\n`;
  }
  return text;
}

/** Reads a counter. Unknown names are ignored. */
function readCounter(counters: CountsDraft, key: string, value: string): void {
  const [name, number] = namedNumber(key, value);
  if (isCounterName(name)) counters[name] = number;
}

/** Reads a queue. Unknown names are ignored. */
function readQueue(queues: Draft<Queues>, key: string, value: string): void {
  const [name, number] = namedNumber(key, value);
  if (isQueueName(name)) queues[name] = number;
}

function namedNumber(key: string, value: string): [name: string, number: number] {
  const [name, number] = value.split(" ");
  if (number === undefined) {
    throw new ConfigError(key, `${quote(value)} is invalid; NAME NUMBER is required`);
  }
  return [name, count(key, number)];
}

function formatLink(link: LinkFacts): string {
  const ip = (address: Uint8Array | undefined) => address === undefined ? "-" : formatIp(address);
  let text = `link=${link.index} ${link.flags} ${link.mtu} ${link.name} ${
    link.alias.replaceAll("\n", " ")
  }\n`;
  for (const one of link.addresses) {
    text += `address=${formatIp(one.address)}/${one.prefix} ${one.flags} ${ip(one.peer)} ${
      ip(one.broadcast)
    }\n`;
  }
  return text;
}

function addPeer(
  keyed: KeyedText,
  peer: PeerStatus,
  extended: boolean,
  withSecrets: boolean,
): void {
  const seconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  const nanoseconds = Math.floor((peer.lastHandshakeUnixMs - seconds * 1000) * 1e6);
  keyed.add(`public_key=${peer.publicKey.toHex()}\n`);
  if (withSecrets) {
    keyed.add("preshared_key=");
    keyed.addKey(peer.presharedKey);
    keyed.add("\n");
  } else if (peer.presharedKey.some((byte) => byte !== 0)) {
    keyed.add("preshared_key_present=true\n");
  }
  let text = "protocol_version=1\n";
  if (peer.endpoint !== undefined) text += `endpoint=${formatEndpoint(peer.endpoint)}\n`;
  text += `last_handshake_time_sec=${seconds}\nlast_handshake_time_nsec=${nanoseconds}\n` +
    `tx_bytes=${peer.txBytes}\nrx_bytes=${peer.rxBytes}\npersistent_keepalive_interval=${peer.persistentKeepalive}\n`;
  if (extended && peer.endpointName !== undefined) text += formatName(peer.endpointName);
  if (extended && peer.number !== undefined) text += `peer_number=${peer.number}\n`;
  if (extended && peer.description !== "") text += `description=${peer.description}\n`;
  if (extended && peer.disabled !== undefined) {
    text += `disabled=${peer.disabled.reason} ${peer.disabled.sinceUnixMs}\n`;
  }
  if (extended && peer.expiresUnixMs !== undefined) {
    text += `expires_unix_ms=${peer.expiresUnixMs}\n`;
  }
  if (extended && withSecrets && peer.lastTimestamp !== undefined) {
    text += `last_timestamp=${peer.lastTimestamp.toHex()}\n`;
  }
  if (extended) text += formatCounters(peer.counters) + formatEvidence(peer.evidence);
  for (const range of peer.allowedIps) text += `allowed_ip=${formatRange(range)}\n`;
  keyed.add(text);
}

function formatName(name: NameStatus): string {
  const { addresses, problem } = name;
  let text = `endpoint_name=${formatNamedEndpoint(name)}\n`;
  if (addresses.length > 0) {
    text += `name_addresses=${addresses.map((one) => formatIp(one)).join(" ")}\n`;
  }
  if (problem !== "") text += `name_problem=${problem}\n`;
  return text;
}

type CountsDraft = Draft<Counts>;
type DeviceDraft = Draft<InterfaceStatus> & { counters?: CountsDraft; queues?: Draft<Queues> };
type PeerDraft = Draft<PeerStatus> & { allowedIps: AllowedIp[]; counters?: CountsDraft };

/**
 * Reads an answer to `get=1` or `get=2`, or a public file, up to `errno=`. Unknown keys are
 * ignored, so that daemons of newer versions and other implementations can be read. Missing facts
 * are empty (NO_FACTS).
 * @throws ConfigError if a known key has an invalid value
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseGet } from "./get.ts";
 *
 * assert.ok(parseGet("listen_port=51820\nfwmark=7\n").fwmark === 7);
 * ```
 */
export function parseGet(text: string): InterfaceStatus {
  const peers: PeerDraft[] = [];
  const device: DeviceDraft = {
    ...NO_FACTS,
    privateKey: undefined,
    publicKey: undefined,
    listenPort: 0,
    fwmark: 0,
    rtable: 0,
    debug: false,
    peers,
  };
  let peer: PeerDraft | undefined;
  for (let from = 0; from < text.length;) {
    let end = text.indexOf("\n", from);
    if (end < 0) end = text.length;
    const equals = text.indexOf("=", from);
    if (equals >= 0 && equals < end) {
      const key = text.slice(from, equals);
      const value = text.slice(equals + 1, end);
      if (key === "public_key") {
        peer = newPeer(parseKey(key, value) as PublicKey);
        peers.push(peer);
      } else if (peer === undefined) {
        readDevice(device, key, value);
      } else {
        readPeer(peer, key, value);
      }
    }
    from = end + 1;
  }
  return device;
}

function parseLink(key: string, value: string): LinkFacts {
  const [index, flags, mtu, name, ...alias] = value.split(" ");
  if (name === undefined) {
    throw new ConfigError(
      key,
      `${quote(value)} is invalid; INDEX FLAGS MTU NAME ALIAS is required`,
    );
  }
  return {
    index: count(key, index),
    flags: count(key, flags),
    mtu: count(key, mtu),
    name,
    alias: alias.join(" "),
    addresses: [],
  };
}

function parseAddress(key: string, value: string): AddressFacts {
  const [range, flags, peer, broadcast] = value.split(" ");
  const slash = range.lastIndexOf("/");
  const address = parseIp(range.slice(0, slash));
  if (address === undefined || broadcast === undefined) {
    throw new ConfigError(
      key,
      `${quote(value)} is invalid; ADDRESS/PREFIX FLAGS PEER BROADCAST is required`,
    );
  }
  return {
    address,
    prefix: count(key, range.slice(slash + 1)),
    flags: count(key, flags),
    peer: parseIp(peer),
    broadcast: parseIp(broadcast),
  };
}

function newPeer(publicKey: PublicKey): PeerDraft {
  return {
    publicKey,
    presharedKey: new Uint8Array(KEY_LENGTH) as PresharedKey,
    endpoint: undefined,
    persistentKeepalive: 0,
    allowedIps: [],
    description: "",
    txBytes: 0,
    rxBytes: 0,
    lastHandshakeUnixMs: 0,
  };
}

function readDevice(device: DeviceDraft, key: string, value: string): void {
  switch (key) {
    case "private_key":
      device.privateKey = parseKey(key, value) as PrivateKey;
      return;
    case "own_public_key":
      device.publicKey = parseKey(key, value) as PublicKey;
      return;
    case "listen_port":
      device.listenPort = count(key, value);
      return;
    case "fwmark":
      device.fwmark = count(key, value);
      return;
    case "link":
      device.link = parseLink(key, value);
      return;
    case "address":
      if (device.link === undefined) {
        throw new ConfigError(key, "the line must come after the link's line");
      }
      device.link = {
        ...device.link,
        addresses: [...device.link.addresses, parseAddress(key, value)],
      };
      return;
    case "rtable":
      device.rtable = count(key, value);
      return;
    case "pid":
      device.pid = count(key, value);
      return;
    case "workers":
      device.workers = count(key, value);
      return;
    case "mtu":
      device.mtu = count(key, value);
      return;
    case "mtu_auto":
      device.mtuAuto = value === "true";
      return;
    case "priority":
      device.priority = count(key, value);
      return;
    case "debug":
      device.debug = value === "true";
      return;
    case "up":
      device.up = value === "true";
      return;
    case "groups":
      device.groups = parseGroups(value);
      return;
    case "features":
      device.features = value.split(" ").filter((name) => name !== "");
      return;
    case "name":
    case "netns":
    case "suite":
    case "cipher":
    case "offloads":
    case "instance":
    case "version":
    case "privileges":
      device[key] = value;
      return;
    case "counter":
      readCounter(device.counters ??= {}, key, value);
      return;
    case "queue":
      readQueue(device.queues ??= {}, key, value);
      return;
    case "evidence":
      addEvidence(device, value);
      return;
    case "offloads_off":
      device.offloadsOff = value;
      return;
    case "look_ups_pid":
      device.lookUpsPid = count(key, value);
      return;
    case "privileges_missing":
      device.privilegesMissing = value;
      return;
  }
}

function readPeer(peer: PeerDraft, key: string, value: string): void {
  switch (key) {
    case "preshared_key":
      peer.presharedKey = parseKey(key, value) as PresharedKey;
      return;
    case "endpoint":
      peer.endpoint = parseEndpoint(value) ?? wrong(key, value);
      return;
    case "endpoint_name":
      peer.endpointName = {
        ...(parseNamedEndpoint(value) ?? wrong(key, value)),
        addresses: [],
        problem: "",
      };
      return;
    case "name_addresses":
      peer.endpointName = {
        ...(peer.endpointName ?? early(key)),
        addresses: value.split(" ").map((one) => parseIp(one) ?? wrong(key, one)),
      };
      return;
    case "name_problem":
      peer.endpointName = { ...(peer.endpointName ?? early(key)), problem: value };
      return;
    case "persistent_keepalive_interval":
      peer.persistentKeepalive = count(key, value);
      return;
    case "tx_bytes":
      peer.txBytes = count(key, value);
      return;
    case "rx_bytes":
      peer.rxBytes = count(key, value);
      return;
    case "last_handshake_time_sec":
      peer.lastHandshakeUnixMs += count(key, value) * 1000;
      return;
    case "last_handshake_time_nsec":
      peer.lastHandshakeUnixMs += count(key, value) / 1e6;
      return;
    case "preshared_key_present":
      peer.hasPresharedKey = value === "true";
      return;
    case "peer_number":
      peer.number = count(key, value);
      return;
    case "description":
      peer.description = value;
      return;
    case "disabled":
      peer.disabled = parseDisabled(key, value);
      return;
    case "expires_unix_ms":
      peer.expiresUnixMs = count(key, value);
      return;
    case "last_timestamp":
      peer.lastTimestamp = parseTimestamp(key, value);
      return;
    case "counter":
      readCounter(peer.counters ??= {}, key, value);
      return;
    case "evidence":
      addEvidence(peer, value);
      return;
    case "allowed_ip":
      peer.allowedIps.push(parseRange(value) ?? wrong(key, value));
      return;
  }
}

function parseDisabled(key: string, value: string): DisabledStatus {
  const [reason, since] = value.split(" ");
  if (reason !== "hand" && reason !== "expired" && reason !== "quota") return wrong(key, value);
  return { reason, sinceUnixMs: count(key, since ?? "") };
}

function addEvidence(to: { evidence?: readonly Evidence[] }, value: string): void {
  const evidence = readEvidence(value);
  if (evidence !== undefined) to.evidence = [...to.evidence ?? [], evidence];
}

function early(key: string): never {
  throw new ConfigError(key, "the line must come after the line endpoint_name");
}

function count(key: string, value: string): number {
  if (!/^[0-9]{1,20}$/.test(value)) return wrong(key, value);
  return Number(value);
}

function wrong(key: string, value: string): never {
  throw new ConfigError(key, `${quote(value)} in the daemon's answer is invalid`);
}
