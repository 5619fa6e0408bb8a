/**
 * Parses operands. Errors name the word, the value and what is required. They never show a key.
 * @module
 */
import { KEY_LENGTH } from "../../../base/constants.ts";
import type { AllowedIp, IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { parseDecimal, parseIpv4, parseIpv6, parseRange } from "../../../base/ip_text.ts";
import { KEY_TEXT_LENGTH } from "../../../base/key_text.ts";
import { numberProblem, quote } from "../../../base/quote.ts";

/**
 * A whole number from `min` to `max`.
 * @throws ConfigError
 */
export function parseNumber(word: string, text: string, min: number, max: number): number {
  const value = parseDecimal(text, max);
  if (value === undefined || value < min) {
    throw new ConfigError(word, numberProblem(text, min, max));
  }
  return value;
}

/**
 * A key in base64, checked as OpenBSD's ifconfig does.
 * @throws ConfigError that does not show the key
 */
export function parseKeyText(word: string, text: string): Uint8Array {
  if (text.length !== KEY_TEXT_LENGTH) {
    throw new ConfigError(
      `${word} (key)`,
      `invalid length: ${text.length} characters; ${KEY_TEXT_LENGTH} characters of base64 are required`,
    );
  }
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) throw new ConfigError(`${word} (key)`, "invalid base64");
  let key: Uint8Array;
  try {
    // The last character has two bits that no byte takes: where they are set, it is a typing error.
    key = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    throw new ConfigError(`${word} (key)`, "invalid base64");
  }
  if (key.length !== KEY_LENGTH) throw new ConfigError(`${word} (key)`, "invalid length");
  return key;
}

/**
 * An allowed range: `A.B.C.D/P`, `10/8` (missing parts are zero), `IPv6/P`, or an address alone.
 * @throws ConfigError
 */
export function parseAllowedRange(word: string, text: string): AllowedIp {
  const short = /^((?:[0-9]+\.){0,2}[0-9]+)\/([0-9]+)$/.exec(text);
  const whole = short === null
    ? text
    : `${short[1]}${".0".repeat(4 - short[1].split(".").length)}/${short[2]}`;
  const range = parseRange(whole);
  if (range === undefined) {
    throw new ConfigError(
      word,
      `${quote(text)} is not a range; one as 192.168.5.0/24 or fd00::/64 is required`,
    );
  }
  return range;
}

/**
 * The prefix length of a netmask, dotted (`255.255.255.0`) or hexadecimal (`0xffffff00`).
 * @throws ConfigError
 */
export function parseNetmask(word: string, text: string): number {
  const hex = /^0x([0-9a-fA-F]{1,8})$/.exec(text);
  const bytes = parseIpv4(text);
  if (hex === null && bytes === undefined) {
    throw new ConfigError(
      word,
      `${quote(text)} is not a mask; one as 255.255.255.0 or 0xffffff00 is required`,
    );
  }
  const mask = hex !== null ? parseInt(hex[1], 16) : new DataView(bytes!.buffer).getUint32(0);
  const prefix = Math.clz32(~mask);
  if (mask !== prefixMask(prefix)) {
    throw new ConfigError(
      word,
      `${quote(text)} is not a mask; the one bits must come before the zero bits`,
    );
  }
  return prefix;
}

/** The IPv4 mask of a prefix length, as an unsigned number. */
export function prefixMask(prefix: number): number {
  return prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0;
}

/**
 * The prefix length of an IPv4 address's class, for an address without a mask (OpenBSD's
 * in_ifinit).
 */
export function classPrefix(address: IpBytes): number {
  return address[0] < 128 ? 8 : address[0] < 192 ? 16 : 24;
}

/** An address, or `ADDRESS%ZONE` of IPv6; undefined if the text is neither. */
export function parseAddressWithZone(
  text: string,
): { address: IpBytes; zone: string | undefined } | undefined {
  const percent = text.indexOf("%");
  if (percent < 0) {
    const address = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
    return address === undefined ? undefined : { address, zone: undefined };
  }
  const address = parseIpv6(text.slice(0, percent));
  return address === undefined ? undefined : { address, zone: text.slice(percent + 1) };
}
