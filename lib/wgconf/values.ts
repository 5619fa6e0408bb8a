/**
 * The values of wg(8): ports, marks, intervals, ranges and endpoints, in a file and on the command
 * line of `wg set`. White space in a value does not count.
 * @module
 */
import type { AllowedIp, IpBytes } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { isHostName } from "../base/host_name.ts";
import { isMapped, maskAddress, parseIp, parseIpv6 } from "../base/ip_text.ts";
import { numberProblem, quote } from "../base/quote.ts";

/** An endpoint as it is written: an address, or the name of a host. */
export type EndpointSetting =
  | {
    readonly type: "address";
    /** 4 or 16 bytes. An IPv4-mapped address is given as IPv4. */
    readonly address: IpBytes;
    readonly port: number;
    /** The zone of a link-local IPv6 address: a name or number of an interface. */
    readonly zone: string | undefined;
  }
  | { readonly type: "name"; readonly name: string; readonly port: number };

/** A range of AllowedIPs with the sign before it. */
export interface AllowedIpSetting {
  /**
   * `+` adds and `-` removes a range without replacing the others (wireguard-tools 1.0.20250521).
   * `!` excludes a range from the others of the list (wg quick only). No sign: part of the list
   * that replaces the present one.
   */
  readonly sign: "" | "+" | "-" | "!";
  readonly range: AllowedIp;
  /** Whether the address has bits set beyond the prefix. They are cleared in `range`. */
  readonly hostBits: boolean;
}

/** The port of a name of a service, such as `domain` (/etc/services); undefined if unknown. */
export type ServicePort = (name: string) => number | undefined;

/** The value without white space. */
export const compact = (value: string): string => value.replace(/[\t-\r ]+/g, "");

/**
 * A UDP port: a number from 0 to 65535, or the name of a service.
 * @throws ConfigError that names `word`
 */
export function parsePort(word: string, value: string, servicePort?: ServicePort): number {
  const port = wholeNumber(value, 0xffff) ?? servicePortOf(value, servicePort);
  if (port === undefined) throw new ConfigError(word, numberProblem(value, 0, 0xffff));
  return port;
}

const servicePortOf = (value: string, servicePort: ServicePort | undefined) =>
  /^[A-Za-z][A-Za-z0-9-]*$/.test(value) ? servicePort?.(value) : undefined;

/**
 * A firewall mark: a number, `0x` and hexadecimal digits, or `off`.
 * @throws ConfigError that names `word`
 */
export function parseFwMark(word: string, value: string): number {
  if (value.toLowerCase() === "off") return 0;
  const hex = /^0x0*([0-9a-fA-F]{1,8})$/.exec(value);
  const mark = hex === null ? wholeNumber(value, 0xffff_ffff) : parseInt(hex[1], 16);
  if (mark !== undefined) return mark;
  throw new ConfigError(
    word,
    `${quote(value)} is not a mark; 0 to 4294967295, 0x0 to 0xffffffff or off is required`,
  );
}

/**
 * An interval of persistent keepalives in seconds, or `off`, which is 0.
 * @throws ConfigError that names `word`
 */
export function parseKeepalive(word: string, value: string): number {
  if (value.toLowerCase() === "off") return 0;
  const seconds = wholeNumber(value, 0xffff);
  if (seconds !== undefined) return seconds;
  throw new ConfigError(word, `${numberProblem(value, 0, 0xffff)}, or off`);
}

/**
 * A list of ranges with commas between them. A range without a prefix is one address.
 * @param signs the signs that a range may have
 * @throws ConfigError that names `word` and the wrong range
 */
export function parseAllowedIps(word: string, value: string, signs: string): AllowedIpSetting[] {
  return value === "" ? [] : value.split(",").map((text) => parseAllowedIp(word, text, signs));
}

function parseAllowedIp(word: string, text: string, signs: string): AllowedIpSetting {
  const sign = text !== "" && signs.includes(text[0]) ? text[0] as "+" | "-" | "!" : "";
  const [addressText, ...prefixTexts] = text.slice(sign.length).split("/");
  const address = parseIp(addressText);
  const bits = (address?.length ?? 0) * 8;
  const prefix = prefixTexts.length === 0 ? bits : wholeNumber(prefixTexts.join("/"), bits);
  if (address === undefined || prefix === undefined) {
    const what = text === "" ? "a range is empty" : `${quote(text)} is not a range`;
    throw new ConfigError(word, `${what}; one as 192.168.5.0/24 or fd00::/64 is required`);
  }
  const masked = maskAddress(address, prefix);
  const hostBits = masked.some((byte, index) => byte !== address[index]);
  return { sign, range: { address: masked, prefix }, hostBits };
}

/**
 * An endpoint: `HOST:PORT` or `[ADDRESS]:PORT`. The host is an address in any form of inet_aton(3)
 * or RFC 4291, also without brackets, or a name.
 * @param portMin the smallest port; wg(8) takes 0
 * @throws ConfigError that names `word`
 */
export function parseEndpointText(
  word: string,
  value: string,
  servicePort?: ServicePort,
  portMin: 0 | 1 = 0,
): EndpointSetting {
  const required = "ADDRESS:PORT, [ADDRESS]:PORT or NAME:PORT is required";
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(value);
  const colon = value.lastIndexOf(":");
  const [host, rest] = bracketed !== null
    ? [bracketed[1], bracketed[2]]
    : colon < 0
    ? [value, ""]
    : [value.slice(0, colon), value.slice(colon)];
  if (value.startsWith("[") && bracketed === null) {
    throw new ConfigError(word, `${quote(value)} lacks a ]; ${required}`);
  }
  if (!rest.startsWith(":") || rest.length < 2) {
    throw new ConfigError(word, `${quote(value)} has no port; ${required}`);
  }
  const portText = rest.slice(1);
  const port = wholeNumber(portText, 0xffff) ?? servicePortOf(portText, servicePort);
  if (port === undefined || port < portMin) {
    throw new ConfigError(word, `the port ${numberProblem(portText, portMin, 0xffff)}`);
  }
  const [addressText, zone] = splitZone(host);
  const address = host.includes(":") ? parseIpv6(addressText) : parseInetAton(host);
  if (address !== undefined) {
    return isMappedAddress(address)
      ? { type: "address", address: address.slice(12), port, zone: undefined }
      : { type: "address", address, port, zone };
  }
  if (isHostName(host)) return { type: "name", name: host, port };
  throw new ConfigError(
    word,
    `${quote(host)} is neither an address nor the name of a host; ${required}`,
  );
}

const isMappedAddress = (address: IpBytes) => address.length === 16 && isMapped(address);

function splitZone(host: string): readonly [string, string | undefined] {
  const percent = host.indexOf("%");
  if (percent < 0 || percent === host.length - 1) return [host, undefined];
  return [host.slice(0, percent), host.slice(percent + 1)];
}

/**
 * An IPv4 address of one to four parts, each decimal, octal (`0...`) or hexadecimal (`0x...`), as
 * inet_aton(3) reads it. The last part fills the bytes that are left.
 */
function parseInetAton(text: string): IpBytes | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const number = /^0[xX][0-9a-fA-F]{1,8}$/.test(part)
      ? parseInt(part.slice(2), 16)
      : /^0[0-7]{0,12}$/.test(part)
      ? parseInt(part, 8)
      : /^[1-9][0-9]{0,9}$/.test(part)
      ? Number(part)
      : NaN;
    const last = index === parts.length - 1;
    const count = last ? 4 - index : 1;
    if (!(number < 2 ** (8 * count))) return undefined;
    for (let i = 0; i < count; i++) bytes[index + i] = number / 2 ** (8 * (count - 1 - i));
  }
  return bytes;
}

/** A decimal number of any length that is at most `max`; undefined for other text. */
function wholeNumber(text: string, max: number): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
