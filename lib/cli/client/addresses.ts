/**
 * Chooses addresses for new clients.
 * @module
 */
import type { AllowedIp, IpBytes } from "../../base/endpoint.ts";
import { formatRange } from "../../base/ip_text.ts";

/** An address of the interface with the length of its network. */
export interface Network {
  readonly address: IpBytes;
  readonly prefix: number;
}

/**
 * The lowest address of a network that is neither the interface's nor in a range of a peer. The
 * first address of a network and the last one of an IPv4 network are left out, unless it has no
 * more than two. A range as wide as the network or wider takes none of its addresses: it is that of
 * a peer behind which everything else is.
 * @returns undefined if none is free
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatIp, parseIp } from "../../base/ip_text.ts";
 * import { freeAddress } from "./addresses.ts";
 *
 * const network = { address: parseIp("10.0.0.1")!, prefix: 24 };
 * assert.ok(formatIp(freeAddress(network, [])!) === "10.0.0.2");
 * ```
 */
export function freeAddress(
  { address, prefix }: Network,
  taken: readonly AllowedIp[],
): IpBytes | undefined {
  const bits = address.length * 8;
  const { from: first, to: last } = clientsOf({ address, prefix });
  const ranges = taken.filter((range) => range.address.length === address.length)
    .filter((range) => range.prefix > prefix || range.prefix === bits)
    .map(extentOf)
    .filter(({ to, from }) => to >= first && from <= last);
  ranges.push(extentOf({ address, prefix: bits }));
  ranges.sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0);
  let candidate = first;
  for (const { from, to } of ranges) {
    if (from > candidate) break;
    if (to >= candidate) candidate = to + 1n;
  }
  return candidate <= last ? bytesOf(candidate, address.length) : undefined;
}

/** The addresses of a network that clients may have. */
function clientsOf({ address, prefix }: Network): { from: bigint; to: bigint } {
  const bits = address.length * 8;
  const { from, to } = extentOf({ address, prefix });
  const first = from >> BigInt(bits - prefix) << BigInt(bits - prefix);
  const ends = prefix >= bits - 1 ? 0n : 1n;
  return { from: first + ends, to: first + (to - from) - (bits === 32 ? ends : 0n) };
}

/**
 * The network whose first or last address this is, as that of a broadcast: no client may have it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseIp } from "../../base/ip_text.ts";
 * import { networkOfEnd } from "./addresses.ts";
 *
 * const networks = [{ address: parseIp("10.0.0.1")!, prefix: 24 }];
 * assert.ok(networkOfEnd(parseIp("10.0.0.255")!, networks) !== undefined);
 * assert.ok(networkOfEnd(parseIp("10.0.0.254")!, networks) === undefined);
 * ```
 */
export function networkOfEnd(
  address: IpBytes,
  networks: readonly Network[],
): Network | undefined {
  const number = numberOf(address);
  return networks.find((network) => {
    const { from, to } = clientsOf(network);
    return isIn(address, [network]) && (number < from || number > to);
  });
}

/** Whether an address is in one of the networks. */
export const isIn = (address: IpBytes, networks: readonly Network[]): boolean =>
  networks.some((network) =>
    network.address.length === address.length &&
    numberOf(address) >> BigInt(address.length * 8 - network.prefix) ===
      numberOf(network.address) >> BigInt(address.length * 8 - network.prefix)
  );

/**
 * The range that has an address already. A range as wide as a network of the interface, or one of
 * all addresses, has none of them for itself.
 */
export function takenBy(
  address: IpBytes,
  taken: readonly AllowedIp[],
  networks: readonly Network[],
): string | undefined {
  const number = numberOf(address);
  const own = networks.filter((network) => isIn(address, [network]));
  const range = taken.find((one) => {
    if (one.address.length !== address.length) return false;
    const { from, to } = extentOf(one);
    if (number < from || number > to) return false;
    if (one.prefix === address.length * 8) return true;
    return one.prefix > 0 && own.every(({ prefix }) => one.prefix > prefix);
  });
  return range && formatRange(range);
}

function extentOf({ address, prefix }: AllowedIp): { from: bigint; to: bigint } {
  const from = numberOf(address);
  return { from, to: from + (1n << BigInt(address.length * 8 - prefix)) - 1n };
}

const numberOf = (bytes: IpBytes): bigint => bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`);

const bytesOf = (number: bigint, length: number): IpBytes =>
  Uint8Array.fromHex(number.toString(16).padStart(length * 2, "0"));
