/**
 * The lines that tell what is done, in the words of the commands that people know from wg-quick(8).
 * @module
 */
import { shownCommand } from "../../base/command_text.ts";
import type { Saved, Step } from "./plan.ts";

/** How name servers are set: lib/linux/dns/dns.ts has more of it. */
export interface DnsBy {
  readonly type: "resolvconf" | "resolved" | "file";
  /** The file. */
  readonly path?: string;
}

/** Text that is as long as a key, or longer. */
const KEY_LIKE = /[A-Za-z0-9+/]{43}=/g;

/**
 * The lines of a step, without the mark `[#]`. They have no keys.
 * @param way how name servers are set, where that is known
 */
export function stepLines(name: string, file: string, step: Step, way?: DnsBy): string[] {
  switch (step.type) {
    case "hook":
      return [shownCommand(step.command.replace(KEY_LIKE, "(what may be a key)"))];
    case "create":
      return [`ifconfig ${name} create`, `wg setconf ${name} ${file}`];
    case "address":
      return [`ip ${familyOption(step.address)} address add ${step.address} dev ${name}`];
    case "link":
      return [`ip link set mtu ${step.mtu} up dev ${name}`];
    case "dns":
      return [dnsLine(name, step, way)];
    case "fwmark":
      return [`wg set ${name} fwmark ${step.mark}`];
    case "route":
      return [`ip ${routeWords("add", name, step)}`];
    case "rule":
      return [`ip -${step.family} rule add not fwmark ${step.mark} table ${step.table}`];
    case "suppress":
      return [`ip -${step.family} rule add table main suppress_prefixlength 0`];
    case "sysctl":
      return [`sysctl -q ${step.name}=${step.value}`];
    case "nft":
      return [`nft add table ${nftTable(name, step.family)}`];
  }
}

/**
 * The lines that undo a step.
 * @param saved what undoing it requires
 */
export function undoLines(name: string, step: Step, saved?: Saved): string[] {
  switch (step.type) {
    case "hook":
      return [];
    case "create":
      return [`ip link delete dev ${name}`];
    case "address":
      return [`ip ${familyOption(step.address)} address delete ${step.address} dev ${name}`];
    case "link":
      return [`ip link set down dev ${name}`];
    case "dns":
      return [dnsUndoLine(name, saved as DnsBy | undefined)];
    case "fwmark":
      return [`wg set ${name} fwmark off`];
    case "route":
      return [`ip ${routeWords("delete", name, step)}`];
    case "rule":
      return [`ip -${step.family} rule delete table ${step.table}`];
    case "suppress":
      return [`ip -${step.family} rule delete table main suppress_prefixlength 0`];
    case "sysctl":
      return typeof saved === "string" ? [`sysctl -q ${step.name}=${saved}`] : [];
    case "nft":
      return [`nft delete table ${nftTable(name, step.family)}`];
  }
}

/** The nftables table of an interface. wg-quick(8) looks for this name. */
export const nftTable = (name: string, family: 4 | 6): string =>
  `${family === 4 ? "ip" : "ip6"} wg-quick-${name}`;

const familyOption = (text: string): string => text.includes(":") ? "-6" : "-4";

function dnsLine(name: string, step: Step & { readonly type: "dns" }, way?: DnsBy): string {
  const { servers, search } = step;
  const domains = search.length === 0 ? "" : ` search ${search.join(" ")}`;
  const values = `nameserver ${servers.join(" ")}${domains}`;
  switch (way?.type) {
    case "resolvconf":
      return `resolvconf -a ${name} -m 0 -x: ${values}`;
    case "resolved":
      return `resolvectl dns ${name} ${servers.join(" ")}; resolvectl domain ${name} ~.${
        search.map((domain) => ` ${domain}`).join("")
      }`;
    default:
      return `${way?.path ?? "DNS"}: ${values}`;
  }
}

function dnsUndoLine(name: string, way: DnsBy | undefined): string {
  switch (way?.type) {
    case "resolvconf":
      return `resolvconf -d ${name} -f`;
    case "resolved":
      return `resolvectl revert ${name}`;
    default:
      return `${way?.path ?? "DNS"}: as before ${name}`;
  }
}

function routeWords(verb: string, name: string, step: Step & { readonly type: "route" }): string {
  const table = step.table === undefined ? "" : ` table ${step.table}`;
  return `${familyOption(step.destination)} route ${verb} ${step.destination} dev ${name}${table}`;
}

/** The state of an interface for `status`. */
export interface QuickStatus {
  readonly name: string;
  readonly file: string;
  /** Undefined if this user may not see that. */
  readonly fileExists: boolean | undefined;
  /**
   * Who brought the interface up. It is "other" also for an interface that is down.
   * Undefined if this user may not see the records.
   */
  readonly by: "wg quick" | "other" | undefined;
  /**
   * `ended`: the interface is gone, but not what `up` did besides. `starting`: `up` is at
   * work. `incomplete`: `up` was killed.
   * `renamed`: the interface has another name now.
   */
  readonly state: "up" | "starting" | "down" | "ended" | "incomplete" | "renamed";
  /** The name of an interface that was renamed. */
  readonly presentName?: string;
  /** The process of the interface. */
  readonly pid?: number;
  /** What `reload` would do; undefined if the interface is down or the file cannot be compared. */
  readonly differences: readonly string[] | undefined;
  /** What `down` would undo of an interface that has ended. */
  readonly left: readonly string[];
}

const FILE_NOTES = {
  true: "",
  false: " (there is no such file)",
  undefined: " (not for this user to see)",
};

/** The state of an interface as lines. */
export function statusText(status: QuickStatus): string {
  const { name, file, fileExists, by, state, pid, differences, left } = status;
  const process = pid === undefined ? "" : ` (process ${pid})`;
  const who = by === "other" && state === "up" ? ", not brought up by wg quick" : "";
  const what = {
    up: `up${process}${who}`,
    starting: `up is not at its end yet${process}`,
    down: "down",
    ended: "ended without down",
    incomplete: `up was interrupted${process}`,
    renamed: `up with the name ${status.presentName}${process}`,
  }[state];
  const lines = [
    `${name}: ${what}`,
    `\tfile: ${file}${FILE_NOTES[`${fileExists}`]}`,
  ];
  if (differences?.length === 0) lines.push("\tas in the file");
  for (const line of differences ?? []) lines.push(`\tdiffers: ${line}`);
  for (const line of left) lines.push(`\tleft: ${line}`);
  return `${lines.join("\n")}\n`;
}
