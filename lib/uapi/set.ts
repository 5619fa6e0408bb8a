/**
 * The text of `set`: reads a change and formats it. The lines of each peer stand alone: nothing set
 * for one peer affects the next.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import type { DeviceChange, DisabledChange, PeerChange } from "../base/config.ts";
import { KEY_LENGTH, RDOMAIN_MAX, TIMESTAMP_LENGTH } from "../base/constants.ts";
import { parseWorkers, WORKERS_MAX } from "../base/data_planes.ts";
import type { AllowedIp, Endpoint } from "../base/endpoint.ts";
import { DATE_MAX_MS } from "../base/date_text.ts";
import { EPROTO, osError } from "../base/errno.ts";
import { ConfigError } from "../base/errors.ts";
import { OFFLOAD_NAMES, type OffloadName, type Offloads } from "../base/offloads.ts";
import {
  formatEndpoint,
  formatRange,
  parseDecimal,
  parseEndpoint,
  parseRange,
} from "../base/ip_text.ts";
import { formatNamedEndpoint, parseNamedEndpoint } from "../base/host_name.ts";
import { checkDescription, parseGroups } from "../base/labels.ts";
import { numberProblem, quote } from "../base/quote.ts";
import { PRIORITY_MAX } from "./keys.ts";

/** The functions that reading a text may require. */
export interface ParseSetOptions {
  /**
   * The index of the interface in a link-local endpoint (`[fe80::1%eth0]:51820`). Without it only
   * numbers are accepted.
   */
  readonly interfaceIndex?: (name: string) => number | undefined;
  /** Keys that were taken out of the lines, by the index of the line, as `UapiReader` does it. */
  readonly keys?: ReadonlyMap<number, Uint8Array>;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type PeerDraft = Draft<PeerChange> & { allowedIps?: AllowedIp[]; removeAllowedIps?: AllowedIp[] };

/**
 * Reads the lines after `set=1` (or `set=2`), without the empty line. All lines are checked;
 * nothing is applied. Ranges that are removed after others were added make a second change of the
 * same peer, so that the order of the lines is kept.
 * @throws ConfigError that names the key, without key material; OsError EPROTO for a line without =
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseSet } from "./set.ts";
 *
 * assert.ok(parseSet(["listen_port=51820", "replace_peers=true"]).replacePeers === true);
 * ```
 */
export function parseSet(lines: Iterable<string>, options: ParseSetOptions = {}): DeviceChange {
  const change: Draft<DeviceChange> = {};
  const peers: PeerDraft[] = [];
  /** The changes that the lines of the present peer make: the first, and the one being filled. */
  let first: PeerDraft | undefined;
  let peer: PeerDraft | undefined;
  let index = 0;
  for (const line of lines) {
    const taken = options.keys?.get(index++);
    const equals = line.indexOf("=");
    if (equals < 0) throw osError("set", "a line", EPROTO, "it has no '='; KEY=VALUE is required");
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    if (key === "public_key") {
      first = peer = { publicKey: parseKey(key, value) as PublicKey };
      peers.push(peer);
    } else if (peer === undefined || first === undefined) {
      if (taken !== undefined && key === "private_key") change.privateKey = taken as PrivateKey;
      else setDevice(change, key, value);
    } else if (taken !== undefined && key === "preshared_key") {
      peer.presharedKey = taken as PresharedKey;
    } else {
      if (removesRanges(key, value) && peer.allowedIps !== undefined) {
        peer = { publicKey: peer.publicKey, updateOnly: true };
        peers.push(peer);
      }
      // These two are about all lines of the peer.
      const isOfPeer = key === "remove" || key === "update_only";
      setPeer(isOfPeer ? first : peer, key, value, options);
    }
  }
  if (peers.length > 0) change.peers = peers;
  return change;
}

const removesRanges = (key: string, value: string) =>
  key === "replace_allowed_ips" || key === "allowed_ip" && value[0] === "-";

/**
 * The lines of a change, each with a newline, without `set=...` and without the empty line at the
 * end.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatSet } from "./set.ts";
 *
 * assert.ok(formatSet({ listenPort: 51820 }) === "listen_port=51820\n");
 * ```
 */
export function formatSet(change: DeviceChange): string {
  let text = "";
  if (change.privateKey !== undefined) text += `private_key=${change.privateKey.toHex()}\n`;
  if (change.listenPort !== undefined) text += `listen_port=${change.listenPort}\n`;
  if (change.fwmark !== undefined) text += `fwmark=${change.fwmark}\n`;
  if (change.rtable !== undefined) text += `rtable=${change.rtable}\n`;
  if (change.workers !== undefined) text += `workers=${change.workers}\n`;
  if (change.debug !== undefined) text += `debug=${change.debug}\n`;
  if (change.groups !== undefined) text += `groups=${change.groups.join(" ")}\n`;
  if (change.priority !== undefined) text += `priority=${change.priority}\n`;
  if (change.mtuAuto !== undefined) text += `mtu_auto=${change.mtuAuto}\n`;
  if (change.offloads !== undefined) text += `offloads=${formatOffloads(change.offloads)}\n`;
  if (change.replacePeers) text += "replace_peers=true\n";
  for (const peer of change.peers ?? []) text += formatPeerChange(peer);
  return text;
}

function formatPeerChange(peer: PeerChange): string {
  let text = `public_key=${peer.publicKey.toHex()}\n`;
  if (peer.remove) text += "remove=true\n";
  if (peer.updateOnly) text += "update_only=true\n";
  if (peer.presharedKey !== undefined) text += `preshared_key=${peer.presharedKey.toHex()}\n`;
  if (peer.endpoint !== undefined) text += `endpoint=${formatEndpoint(peer.endpoint)}\n`;
  if (peer.endpointName !== undefined) {
    text += `endpoint_name=${formatNamedEndpoint(peer.endpointName)}\n`;
  }
  if (peer.persistentKeepalive !== undefined) {
    text += `persistent_keepalive_interval=${peer.persistentKeepalive}\n`;
  }
  if (peer.description !== undefined) text += `description=${peer.description}\n`;
  if (peer.disabled !== undefined) text += `disabled=${formatDisabled(peer.disabled)}\n`;
  if (peer.expiresUnixMs !== undefined) text += `expires_unix_ms=${peer.expiresUnixMs}\n`;
  if (peer.lastTimestamp !== undefined) {
    text += `last_timestamp=${peer.lastTimestamp.toHex()}\n`;
  }
  if (peer.replaceAllowedIps) text += "replace_allowed_ips=true\n";
  for (const range of peer.removeAllowedIps ?? []) text += `allowed_ip=-${formatRange(range)}\n`;
  for (const range of peer.allowedIps ?? []) text += `allowed_ip=${formatRange(range)}\n`;
  return text;
}

function setDevice(change: Draft<DeviceChange>, key: string, value: string): void {
  switch (key) {
    case "private_key":
      change.privateKey = parseKey(key, value) as PrivateKey;
      return;
    case "listen_port":
      change.listenPort = parseNumber(key, value, 0xffff);
      return;
    case "fwmark":
      change.fwmark = parseNumber(key, value, 0xffff_ffff);
      return;
    case "replace_peers":
      change.replacePeers = parseTrue(key, value);
      return;
    case "workers":
      change.workers = parseWorkers(value) ?? refuse(
        key,
        `${quote(value)} is invalid; a number of Workers, 1 to ${WORKERS_MAX}, is required`,
      );
      return;
    case "rtable":
      change.rtable = parseNumber(key, value, RDOMAIN_MAX);
      return;
    case "debug":
      change.debug = parseBoolean(key, value);
      return;
    case "mtu_auto":
      change.mtuAuto = parseBoolean(key, value);
      return;
    case "groups":
      change.groups = parseGroups(value);
      return;
    case "priority":
      change.priority = parseNumber(key, value, PRIORITY_MAX);
      return;
    case "offloads":
      change.offloads = parseOffloads(key, value);
      return;
    default:
      throw new ConfigError("set", `unknown key ${quote(key)}`);
  }
}

function setPeer(peer: PeerDraft, key: string, value: string, options: ParseSetOptions): void {
  switch (key) {
    case "remove":
      peer.remove = parseTrue(key, value);
      return;
    case "update_only":
      peer.updateOnly = parseTrue(key, value);
      return;
    case "preshared_key":
      peer.presharedKey = parseKey(key, value) as PresharedKey;
      return;
    case "endpoint":
      peer.endpoint = parseEndpointValue(key, value, options);
      return;
    case "endpoint_name":
      peer.endpointName = parseNamedEndpoint(value) ?? refuse(
        key,
        `${quote(value)} is not the name of an endpoint; NAME:PORT is required`,
      );
      return;
    case "persistent_keepalive_interval":
      peer.persistentKeepalive = parseNumber(key, value, 0xffff);
      return;
    case "replace_allowed_ips":
      peer.replaceAllowedIps = parseTrue(key, value);
      return;
    case "allowed_ip": {
      const removes = value[0] === "-";
      const range = parseRange(removes ? value.slice(1) : value);
      if (range === undefined || !value.includes("/")) {
        throw new ConfigError(key, `${quote(value)} is not a range; ADDRESS/PREFIX is required`);
      }
      if (removes) (peer.removeAllowedIps ??= []).push(range);
      else (peer.allowedIps ??= []).push(range);
      return;
    }
    case "protocol_version":
      if (value !== "1") {
        throw new ConfigError(key, `${quote(value)} is not supported; version 1 is required`);
      }
      return;
    case "description":
      peer.description = checkDescription(key, value);
      return;
    case "disabled":
      peer.disabled = parseDisabled(key, value);
      return;
    case "expires_unix_ms":
      peer.expiresUnixMs = parseUnixMs(key, value);
      return;
    case "last_timestamp":
      peer.lastTimestamp = parseTimestamp(key, value);
      return;
    default:
      throw new ConfigError("set", `unknown key ${quote(key)}`);
  }
}

/** `hand` or `quota`, with the time since when in Unix milliseconds behind it, or `no`. */
function formatDisabled(disabled: DisabledChange | false): string {
  if (disabled === false) return "no";
  const { reason, sinceUnixMs } = disabled;
  return sinceUnixMs === undefined ? reason : `${reason} ${sinceUnixMs}`;
}

function parseDisabled(key: string, value: string): DisabledChange | false {
  if (value === "no") return false;
  const [reason, since, ...rest] = value.split(" ");
  if (reason !== "hand" && reason !== "quota" || rest.length > 0) {
    throw new ConfigError(
      key,
      `${quote(value)} is invalid; no, hand or quota, with Unix milliseconds, is required`,
    );
  }
  if (since === undefined) return { reason };
  return { reason, sinceUnixMs: parseUnixMs(key, since) };
}

function parseUnixMs(key: string, value: string): number {
  const unixMs = /^[0-9]{1,15}$/.test(value) ? Number(value) : NaN;
  if (unixMs <= DATE_MAX_MS) return unixMs;
  throw new ConfigError(key, numberProblem(value, 0, DATE_MAX_MS));
}

/** The words of ifconfig for offloads: `tso -gro` turns one on and the other off. */
const formatOffloads = (offloads: Partial<Offloads>): string =>
  OFFLOAD_NAMES.filter((name) => offloads[name] !== undefined).map((name) =>
    offloads[name] ? name : `-${name}`
  ).join(
    " ",
  );

function parseOffloads(key: string, value: string): Partial<Offloads> {
  const offloads: Partial<Record<OffloadName, boolean>> = {};
  for (const word of value.split(" ").filter((word) => word !== "")) {
    const name = OFFLOAD_NAMES.find((name) => word === name || word === `-${name}`);
    if (name === undefined) {
      throw new ConfigError(
        key,
        `${quote(word)} is unknown; ${
          OFFLOAD_NAMES.join(", ")
        }, or one with - before it, is required`,
      );
    }
    offloads[name] = word === name;
  }
  return offloads;
}

const HEX_KEY = /^[0-9a-fA-F]{64}$/;

/**
 * A key of 32 bytes in hexadecimal.
 * @throws ConfigError that does not show the value
 */
export function parseKey(word: string, value: string): Uint8Array {
  if (value.length !== KEY_LENGTH * 2 || !HEX_KEY.test(value)) {
    throw new ConfigError(
      word,
      `not a key; ${KEY_LENGTH} bytes as ${KEY_LENGTH * 2} hexadecimal digits are required`,
    );
  }
  return Uint8Array.fromHex(value);
}

/** Reads a TAI64N timestamp. @throws ConfigError */
export function parseTimestamp(word: string, value: string): Uint8Array {
  const digits = TIMESTAMP_LENGTH * 2;
  if (value.length !== digits || !/^[0-9a-f]*$/i.test(value)) {
    throw new ConfigError(
      word,
      `${quote(value)} is not a TAI64N timestamp; ${digits} hexadecimal digits are required`,
    );
  }
  return Uint8Array.fromHex(value);
}

function parseNumber(word: string, value: string, max: number): number {
  const number = parseDecimal(value, max);
  if (number === undefined) {
    throw new ConfigError(word, numberProblem(value, 0, max));
  }
  return number;
}

function refuse(word: string, problem: string): never {
  throw new ConfigError(word, problem);
}

function parseBoolean(word: string, value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new ConfigError(word, `${quote(value)} is invalid; true or false is required`);
}

function parseTrue(word: string, value: string): true {
  if (value !== "true") throw new ConfigError(word, `${quote(value)} is invalid; true is required`);
  return true;
}

function parseEndpointValue(word: string, value: string, options: ParseSetOptions): Endpoint {
  const endpoint = parseEndpoint(value, options.interfaceIndex);
  if (endpoint === undefined) {
    throw new ConfigError(
      word,
      `${quote(value)} is not an endpoint; ADDRESS:PORT or [ADDRESS]:PORT is required`,
    );
  }
  return endpoint;
}
