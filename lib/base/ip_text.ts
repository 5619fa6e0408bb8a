/**
 * IP addresses, ranges (`ADDRESS/PREFIX`) and endpoints (`ADDRESS:PORT`) as text. IPv6 is read as
 * RFC 4291 and written as RFC 5952 says. Nothing here throws: wrong text gives undefined.
 * @module
 */
import type { AllowedIp, Endpoint, IpBytes } from "./endpoint.ts";

/** An IPv4 dotted quad (four decimal parts, no leading zeros) as 4 bytes, or undefined. */
export function parseIpv4(text: string): IpBytes | undefined {
  const bytes = new Uint8Array(4);
  let part = -1;
  let index = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (part < 0 || index > 3) return undefined;
      bytes[index++] = part;
      part = -1;
    } else if (code >= 48 && code <= 57) {
      if (part === 0) return undefined;
      part = (part < 0 ? 0 : part * 10) + code - 48;
      if (part > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return index === 4 ? bytes : undefined;
}

/** An IPv6 address (RFC 4291 section 2.2, all three forms, no zone) as 16 bytes, or undefined. */
export function parseIpv6(text: string): IpBytes | undefined {
  let head = text;
  let words = 8;
  let tail: IpBytes | undefined;
  if (text.includes(".")) {
    const colon = text.lastIndexOf(":");
    tail = parseIpv4(text.slice(colon + 1));
    if (colon < 0 || tail === undefined) return undefined;
    head = text.slice(0, colon);
    if (head.endsWith(":") || head === "") head += ":";
    words = 6;
  }
  const gap = head.indexOf("::");
  const left = parseGroups(gap < 0 ? head : head.slice(0, gap));
  const right = gap < 0 ? [] : parseGroups(head.slice(gap + 2));
  if (left === undefined || right === undefined) return undefined;
  const given = left.length + right.length;
  if (gap < 0 ? given !== words : given >= words) return undefined;
  const bytes = new Uint8Array(16);
  for (let i = 0; i < left.length; i++) writeGroup(bytes, i, left[i]);
  for (let i = 0; i < right.length; i++) writeGroup(bytes, words - right.length + i, right[i]);
  if (tail !== undefined) bytes.set(tail, 12);
  return bytes;
}

/**
 * An IPv4 or IPv6 address as 4 or 16 bytes, or undefined.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseIp } from "./ip_text.ts";
 *
 * assert.ok(parseIp("fd00::1")?.length === 16);
 * assert.ok(parseIp("10.0.0.256") === undefined);
 * ```
 */
export function parseIp(text: string): IpBytes | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/**
 * An address as text: a dotted quad, or IPv6 as RFC 5952 says. The `length` bytes (4 or 16) at `at`
 * are the address.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatIp } from "./ip_text.ts";
 *
 * assert.ok(formatIp(Uint8Array.of(10, 0, 0, 1)) === "10.0.0.1");
 * assert.ok(formatIp(new Uint8Array(16)) === "::");
 * ```
 */
export function formatIp(bytes: Uint8Array, at = 0, length: number = bytes.length - at): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && group(bytes, at, i + run) === 0) run++;
    if (run > bestLength) [best, bestLength] = [i, run];
    if (run > 0) i += run - 1;
  }
  if (isMapped(bytes, at)) return `::ffff:${formatIp(bytes, at + 12, 4)}`;
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += "::";
      i += bestLength - 1;
    } else {
      text += (text === "" || text.endsWith(":") ? "" : ":") + group(bytes, at, i).toString(16);
    }
  }
  return text;
}

/** Whether the 16 bytes at `at` are an IPv4-mapped address (::ffff:0:0/96, RFC 4291). */
export function isMapped(bytes: Uint8Array, at = 0): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 255 && bytes[at + 11] === 255;
}

/** A number of 1 to 10 decimal digits and at most `max`, or undefined. */
export function parseDecimal(text: string, max: number): number | undefined {
  if (text.length === 0 || text.length > 10) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= max ? value : undefined;
}

/**
 * A range from `ADDRESS/PREFIX` or `ADDRESS` (then /32 or /128), or undefined. Host bits are
 * cleared.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseRange } from "./ip_text.ts";
 *
 * assert.ok(parseRange("10.0.0.7/24")?.address[3] === 0);
 * ```
 */
export function parseRange(text: string): AllowedIp | undefined {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.length * 8;
  const prefix = slash < 0 ? bits : parseDecimal(text.slice(slash + 1), bits);
  if (prefix === undefined) return undefined;
  return { address: maskAddress(address, prefix), prefix };
}

/**
 * A range as `ADDRESS/PREFIX`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatRange } from "./ip_text.ts";
 *
 * assert.ok(formatRange({ address: Uint8Array.of(10, 0, 0, 0), prefix: 24 }) === "10.0.0.0/24");
 * ```
 */
export function formatRange(range: AllowedIp): string {
  return `${formatIp(range.address)}/${range.prefix}`;
}

/** A copy of the address whose bits after the first `prefix` are zero. */
export function maskAddress(address: IpBytes, prefix: number): IpBytes {
  const masked = address.slice();
  for (let i = 0; i < masked.length; i++) {
    const keep = prefix - i * 8;
    if (keep < 8) masked[i] &= keep <= 0 ? 0 : 0xff << (8 - keep);
  }
  return masked;
}

/**
 * An endpoint from `A.B.C.D:PORT`, `[IPv6]:PORT` or `[IPv6%ZONE]:PORT`, or undefined.
 * An IPv4-mapped address becomes IPv4, because each family has a socket of its own.
 * @param interfaceIndex finds the index of a zone that is a name; without it a zone is a number
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseEndpoint } from "./ip_text.ts";
 *
 * assert.ok(parseEndpoint("192.0.2.1:51820")?.port === 51820);
 * assert.ok(parseEndpoint("[fe80::1%3]:51820")?.scope === 3);
 * ```
 */
export function parseEndpoint(
  text: string,
  interfaceIndex?: (name: string) => number | undefined,
): Endpoint | undefined {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return undefined;
  const port = parseDecimal(text.slice(colon + 1), 65535);
  if (port === undefined) return undefined;
  if (text[0] !== "[") {
    const address = parseIpv4(text.slice(0, colon));
    return address === undefined ? undefined : { address, port, scope: 0 };
  }
  if (text[colon - 1] !== "]") return undefined;
  const percent = text.indexOf("%");
  const address = parseIpv6(text.slice(1, percent < 0 ? colon - 1 : percent));
  if (address === undefined) return undefined;
  if (isMapped(address)) {
    return percent < 0 ? { address: address.slice(12), port, scope: 0 } : undefined;
  }
  if (percent < 0) return { address, port, scope: 0 };
  const zone = text.slice(percent + 1, colon - 1);
  const scope = parseDecimal(zone, 0xffff_ffff) ??
    (zone === "" ? undefined : interfaceIndex?.(zone));
  return scope === undefined ? undefined : { address, port, scope };
}

/**
 * An endpoint in the form that `parseEndpoint` reads.
 * @param zoneName finds the name of a zone; without a name the zone is written as a number
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatEndpoint } from "./ip_text.ts";
 *
 * const address = Uint8Array.of(192, 0, 2, 1);
 * assert.ok(formatEndpoint({ address, port: 51820, scope: 0 }) === "192.0.2.1:51820");
 * ```
 */
export function formatEndpoint(
  endpoint: Endpoint,
  zoneName?: (index: number) => string | undefined,
): string {
  const address = formatIp(endpoint.address);
  if (endpoint.address.length === 4) return `${address}:${endpoint.port}`;
  const zone = endpoint.scope === 0 ? "" : `%${zoneName?.(endpoint.scope) ?? endpoint.scope}`;
  return `[${address}${zone}]:${endpoint.port}`;
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part) || groups.length === 8) return undefined;
    groups.push(parseInt(part, 16));
  }
  return groups;
}

function group(bytes: Uint8Array, at: number, index: number): number {
  return bytes[at + index * 2] << 8 | bytes[at + index * 2 + 1];
}

function writeGroup(bytes: Uint8Array, index: number, value: number): void {
  bytes[index * 2] = value >>> 8;
  bytes[index * 2 + 1] = value & 255;
}
