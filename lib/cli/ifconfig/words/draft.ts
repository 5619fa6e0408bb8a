/**
 * What one ifconfig command line asks for, as typed values. The words (words_*.ts) fill a Draft;
 * `settle` (parse.ts) makes it a Command.
 * @module
 */
import type { PublicKey } from "../../../base/brands.ts";
import type { DeviceChange, Draft as Writable, PeerChange } from "../../../base/config.ts";
import type { AllowedIp, IpBytes } from "../../../base/endpoint.ts";
import { KEY_LENGTH } from "../../../base/constants.ts";
import { ConfigError } from "../../../base/errors.ts";
import type { OffloadName } from "../../../base/offloads.ts";

/** The families of addresses. */
export type Family = "inet" | "inet6";

/** One change of the interface's addresses. */
export type AddressChange =
  /**
   * A new address. Without `alias` an IPv4 one takes the place of the first there is; an IPv6 one
   * always comes beside the others, as on OpenBSD.
   */
  | {
    readonly type: "set";
    readonly family: Family;
    readonly address: IpBytes;
    readonly prefix: number;
    /** IPv4: undefined is the usual one of the network. */
    readonly broadcast: IpBytes | undefined;
    /** The other end of a point-to-point link. */
    readonly destination: IpBytes | undefined;
    readonly alias: boolean;
    /** The host part comes from the interface's link-local address. */
    readonly eui64: boolean;
  }
  /**
   * `inet6 eui64` alone: a link-local address where there is none yet; this one, whose last 64 bits
   * are random.
   */
  | { readonly type: "link-local"; readonly family: "inet6"; readonly address: IpBytes }
  /** `delete`, `-alias`: this address, or the first of the family. */
  | { readonly type: "remove"; readonly family: Family; readonly address: IpBytes | undefined }
  /** `-inet`, `-inet6`: all of the family. */
  | { readonly type: "flush"; readonly family: Family };

/** What a whole command line asks for. A field that is undefined changes nothing. */
export interface Command {
  /** The interface, or a class (`wg`) with `create`. */
  readonly name: string;
  readonly create: boolean;
  readonly destroy: boolean;
  /** Assigning an address counts as `up`. */
  readonly up: boolean | undefined;
  readonly mtu: number | undefined;
  /** Of the interface; empty removes it. */
  readonly description: string | undefined;
  readonly rdomain: number | undefined;
  readonly joinGroups: readonly string[];
  readonly leaveGroups: readonly string[];
  readonly addresses: readonly AddressChange[];
  /**
   * What the daemon is told, as one change. Without groups: the list depends on those that there
   * are.
   */
  readonly change: DeviceChange;
}

/** An address while its words are read. `word` is what its errors name. */
export interface AddressDraft {
  readonly word: string;
  family: Family | undefined;
  mode: "set" | "alias" | "remove";
  /** As written, to be resolved when it is no address. */
  host: string | undefined;
  prefix: number | undefined;
  netmask: number | undefined;
  broadcast: IpBytes | undefined;
  destination: string | undefined;
  eui64: boolean;
}

/** Where the values come from that the command line only names. */
export interface Sources {
  /**
   * The text of a key: the file's, or for `-` the next line of standard input. @throws OsError or
   * ConfigError
   */
  secret(word: string, from: { readonly file: string } | "stdin"): string | Promise<string>;
  /**
   * The addresses of a host, best first. @throws ConfigError that names the host when there are
   * none
   */
  resolve(word: string, host: string, family: Family | undefined): Promise<readonly IpBytes[]>;
  /**
   * The index of an interface in the current namespace, for link-local endpoints; undefined when
   * there is none.
   */
  interfaceIndex(name: string): number | undefined;
  /** Fills the bytes at random. */
  random(into: Uint8Array): void;
}

/**
 * A peer's change while its words are read. Its keys may be read from files after all words were
 * found right.
 */
export type PeerDraft = Writable<Omit<PeerChange, "allowedIps">> & { allowedIps?: AllowedIp[] };

/** In the place of a key that is not read yet. */
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
   * What must be read or looked up before the command is complete; run in order, after all words
   * were found right.
   */
  readonly later: ((sources: Sources) => void | Promise<void>)[] = [];
  /** What the daemon is told. */
  readonly change: Writable<DeviceChange> = {};
  readonly #peers: PeerDraft[] = [];
  #peer: PeerDraft | undefined;

  constructor(readonly name: string) {}

  /** Uses an offload where the kernel has it, or switches it off. */
  setOffload(name: OffloadName, on: boolean): void {
    this.change.offloads = { ...this.change.offloads, [name]: on };
  }

  /**
   * Adds the change of a peer. Peer words are about it until the next one; after `remove` they are
   * about none.
   */
  addPeer(remove: boolean): PeerDraft {
    const peer: PeerDraft = { publicKey: NO_KEY as PublicKey, ...(remove && { remove }) };
    this.#peers.push(peer);
    this.change.peers = this.#peers;
    this.#peer = remove ? undefined : peer;
    return peer;
  }

  /** The peer that peer words are about. @throws ConfigError when no `wgpeer` came before */
  peer(word: string): PeerDraft {
    if (this.#peer === undefined) throw new ConfigError(word, "wgpeer not set");
    return this.#peer;
  }

  /**
   * The address that `netmask`, `alias` and the like are about. @throws ConfigError when there is
   * none and `begin` is not set
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

/** One row of the table: a word, what follows it, and what it does. */
export interface Word {
  readonly name: string;
  /** Other spellings of the same word. */
  readonly also?: readonly string[];
  /** Names of what follows it, as the help and the manual show them. */
  readonly operands: readonly string[];
  /** What the operands are, for the message when one is missing: "a port number, 0 to 65535". */
  readonly requires?: string;
  readonly section: Section;
  /** One or two sentences for `wg help ifconfig` and wg(8). */
  readonly help: string;
  /** Puts it into the draft; `word` is the spelling used. @throws ConfigError */
  take(draft: Draft, operands: readonly string[], word: string): void;
}

/** What a word is about; the order and headings of the help. */
export type Section = "interface" | "address" | "wireguard" | "peer";

/** A word of OpenBSD's that Linux or wg cannot do, and what to do instead. */
export interface RefusedWord {
  readonly name: string;
  /** Names of what follows it on OpenBSD, in brackets when it may be left out. */
  readonly operands: readonly string[];
  readonly why: string;
  /** Whether the line may go on without it: hostname.if(5) files may pass over such words. */
  readonly harmless: boolean;
}
