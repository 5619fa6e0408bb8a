/**
 * Turns a command line into a Command in two steps: `parseWords` checks the words alone, `settle`
 * reads keys and looks up names.
 * @module
 */
import { IPV6_MTU_MIN } from "../../../base/constants.ts";
import type { IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { checkInterfaceName } from "../../../base/interface_name.ts";
import { displayValue, numberProblem } from "../../../base/quote.ts";
import type {
  AddressChange,
  AddressDraft,
  Command,
  Family,
  RefusedWord,
  Sources,
} from "./draft.ts";
import { Draft } from "./draft.ts";
import { classPrefix, parseAddressWithZone } from "./values.ts";
import { findRefused, findWord } from "./table.ts";
import { readAddress } from "./address.ts";

const INET6_DEFAULT_PREFIX = 64;
/** The name that `create` completes with the lowest free number. */
export const CLASS_NAME = "wg";

/** Whether the name is `wg` and a number. */
export function isNumberedInClass(name: string): boolean {
  return name.startsWith(CLASS_NAME) && /^(?:0|[1-9][0-9]*)$/.test(name.slice(CLASS_NAME.length));
}

/**
 * Checks that `create` can make an interface of this name.
 * @throws ConfigError with the words of OpenBSD's kernel for an unknown class
 */
function requireClass(name: string): void {
  if (name === CLASS_NAME || isNumberedInClass(name)) return;
  throw new ConfigError(
    name,
    "SIOCIFCREATE: Invalid argument; wg and a number is required, as wg0, or wg alone for the lowest " +
      "free number",
  );
}

/**
 * Reads `INTERFACE WORD...`. All words are checked before anything is done. Nothing is read or
 * looked up here.
 * @throws ConfigError that names the word
 */
export function parseWords(args: readonly string[]): Draft {
  const name = checkInterfaceName(args[0] ?? "");
  // The class is checked first: for another class an error in its words would hide the real
  // mistake.
  if (args[1] === "create") requireClass(name);
  const draft = new Draft(name);
  for (let i = 1; i < args.length;) {
    const text = args[i];
    const refused = findRefused(text);
    if (refused !== undefined) throw new ConfigError(text, refused.why);
    const word = findWord(text);
    if (word === undefined) {
      readAddress(draft, text);
      i++;
      continue;
    }
    const operands = args.slice(i + 1, i + 1 + word.operands.length);
    if (operands.length < word.operands.length) {
      throw new ConfigError(text, `requires ${word.requires ?? word.operands.join(" and ")}`);
    }
    word.fill(draft, operands, text);
    i += 1 + operands.length;
  }
  checkTogether(draft, args);
  return draft;
}

/**
 * Removes harmless words and their operands from a line, for files of OpenBSD machines. What
 * follows another word is its operand and not a word: `description monitor` stays.
 * @param args the interface and its words, as for `parseWords`
 * @returns the line without them, and the words that were removed
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * deepEqual(passOverHarmless(["wg1", "llprio", "3", "up"]).words, ["wg1", "up"]);
 * ```
 */
export function passOverHarmless(
  args: readonly string[],
): { readonly words: readonly string[]; readonly passedOver: readonly RefusedWord[] } {
  const words = args.slice(0, 1);
  const passedOver: RefusedWord[] = [];
  for (let i = 1; i < args.length;) {
    const refused = findRefused(args[i]);
    const count = 1 + (refused?.operands ?? findWord(args[i])?.operands ?? []).length;
    if (refused?.harmless) passedOver.push(refused);
    else words.push(...args.slice(i, i + count));
    i += count;
  }
  return { words, passedOver };
}

/** Checks combinations of words. */
function checkTogether(draft: Draft, args: readonly string[]): void {
  if (draft.destroy && args.length > 2) {
    throw new ConfigError("destroy", "no other word is allowed on the line");
  }
  if (draft.create) requireClass(draft.name);
  for (const address of draft.addresses) {
    if ("flush" in address) continue;
    if (address.host === undefined && address.mode !== "remove" && !asksForLinkLocal(address)) {
      throw new ConfigError(address.word, "requires an address");
    }
    const { address: host, zone } = parseAddressWithZone(address.host ?? "") ?? {};
    if (zone !== undefined && zone !== draft.name && draft.name !== CLASS_NAME) {
      throw new ConfigError(
        displayValue(address.host ?? ""),
        `an address of this interface must have the zone ${draft.name} or none`,
      );
    }
    if (host !== undefined && address.mode !== "remove" && !isOneHost(host)) {
      throw new ConfigError(
        displayValue(address.host ?? ""),
        "not the address of one host; an interface cannot have it",
      );
    }
    if (
      address.prefix !== undefined && address.netmask !== undefined &&
      address.prefix !== address.netmask
    ) {
      throw new ConfigError("netmask", "contradicts the prefix of the address");
    }
    if (address.prefix !== undefined && address.prefix > 32 && address.family === "inet") {
      throw new ConfigError("prefixlen", numberProblem(String(address.prefix), 0, 32));
    }
    if (
      draft.mtu !== undefined && draft.mtu < IPV6_MTU_MIN && address.family === "inet6" &&
      address.mode !== "remove"
    ) {
      throw new ConfigError(
        "mtu",
        `${draft.mtu} is too small; IPv6 requires at least ${IPV6_MTU_MIN}`,
      );
    }
  }
}

/**
 * Whether an address can be that of one host: neither unspecified, nor multicast, nor broadcast.
 */
function isOneHost(address: IpBytes): boolean {
  if (address.every((byte) => byte === 0)) return false;
  return address.length === 16
    ? address[0] !== 0xff
    : address[0] >> 4 !== 14 && !address.every((byte) => byte === 255);
}

/**
 * Reads keys, looks names up, and returns the whole command.
 * @throws ConfigError or OsError that names the word
 */
export async function settle(draft: Draft, sources: Sources): Promise<Command> {
  for (const step of draft.later) await step(sources);
  const addresses: AddressChange[] = [];
  for (const address of draft.addresses) addresses.push(await settleAddress(address, sources));
  const assigned = addresses.some((change) => change.type === "set");
  return {
    name: draft.name,
    create: draft.create,
    destroy: draft.destroy,
    up: draft.up ?? (assigned ? true : undefined),
    mtu: draft.mtu,
    description: draft.description,
    rdomain: draft.rdomain,
    joinGroups: [...new Set(draft.joinGroups)],
    leaveGroups: [...new Set(draft.leaveGroups)],
    addresses,
    change: draft.change,
  };
}

async function settleAddress(
  draft: AddressDraft | { readonly flush: Family },
  sources: Sources,
): Promise<AddressChange> {
  if ("flush" in draft) return { type: "flush", family: draft.flush };
  const address = draft.host === undefined ? undefined : await lookUp(draft, draft.host, sources);
  const family = address === undefined
    ? draft.family ?? "inet"
    : address.length === 4
    ? "inet"
    : "inet6";
  if (draft.mode === "remove") return { type: "remove", family, address };
  if (asksForLinkLocal(draft)) {
    return { type: "link-local", family: "inet6", address: linkLocal(sources) };
  }
  if (address === undefined) throw new ConfigError(draft.word, "requires an address");
  const destination = draft.destination === undefined
    ? undefined
    : await lookUp(draft, draft.destination, sources);
  if (destination !== undefined && destination.length !== address.length) {
    throw new ConfigError(displayValue(draft.destination ?? ""), `not an ${family} address`);
  }
  const given = draft.netmask ?? draft.prefix;
  const natural = destination !== undefined
    ? address.length * 8
    : family === "inet"
    ? classPrefix(address)
    : INET6_DEFAULT_PREFIX;
  return {
    type: "set",
    family,
    address,
    prefix: given ?? natural,
    broadcast: draft.broadcast,
    destination,
    alias: draft.mode === "alias",
    eui64: draft.eui64,
  };
}

/** Whether the words are `inet6 eui64` without an address. */
const asksForLinkLocal = (draft: AddressDraft): boolean =>
  draft.eui64 && draft.host === undefined && draft.word === "inet6" && draft.mode === "set";

/**
 * A link-local address for an interface without a hardware address: fe80::/64 and 64 random bits.
 */
function linkLocal(sources: Sources): IpBytes {
  const address = new Uint8Array(16);
  address.set([0xfe, 0x80]);
  sources.random(address.subarray(8));
  return address;
}

async function lookUp(draft: AddressDraft, host: string, sources: Sources): Promise<IpBytes> {
  const found = parseAddressWithZone(host);
  if (found !== undefined) return found.address;
  const [address] = await sources.resolve(draft.word, host, draft.family);
  return address;
}
