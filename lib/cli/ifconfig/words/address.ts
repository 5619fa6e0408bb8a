/**
 * The words of ifconfig for addresses. An address may be in any place of a word: `ifconfig wg1
 * 192.168.5.1/24`, `ifconfig wg1 inet6 fd00::1/64 alias`.
 * @module
 */
import { ConfigError } from "../../../base/errors.ts";
import { isHostName } from "../../../base/host_name.ts";
import { parseIpv4 } from "../../../base/ip_text.ts";
import { displayValue, quote } from "../../../base/quote.ts";
import type { AddressDraft, Draft, Family, Word } from "./draft.ts";
import { parseAddressWithZone, parseNetmask, parseNumber } from "./values.ts";

export const ADDRESS_WORDS: readonly Word[] = [
  {
    name: "inet",
    operands: [],
    section: "address",
    help: "An IPv4 address follows: A.B.C.D, A.B.C.D/PREFIX or a host's name. The address of the " +
      "other end may follow.",
    fill(draft, _, word) {
      draft.beginAddress(word, "inet");
    },
  },
  {
    name: "inet6",
    operands: [],
    section: "address",
    help: "An IPv6 address follows, with or without /PREFIX (64 without one). The address of the " +
      "other end may follow.",
    fill(draft, _, word) {
      draft.beginAddress(word, "inet6");
    },
  },
  {
    name: "netmask",
    operands: ["mask"],
    requires: "a mask, as 255.255.255.0 or 0xffffff00",
    section: "address",
    help:
      "The mask of the IPv4 network, as 255.255.255.0 or 0xffffff00. The default is that of the " +
      "address's class.",
    fill(draft, [mask], word) {
      const address = draft.address(word, true);
      familyIs(address, "inet", word);
      address.netmask = parseNetmask(word, mask);
    },
  },
  {
    name: "prefixlen",
    operands: ["bits"],
    requires: "a number of bits, 0 to 32 or 128",
    section: "address",
    help: "The prefix length of the network, in bits.",
    fill(draft, [bits], word) {
      setPrefix(draft.address(word, true), parseNumber(word, bits, 0, 128), word);
    },
  },
  {
    name: "broadcast",
    operands: ["address"],
    requires: "an IPv4 address",
    section: "address",
    help: "The broadcast address of the IPv4 network. The default has all host bits set.",
    fill(draft, [text], word) {
      const address = draft.address(word, true);
      familyIs(address, "inet", word);
      address.broadcast = parseIpv4(text);
      if (address.broadcast === undefined) {
        throw new ConfigError(word, `${quote(text)} is not an IPv4 address`);
      }
    },
  },
  {
    name: "alias",
    operands: [],
    section: "address",
    help: "Add the address to the others. Without alias an IPv4 address replaces the first one.",
    fill(draft, _, word) {
      draft.address(word, true).mode = "alias";
    },
  },
  {
    name: "delete",
    also: ["-alias"],
    operands: [],
    section: "address",
    help: "Remove the address on the line, or the first one of its family.",
    fill(draft, _, word) {
      draft.address(word, true).mode = "remove";
    },
  },
  {
    name: "eui64",
    operands: [],
    section: "address",
    help: "Take the last 64 bits of the IPv6 address from the interface's link-local address. " +
      "`inet6 eui64` alone adds a link-local address.",
    fill(draft, _, word) {
      const address = draft.address(word);
      familyIs(address, "inet6", word);
      address.eui64 = true;
    },
  },
  {
    name: "-inet",
    operands: [],
    section: "address",
    help: "Remove all IPv4 addresses.",
    fill(draft) {
      draft.addresses.push({ flush: "inet" });
    },
  },
  {
    name: "-inet6",
    operands: [],
    section: "address",
    help: "Remove all IPv6 addresses.",
    fill(draft) {
      draft.addresses.push({ flush: "inet6" });
    },
  },
];

/**
 * Takes an address, or the address of the other end after it. A name is accepted only after `inet`
 * or `inet6`, so that a misspelt word is not taken for a host.
 * @throws ConfigError if the text is neither
 */
export function readAddress(draft: Draft, text: string): void {
  const host = text.split("/", 1)[0];
  const found = parseAddressWithZone(host);
  const last = draft.addresses.at(-1);
  const open = last !== undefined && "mode" in last && last.destination === undefined
    ? last
    : undefined;
  // The other end may be a name only with a dot in it: `inet 10.0.0.1 upp` has a misspelt word.
  const mayBeName = open?.family !== undefined && isHostName(host) &&
    (open.host === undefined || host.includes("."));
  if (found === undefined && !mayBeName) {
    const looksLikeAddress = /^[0-9.]+(?:\/.*)?$/.test(text) || text.includes(":");
    throw new ConfigError(
      displayValue(text),
      looksLikeAddress
        ? "not an IP address"
        : "unknown word, and not an address; `wg help ifconfig` lists the words",
    );
  }
  const family: Family | undefined = found === undefined
    ? open?.family
    : found.address.length === 4
    ? "inet"
    : "inet6";
  if (
    open !== undefined && family !== undefined && open.family !== undefined &&
    open.family !== family
  ) {
    throw new ConfigError(displayValue(text), `not an ${open.family} address`);
  }
  if (open !== undefined && open.host !== undefined) {
    if (text.includes("/")) {
      throw new ConfigError(
        displayValue(text),
        "the address of the other end must not have a prefix",
      );
    }
    open.destination = host;
    return;
  }
  const address = open ?? draft.beginAddress(text, family);
  address.host = host;
  address.family ??= family;
  if (text.includes("/")) {
    const bits = text.slice(host.length + 1);
    setPrefix(address, parseNumber(text, bits, 0, address.family === "inet" ? 32 : 128), text);
  }
}

/** Gives an address its prefix, which two words may say. @throws ConfigError when they disagree */
function setPrefix(address: AddressDraft, prefix: number, word: string): void {
  if (address.prefix !== undefined && address.prefix !== prefix) {
    throw new ConfigError(word, `contradicts the prefix length ${address.prefix}`);
  }
  address.prefix = prefix;
}

function familyIs(address: { family: Family | undefined }, family: Family, word: string): void {
  address.family ??= family;
  if (address.family !== family) throw new ConfigError(word, `applies to ${family} addresses only`);
}
