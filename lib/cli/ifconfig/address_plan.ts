/**
 * Plans the changes of an interface's addresses: from the current addresses and the wanted changes
 * to the addresses to remove and to add. Nothing is planned where nothing differs.
 * @module
 */
import type { IpBytes } from "../../base/endpoint.ts";
import { sameBytes } from "../../base/endpoint.ts";
import { EADDRNOTAVAIL, osError } from "../../base/errno.ts";
import { ConfigError } from "../../base/errors.ts";
import { formatIp } from "../../base/ip_text.ts";
import type { AddressChange, Family } from "./words/draft.ts";
import { prefixMask } from "./words/values.ts";

/** An address of an interface, current or wanted. */
export interface PlannedAddress {
  readonly address: IpBytes;
  readonly prefix: number;
  readonly broadcast: IpBytes | undefined;
  readonly destination: IpBytes | undefined;
}

/** The addresses to change: first remove, then add. */
export interface AddressPlan {
  readonly remove: readonly PlannedAddress[];
  readonly add: readonly PlannedAddress[];
  /** All addresses after the change. */
  readonly result: readonly PlannedAddress[];
}

/**
 * Plans the changes as OpenBSD's ifconfig does. An IPv4 address without `alias` replaces the first
 * one. An existing address with another mask is changed.
 * @throws OsError EADDRNOTAVAIL for an address to remove that does not exist
 * @throws ConfigError for `eui64` without a link-local address
 */
export function planAddresses(
  current: readonly PlannedAddress[],
  changes: readonly AddressChange[],
): AddressPlan {
  let result = [...current];
  for (const change of changes) {
    switch (change.type) {
      case "flush":
        result = result.filter((address) => familyOf(address) !== change.family);
        break;
      case "remove": {
        const found = result.find((address) =>
          familyOf(address) === change.family &&
          (change.address === undefined || sameBytes(address.address, change.address))
        );
        if (found === undefined) {
          const object = change.address === undefined
            ? `no ${change.family} address`
            : formatIp(change.address);
          throw osError("SIOCDIFADDR", object, EADDRNOTAVAIL);
        }
        result = result.filter((address) => address !== found);
        break;
      }
      case "link-local":
        if (!result.some(isLinkLocal)) {
          result = [...result, {
            address: change.address,
            prefix: 64,
            broadcast: undefined,
            destination: undefined,
          }];
        }
        break;
      case "set": {
        const wanted = complete(change, result);
        const replaced = change.family === "inet" && !change.alias
          ? result.find((a) => familyOf(a) === "inet")
          : undefined;
        const kept = result.find((address) => sameAddress(address, wanted));
        const others = result.filter((address) =>
          address !== replaced && !sameBytes(address.address, wanted.address)
        );
        if (kept !== undefined && (replaced === undefined || replaced === kept)) break;
        result = replaced === undefined ? [...others, kept ?? wanted] : [kept ?? wanted, ...others];
        break;
      }
    }
  }
  return {
    remove: current.filter((address) => !result.some((other) => sameAddress(address, other))),
    add: result.filter((address) => !current.some((other) => sameAddress(address, other))),
    result,
  };
}

/**
 * Whether two addresses are the same to the kernel. A broadcast address that was not given is
 * ignored.
 */
export function sameAddress(a: PlannedAddress, b: PlannedAddress): boolean {
  return a.prefix === b.prefix && sameBytes(a.address, b.address) &&
    sameOptional(a.destination, b.destination) &&
    (a.broadcast === undefined || b.broadcast === undefined || sameBytes(a.broadcast, b.broadcast));
}

const familyOf = (address: { readonly address: IpBytes }): Family =>
  address.address.length === 4 ? "inet" : "inet6";

const sameOptional = (a: IpBytes | undefined, b: IpBytes | undefined) =>
  a === undefined || b === undefined ? a === b : sameBytes(a, b);

function complete(
  change: AddressChange & { type: "set" },
  current: readonly PlannedAddress[],
): PlannedAddress {
  const address = change.eui64 ? withHostPart(change.address, current) : change.address;
  return {
    address,
    prefix: change.prefix,
    broadcast: change.broadcast ?? usualBroadcast(address, change),
    destination: change.destination,
  };
}

/**
 * The broadcast address with all host bits set, as OpenBSD's kernel sets it; undefined for a prefix
 * above 30 and for a point-to-point address.
 */
function usualBroadcast(
  address: IpBytes,
  change: AddressChange & { type: "set" },
): IpBytes | undefined {
  if (address.length !== 4 || change.prefix > 30 || change.destination !== undefined) {
    return undefined;
  }
  const hosts = ~prefixMask(change.prefix);
  return address.map((byte, i) => byte | (hosts >>> (24 - i * 8)) & 255);
}

export const isLinkLocal = ({ address }: { readonly address: IpBytes }) =>
  address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80;

function withHostPart(prefix: IpBytes, current: readonly PlannedAddress[]): IpBytes {
  const linkLocal = current.find(isLinkLocal);
  if (linkLocal === undefined) {
    throw new ConfigError(
      "eui64",
      "requires a link-local address on the interface; `inet6 eui64` alone adds one",
    );
  }
  const whole = prefix.slice();
  whole.set(linkLocal.address.subarray(8), 8);
  return whole;
}
