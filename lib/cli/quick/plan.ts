/**
 * Plans what `wg quick up` does: the steps that lead from no interface to the one of a file, in the
 * order of wg-quick(8). The steps are plain data, so that they can be printed, recorded, compared
 * and undone.
 * @module
 */
import type { AllowedIp, IpBytes } from "../../base/endpoint.ts";
import { formatIp, formatRange, maskAddress } from "../../base/ip_text.ts";

/** The kernel setting that lets the reverse path filter see the mark of a packet. */
export const SRC_VALID_MARK = "net.ipv4.conf.all.src_valid_mark";

/** The main routing table, in which routes go that need no table of their own. */
const MAIN_TABLE = 254;

/** The keys of commands. Those of one key run in the order of the file. */
export const PHASES = ["PreUp", "PostUp", "PreDown", "PostDown"] as const;
export type Phase = typeof PHASES[number];

/** One step. Addresses and ranges are text in their usual form. */
export type Step =
  /** Runs a command of the file, with `%i` replaced. */
  | { readonly type: "hook"; readonly phase: Phase; readonly command: string }
  /** Creates the interface with its configuration. */
  | { readonly type: "create" }
  /** Adds an address with its prefix length, e.g. `10.0.0.1/24`. */
  | { readonly type: "address"; readonly address: string }
  /** Sets the MTU and takes the link up. */
  | { readonly type: "link"; readonly mtu: number }
  | {
    readonly type: "dns";
    readonly servers: readonly string[];
    readonly search: readonly string[];
  }
  /** Marks the datagrams of the tunnel, so that rules can tell them from other packets. */
  | { readonly type: "fwmark"; readonly mark: number }
  /** Adds a route into the tunnel; `table` is undefined for the main table. */
  | { readonly type: "route"; readonly destination: string; readonly table: number | undefined }
  /** Sends what does not carry the mark to the table. */
  | {
    readonly type: "rule";
    readonly family: 4 | 6;
    readonly mark: number;
    readonly table: number;
  }
  /** Keeps the routes of the main table in use, except default routes. */
  | { readonly type: "suppress"; readonly family: 4 | 6 }
  /** Sets a kernel setting. */
  | { readonly type: "sysctl"; readonly name: string; readonly value: string }
  /** Drops packets to the tunnel's addresses that come from elsewhere, and keeps marks. */
  | {
    readonly type: "nft";
    readonly family: 4 | 6;
    readonly mark: number;
    readonly addresses: readonly string[];
  };

/** A step that was done, or begun. */
export interface DoneStep {
  readonly step: Step;
  /** What undoing the step requires, such as the value before it. */
  readonly saved?: Saved | undefined;
}

/** A value of JSON that only the code of its step reads. */
export type Saved = unknown;

/** The routing table of `Table`: the main one with policy rules, none, or a fixed one. */
export type TableChoice = "auto" | "off" | number;

/** What the plan is made of. */
export interface PlanInput {
  readonly addresses: readonly AllowedAddress[];
  /** The MTU in bytes. */
  readonly mtu: number;
  readonly dns: { readonly servers: readonly string[]; readonly search: readonly string[] };
  readonly table: TableChoice;
  /** The mark that the file sets; 0 for none. */
  readonly fwmark: number;
  /** A number that is no table's yet. It becomes mark and table of default routes. */
  readonly freeTable: number;
  /** The allowed IPs of all peers. */
  readonly allowedIps: readonly AllowedIp[];
  /** The commands, with `%i` replaced. */
  readonly hooks: Readonly<Record<"PreUp" | "PostUp", readonly string[]>>;
}

/** An address of the interface with the length of its network. */
export interface AllowedAddress {
  readonly address: IpBytes;
  readonly prefix: number;
}

/** The steps of `up`, in their order. */
export function planUp(input: PlanInput): Step[] {
  const { addresses, dns, hooks } = input;
  const hook = (phase: "PreUp" | "PostUp") =>
    hooks[phase].map((command): Step => ({ type: "hook", phase, command }));
  return [
    ...hook("PreUp"),
    { type: "create" },
    ...addresses.map((one): Step => ({ type: "address", address: addressText(one) })),
    { type: "link", mtu: input.mtu },
    ...(dns.servers.length > 0 ? [{ type: "dns", ...dns } as const] : []),
    ...routeSteps(input),
    ...hook("PostUp"),
  ];
}

/** An address with its prefix length, as ip-address(8) shows it. */
export const addressText = ({ address, prefix }: AllowedAddress): string =>
  `${formatIp(address)}/${prefix}`;

/**
 * The routes of the allowed IPs, the longest prefix first. With `auto` a route that another route
 * of the interface covers is left out, and a default route gets a table of its own, to which rules
 * lead everything but the tunnel's own datagrams.
 */
function routeSteps(input: PlanInput): Step[] {
  const { table, addresses } = input;
  if (table === "off") return [];
  const covered = new RangeSet();
  for (const address of addresses) if (addsRoute(address)) covered.add(networkOf(address));
  const mark = input.fwmark !== 0 ? input.fwmark : input.freeTable;
  let marked = input.fwmark !== 0;
  const steps: Step[] = [];
  for (const range of inRouteOrder(input.allowedIps)) {
    const destination = formatRange(range);
    if (table !== "auto") {
      const there = table === MAIN_TABLE && covered.has(range);
      if (!there) steps.push({ type: "route", destination, table });
    } else if (range.prefix > 0) {
      if (covered.covers(range)) continue;
      covered.add(range);
      steps.push({ type: "route", destination, table: undefined });
    } else {
      if (!marked) steps.push({ type: "fwmark", mark });
      marked = true;
      steps.push(...defaultRoute(range, mark, addresses));
    }
  }
  return steps;
}

function defaultRoute(
  range: AllowedIp,
  mark: number,
  addresses: readonly AllowedAddress[],
): Step[] {
  const size = range.address.length;
  const family = size === 4 ? 4 : 6;
  const own = addresses.filter(({ address }) => address.length === size);
  return [
    { type: "route", destination: formatRange(range), table: mark },
    { type: "rule", family, mark, table: mark },
    { type: "suppress", family },
    ...(family === 4 ? [{ type: "sysctl", name: SRC_VALID_MARK, value: "1" } as const] : []),
    { type: "nft", family, mark, addresses: own.map(({ address }) => formatIp(address)) },
  ];
}

/** The ranges, each once, the longest prefix first, as `sort -nr -k 2 -t /` puts them. */
function inRouteOrder(ranges: readonly AllowedIp[]): AllowedIp[] {
  const byText = new Map(ranges.map((range) => [formatRange(range), range]));
  return [...byText].sort(([a, { prefix }], [b, { prefix: other }]) =>
    other - prefix || (a < b ? 1 : -1)
  ).map(([, range]) => range);
}

/** Whether the kernel adds a route to the main table for the network of an address. */
const addsRoute = ({ address, prefix }: AllowedAddress) => address.length === 16 || prefix < 32;

const networkOf = ({ address, prefix }: AllowedAddress): AllowedIp => ({
  address: maskAddress(address, prefix),
  prefix,
});

/** Ranges, of which there may be thousands. */
class RangeSet {
  readonly #texts = new Set<string>();
  /** The prefix lengths of the ranges. */
  readonly #prefixes = new Set<number>();

  add(range: AllowedIp): void {
    this.#texts.add(formatRange(range));
    this.#prefixes.add(range.prefix);
  }

  has(range: AllowedIp): boolean {
    return this.#texts.has(formatRange(range));
  }

  /** Whether one of the ranges has all addresses of this one. */
  covers({ address, prefix: length }: AllowedIp): boolean {
    return [...this.#prefixes].some((prefix) =>
      prefix <= length && this.has({ address: maskAddress(address, prefix), prefix })
    );
  }
}

/** The table of default routes among the steps; 0 if they have none. */
export function tableOf(steps: readonly Step[]): number {
  const rule = steps.find(({ type }) => type === "rule");
  return rule?.type === "rule" ? rule.table : 0;
}

/** A text by which steps are compared. A record has the fields of a step in any order. */
export const stepKey = (step: Step): string =>
  JSON.stringify(Object.entries(step).filter(([, value]) => value !== undefined).sort());
