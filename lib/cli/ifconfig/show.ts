/**
 * Shows interfaces: those of the current namespace, and wg interfaces in all namespaces.
 * @module
 */
import { ENXIO } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { interfaceNames } from "../../daemon/client.ts";
import { knownStatus } from "../../daemon/wg_control.ts";
import type { Family } from "./words/draft.ts";
import type { ShownAddress, ShownInterface, ShownLink, StatusOptions } from "./status_text.ts";
import { formatInterface, interfaceJson } from "./status_text.ts";
import { IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE } from "../../netlink/flags.ts";
import type { Link } from "../../netlink/link.ts";
import { IFF_MULTICAST, IFF_NOARP, IFF_RUNNING, IFF_UP } from "../../netlink/flags.ts";
import type { AddressFacts, InterfaceStatus } from "../../base/status.ts";
import { identityToldBy, placeOf } from "./place.ts";
import { printAll } from "../output.ts";
import { askEach, tellFailures, zoneNames } from "../output.ts";

/** The interfaces to show, and the parts of them. */
export interface ShowOptions {
  /** The name of an interface, a group or a class; undefined for all interfaces. */
  readonly name: string | undefined;
  readonly family: Family | undefined;
  readonly features: boolean;
  readonly peers: boolean;
  readonly json: boolean;
}

/**
 * Prints the selected interfaces.
 * @returns the exit status
 * @throws ConfigError if nothing has the name
 */
export async function printInterfaces(options: ShowOptions): Promise<number> {
  const failures: OsError[] = [];
  const shown = await select(options.name, failures);
  const endpoints = shown.flatMap((one) => one.wg?.peers.map((peer) => peer.endpoint) ?? []);
  const status: StatusOptions = {
    ...options,
    zone: await zoneNames(endpoints),
    nowSeconds: Date.now() / 1000,
  };
  const text = options.json
    ? `${JSON.stringify(shown.map((one) => interfaceJson(one, status)), undefined, 2)}\n`
    : shown.map((one) => formatInterface(one, status)).join("");
  printAll(text);
  return tellFailures(failures);
}

/**
 * The selected interfaces.
 * @param failures receives the errors of single interfaces
 */
async function select(name: string | undefined, failures: OsError[]): Promise<ShownInterface[]> {
  if (name !== undefined) {
    const one = await wgInterface(name) ?? (await otherInterfaces([name]))[0];
    if (one !== undefined) return [one];
  }
  const wg = await askEach(interfaceNames(), wgInterface, failures);
  if (name === undefined) {
    const here = await otherInterfaces(undefined, new Set(wg.map((one) => one.name)));
    return [...here, ...wg];
  }
  const exact = wg.filter((one) => one.name === name);
  if (exact.length > 0) return exact;
  const chosen = wg.filter((one) => one.groups.includes(name) || classOf(one.name) === name);
  const links = await otherInterfaces(undefined, new Set(wg.map((one) => one.name)));
  const others = links.filter((one) => classOf(one.name) === name);
  if (chosen.length + others.length === 0) throw new ConfigError(name, "no such interface");
  return [...others, ...chosen];
}

const classOf = (name: string) => name.replace(/[0-9]+$/, "");

/** A wg interface, from its daemon; undefined if there is none. */
async function wgInterface(name: string): Promise<ShownInterface | undefined> {
  let status: InterfaceStatus;
  try {
    status = await knownStatus(name);
  } catch (error) {
    if (error instanceof OsError && error.errno === ENXIO) return undefined;
    throw error;
  }
  const known = await findLink(name, status);
  return {
    name: known.link?.name ?? (status.name || name),
    link: known.link === undefined ? linkToldBy(status) : shownLink(known.link),
    place: known.place,
    debug: status.debug,
    priority: status.priority,
    mtuAuto: status.mtuAuto,
    groups: ["wg", ...status.groups],
    wg: status,
    engine: status.pid === 0 ? undefined : {
      pid: status.pid,
      suite: status.suite,
      cipher: status.cipher,
      offloads: status.offloads,
      offloadsOff: status.offloadsOff,
      workers: status.workers,
      privileges: status.privileges,
      privilegesMissing: status.privilegesMissing,
      lookUpsPid: status.lookUpsPid,
      fwmark: status.fwmark,
    },
    counters: status.counters,
    addresses: shownAddresses(known.addresses),
  };
}

interface FoundLink {
  readonly place: number | string;
  /** The link; undefined if this user cannot look into its namespace, or if it does not exist. */
  readonly link: KnownLink | undefined;
  readonly addresses: readonly AddressFacts[];
}

/** The parts of a link that are shown, from its daemon or from the kernel. */
type KnownLink = Pick<Link, "index" | "name" | "flags" | "mtu" | "alias"> & {
  readonly address?: Uint8Array;
};

/** The link as its daemon reports it, otherwise as the kernel reports it in its namespace. */
async function findLink(socket: string, status: InterfaceStatus): Promise<FoundLink> {
  const place = placeOf(identityToldBy(status));
  if (status.link !== undefined) {
    return { place, link: status.link, addresses: status.link.addresses };
  }
  return { place, ...await (await kernel()).lookFor(socket, status.name || socket, status) };
}

/** Asking the kernel requires a library and several modules. They are loaded only when needed. */
const kernel = () => import("./kernel.ts");

/**
 * The links of the current namespace that are not wg interfaces.
 * @param names the links to return; undefined for all
 * @param wg the names of the wg interfaces
 */
async function otherInterfaces(
  names: readonly string[] | undefined,
  wg: ReadonlySet<string> = new Set(),
): Promise<ShownInterface[]> {
  const { links, addresses } = (await kernel()).linksHere(names, wg);
  return links.map((link) => ({
    name: link.name,
    link: shownLink(link),
    place: 0,
    debug: false,
    priority: 0,
    mtuAuto: false,
    groups: link.name === "lo" ? ["lo"] : [],
    wg: undefined,
    engine: undefined,
    addresses: shownAddresses(addresses.filter((address) => address.interfaceIndex === link.index)),
  }));
}

function shownLink(link: KnownLink): ShownLink {
  const address = link.address ?? new Uint8Array(0);
  const zeros = address.every((byte) => byte === 0);
  return {
    index: link.index,
    flags: link.flags,
    mtu: link.mtu,
    description: link.alias,
    lladdr: zeros ? new Uint8Array(0) : address,
  };
}

/**
 * The link for a user who cannot look into its namespace: the facts that the daemon tells
 * everybody.
 */
function linkToldBy(status: InterfaceStatus): ShownLink {
  const flags = IFF_NOARP | IFF_MULTICAST | (status.up ? IFF_UP | IFF_RUNNING : 0);
  return { index: 0, flags, mtu: status.mtu, description: "", lladdr: new Uint8Array(0) };
}

function shownAddresses(addresses: readonly AddressFacts[]): ShownAddress[] {
  return addresses.map((address) => {
    const inet = address.address.length === 4;
    const words: string[] = [];
    if (!inet && (address.flags & IFA_F_TENTATIVE) !== 0) words.push("tentative");
    if (!inet && (address.flags & IFA_F_DADFAILED) !== 0) words.push("duplicated");
    if (!inet && (address.flags & IFA_F_DEPRECATED) !== 0) words.push("deprecated");
    return {
      family: inet ? "inet" : "inet6",
      address: address.address,
      prefix: address.prefix,
      broadcast: address.broadcast,
      destination: address.peer,
      flags: words,
    };
  });
}
