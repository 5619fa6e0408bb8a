/**
 * The content of an ifconfig command line as typed values. The words fill a Draft; `settle`
 * (parse.ts) turns it into a Command.
 * @module
 */
import type { PublicKey } from "../../../base/brands.ts";
import type { DeviceChange, Draft as Writable, PeerChange } from "../../../base/config.ts";
import type { AllowedIp, IpBytes } from "../../../base/endpoint.ts";
import { KEY_LENGTH } from "../../../base/constants.ts";
import { ConfigError } from "../../../base/errors.ts";
import type { OffloadName } from "../../../base/offloads.ts";
import type { NamedPeer } from "../../../base/peer_name.ts";

/** A family of addresses. */
export type Family = "inet" | "inet6";

/** One change of the interface's addresses. */
export type AddressChange =
  /**
   * Adds an address. As on OpenBSD, an IPv4 address without `alias` replaces the first one, and an
   * IPv6 address is always added to the others.
   */
  | {
    readonly type: "set";
    readonly family: Family;
    readonly address: IpBytes;
    readonly prefix: number;
    /** The IPv4 broadcast address; undefined for the default of the network. */
    readonly broadcast: IpBytes | undefined;
    /** The other end of a point-to-point link. */
    readonly destination: IpBytes | undefined;
    readonly alias: boolean;
    /** Whether the host part comes from the interface's link-local address. */
    readonly eui64: boolean;
  }
  /**
   * `inet6 eui64` without an address: adds this link-local address, whose last 64 bits are random,
   * if the interface has none.
   */
  | { readonly type: "link-local"; readonly family: "inet6"; readonly address: IpBytes }
  /** `delete`, `-alias`: removes this address, or the first one of the family. */
  | { readonly type: "remove"; readonly family: Family; readonly address: IpBytes | undefined }
  /** `-inet`, `-inet6`: removes all addresses of the family. */
  | { readonly type: "flush"; readonly family: Family };

/** The content of a whole command line. A field that is undefined changes nothing. */
export interface Command {
  /** The interface, or with `create` a class (`wg`). */
  readonly name: string;
  readonly create: boolean;
  readonly destroy: boolean;
  /** Whether the interface goes up or down. Assigning an address counts as `up`. */
  readonly up: boolean | undefined;
  readonly mtu: number | undefined;
  /** The description of the interface; empty to remove it. */
  readonly description: string | undefined;
  readonly rdomain: number | undefined;
  readonly joinGroups: readonly string[];
  readonly leaveGroups: readonly string[];
  readonly addresses: readonly AddressChange[];
  /** The change for the daemon, without groups: their list depends on the current groups. */
  readonly change: DeviceChange;
}

/** An address while its words are read. Errors name `word`. */
export interface AddressDraft {
  readonly word: string;
  family: Family | undefined;
  mode: "set" | "alias" | "remove";
  /** The text of the address. It is looked up if it is a name. */
  host: string | undefined;
  prefix: number | undefined;
  netmask: number | undefined;
  broadcast: IpBytes | undefined;
  destination: string | undefined;
  eui64: boolean;
}

/** The sources of values that a command line only names. */
export interface Sources {
  /**
   * The text of a key, from a file or for `-` from the next line of standard input.
   * @throws OsError or ConfigError
   */
  secret(word: string, from: { readonly file: string } | "stdin"): string | Promise<string>;
  /**
   * The addresses of a host, the best one first.
   * @throws ConfigError that names the host if there are none
   */
  resolve(word: string, host: string, family: Family | undefined): Promise<readonly IpBytes[]>;
  /**
   * The index of an interface in the current namespace, for link-local endpoints; undefined if
   * there is none.
   */
  interfaceIndex(name: string): number | undefined;
  /** The peers of an interface by name; none if there is no such interface. */
  peers(name: string): Promise<readonly NamedPeer[]>;
  /** Fills the bytes with random values. */
  random(into: Uint8Array): void;
}

/**
 * The change of a peer while its words are read. Keys in files are read after all words have been
 * checked.
 */
export type PeerDraft = Writable<Omit<PeerChange, "allowedIps">> & { allowedIps?: AllowedIp[] };

/** Stands for a key that has not been read yet. */
const NO_KEY = new Uint8Array(KEY_LENGTH);

/** A command while its words are read. */
export class Draft {
  create = false;
  destroy = false;
  up: boolean | undefined;
  mtu: number | undefined;
  description: string | undefined;
  rdomain: number | undefined;
  readonly joinGroups: string[] = [];
  readonly leaveGroups: string[] = [];
  readonly addresses: (AddressDraft | { readonly flush: Family })[] = [];
  /** Whether a key comes from standard input. */
  fromStdin = false;
  /**
   * The steps that read keys and look up names. They run in order after all words have been
   * checked.
   */
  readonly later: ((sources: Sources) => void | Promise<void>)[] = [];
  /** The change for the daemon. */
  readonly change: Writable<DeviceChange> = {};
  readonly #peers: PeerDraft[] = [];
  #peer: PeerDraft | undefined;

  constructor(readonly name: string) {}

  /** Turns an offload on, where the kernel has it, or off. */
  setOffload(name: OffloadName, on: boolean): void {
    this.change.offloads = { ...this.change.offloads, [name]: on };
  }

  /**
   * Adds the change of a peer. The peer words that follow apply to it, or, after `remove`, to no
   * peer.
   */
  addPeer(remove: boolean): PeerDraft {
    const peer: PeerDraft = { publicKey: NO_KEY as PublicKey, ...(remove && { remove }) };
    this.#peers.push(peer);
    this.change.peers = this.#peers;
    this.#peer = remove ? undefined : peer;
    return peer;
  }

  /**
   * The peer to which peer words apply.
   * @throws ConfigError if there was no `wgpeer` before
   */
  peer(word: string): PeerDraft {
    if (this.#peer === undefined) throw new ConfigError(word, "wgpeer not set");
    return this.#peer;
  }

  /**
   * The address to which words such as `netmask` and `alias` apply.
   * @param begin whether to begin an address if there is none
   * @throws ConfigError if there is none and `begin` is false
   */
  address(word: string, begin = false): AddressDraft {
    const last = this.addresses.at(-1);
    if (last !== undefined && "mode" in last) return last;
    if (!begin) throw new ConfigError(word, "requires an address before it");
    return this.beginAddress(word, undefined);
  }

  beginAddress(word: string, family: Family | undefined): AddressDraft {
    const address: AddressDraft = {
      word,
      family,
      mode: "set",
      host: undefined,
      prefix: undefined,
      netmask: undefined,
      broadcast: undefined,
      destination: undefined,
      eui64: false,
    };
    this.addresses.push(address);
    return address;
  }
}

/** A row of the table: a word, its operands, and its effect. */
export interface Word {
  readonly name: string;
  /** Other spellings of the word. */
  readonly also?: readonly string[];
  /** The names of the operands, for the help and the manual. */
  readonly operands: readonly string[];
  /**
   * The meaning of the operands, for the message when one is missing: "a port number, 0 to 65535".
   */
  readonly requires?: string;
  readonly section: Section;
  /** One or more sentences for the help and ifconfig(8). */
  readonly help: string;
  /**
   * Applies the word to the draft.
   * @param word the spelling that was used
   * @throws ConfigError
   */
  fill(draft: Draft, operands: readonly string[], word: string): void;
}

/** The section of the help in which a word is listed. */
export type Section = "interface" | "address" | "wireguard" | "peer";

/** A word of OpenBSD that Linux or wg does not have, with the reason and the alternative. */
export interface RefusedWord {
  readonly name: string;
  /** The names of its operands on OpenBSD, in brackets if they are optional. */
  readonly operands: readonly string[];
  readonly why: string;
  /**
   * Whether a line works without the word. netstart ignores such words in hostname.if(5) files.
   */
  readonly harmless: boolean;
}
