/**
 * The words of route(8) for destinations and gateways.
 * @module
 */
import type { IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { isHostName } from "../../../base/host_name.ts";
import { maskAddress, parseDecimal, parseIp, parseIpv4 } from "../../../base/ip_text.ts";
import { displayValue, numberProblem } from "../../../base/quote.ts";

/** The version of IP as an address family. */
export type Family = 4 | 6;

/** A destination: an address with a prefix. */
export interface Destination {
  /** The word of the user. */
  readonly word: string;
  readonly address: IpBytes;
  readonly prefix: number;
  /** The interface of a link-local one, by name or index: `fe80::%wg1/64`. */
  readonly zone?: string | undefined;
}

/** A gateway: an address, with a zone if it is link-local, or an interface. */
export type Gateway =
  | {
    readonly type: "address";
    readonly word: string;
    readonly address: IpBytes;
    readonly zone: string | undefined;
  }
  | { readonly type: "interface"; readonly name: string };

/** The name of a host in place of an address. */
export interface HostName {
  readonly type: "host";
  readonly word: string;
}

/** The prefix of a destination from a separate word: a length or a mask. */
export interface GivenPrefix {
  readonly word: string;
  readonly length: number | IpBytes;
}

/** The parts of a destination that other words set. */
export interface DestinationModifiers {
  readonly family: Family | undefined;
  /** `-net` or `-host`. */
  readonly shape: "net" | "host" | undefined;
  readonly given: GivenPrefix | undefined;
}

/** The family of an address. */
export const familyOfAddress = (address: IpBytes): Family => address.length === 4 ? 4 : 6;

/** The word for a family. */
export const familyName = (family: Family): "inet" | "inet6" => family === 4 ? "inet" : "inet6";

/**
 * Reads a destination: `default`, an address, a network or the name of a host. A network is
 * `ADDRESS/PREFIX`, or IPv4 with fewer than four parts (`10.52`). Missing parts are zero. A missing
 * prefix is that of the class, or longer if the given parts require it (inet_net_pton(3), which
 * OpenBSD's route uses). A link-local address may have its zone.
 * @throws ConfigError that names the word
 */
export function parseDestination(
  word: string,
  modifiers: DestinationModifiers,
): Destination | HostName {
  const { family, shape, given } = modifiers;
  if (word === "default") {
    if (given !== undefined) throw new ConfigError(given.word, "the default route takes no prefix");
    return { word, address: new Uint8Array(family === 6 ? 16 : 4), prefix: 0 };
  }
  const slash = word.indexOf("/");
  const text = slash < 0 ? word : word.slice(0, slash);
  const short = shape === "host" ? undefined : parseShortNetwork(text);
  const scoped = parseScoped(text);
  const address = scoped?.address ?? short?.address;
  if (address === undefined) {
    if (slash < 0 && isHostName(word)) return { type: "host", word };
    throw new ConfigError(
      displayValue(word),
      "not an address, a network, a host's name or `default`",
    );
  }
  if (family !== undefined && familyOfAddress(address) !== family) {
    throw new ConfigError(displayValue(word), `not an ${familyName(family)} address`);
  }
  const zone = scoped?.zone;
  if (zone !== undefined && !isLinkLocal(address)) {
    throw new ConfigError(displayValue(word), "a zone requires a link-local address");
  }
  const inZone = zone === undefined ? {} : { zone };
  if (slash < 0) return { ...withPrefix(word, address, modifiers, short?.prefix), ...inZone };
  if (given !== undefined) throw new ConfigError(given.word, `${word} has a prefix already`);
  const bits = 8 * address.length;
  const prefix = parseDecimal(word.slice(slash + 1), bits);
  if (prefix === undefined) {
    throw new ConfigError(
      displayValue(word),
      `prefix ${numberProblem(word.slice(slash + 1), 0, bits)}`,
    );
  }
  if (shape === "host" && prefix !== bits) throw new ConfigError(word, "-host takes no prefix");
  return { word, address: maskAddress(address, prefix), prefix, ...inZone };
}

/** An address, perhaps with its zone. */
export interface ScopedAddress {
  readonly address: IpBytes;
  readonly zone: string | undefined;
}

/**
 * Reads `ADDRESS` or `ADDRESS%ZONE`; undefined when it is neither. @throws ConfigError for `%`
 * alone
 */
export function parseScoped(word: string): ScopedAddress | undefined {
  const percent = word.indexOf("%");
  const address = parseIp(percent < 0 ? word : word.slice(0, percent));
  if (address === undefined) return undefined;
  if (percent === word.length - 1) {
    throw new ConfigError(displayValue(word), "% requires an interface");
  }
  return { address, zone: percent < 0 ? undefined : word.slice(percent + 1) };
}

/** Whether an address is in fe80::/10. */
export const isLinkLocal = (address: Uint8Array): boolean =>
  address.length === 16 && address[0] === 0xfe && address[1] >> 6 === 2;

/**
 * A destination with a known address and the prefix that other words give it.
 * @param implied the prefix if no word sets one; undefined for that of a host
 * @throws ConfigError that names the word
 */
export function withPrefix(
  word: string,
  address: IpBytes,
  { shape, given }: DestinationModifiers,
  implied?: number,
): Destination {
  const bits = 8 * address.length;
  let prefix = implied ?? bits;
  if (given !== undefined) {
    prefix = typeof given.length === "number"
      ? given.length
      : maskLength(given.word, given.length, address);
    if (prefix > bits) throw new ConfigError(given.word, numberProblem(String(prefix), 0, bits));
  } else if (implied === undefined && shape !== "host") {
    // On OpenBSD the unspecified IPv6 address is the default route.
    if (address.length === 16 && address.every((byte) => byte === 0)) prefix = 0;
    else if (shape === "net") {
      throw new ConfigError(word, `a network requires its prefix: ${word}/PREFIX`);
    }
  }
  if (shape === "host" && prefix !== bits) throw new ConfigError(word, "-host takes no prefix");
  return { word, address: maskAddress(address, prefix), prefix };
}

/** An IPv4 network of one to three parts, with the prefix of its class. */
function parseShortNetwork(text: string): { address: IpBytes; prefix: number } | undefined {
  const parts = text.split(".").length;
  const address = parts > 3 ? undefined : parseIpv4(text + ".0".repeat(4 - parts));
  if (address === undefined) return undefined;
  const first = address[0];
  if (first >= 240) return { address, prefix: 32 };
  if (first >= 224) return { address, prefix: 4 };
  const ofClass = first >= 192 ? 24 : first >= 128 ? 16 : 8;
  return { address, prefix: Math.max(ofClass, 8 * parts) };
}

function maskLength(word: string, mask: IpBytes, address: IpBytes): number {
  if (mask.length !== address.length) {
    throw new ConfigError(word, "the mask and the destination must be of one family");
  }
  let length = 0;
  while (length < 8 * mask.length && (mask[length >>> 3] & 128 >>> (length & 7)) !== 0) length++;
  if (maskAddress(mask, length).some((byte, i) => byte !== mask[i])) {
    throw new ConfigError(word, "not a mask; the one bits must come before the zero bits");
  }
  return length;
}

/**
 * Reads a gateway: an address, a link-local address with its zone (`fe80::1%wg1`), the name of a
 * host, or with `-iface` an interface.
 * @throws ConfigError that names the word
 */
export function parseGateway(word: string, toInterface: boolean): Gateway | HostName {
  const scoped = parseScoped(word);
  if (scoped === undefined) {
    if (toInterface) return { type: "interface", name: word };
    if (isHostName(word)) return { type: "host", word };
    throw new ConfigError(
      displayValue(word),
      "neither an address nor a host's name; an interface requires -iface before it",
    );
  }
  return { type: "address", word, ...scoped };
}
