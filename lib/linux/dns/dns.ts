/**
 * Name servers and search domains of a tunnel. The way to set them is found on the machine, in the
 * order of wg-quick(8): the program resolvconf, systemd-resolved, the file /etc/resolv.conf.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { interfaceExists } from "./link_exists.ts";
import { findProgram } from "./program.ts";
import { type DnsSettings, tunnelIn, withoutTunnel, withTunnel } from "./resolv_conf.ts";
import { changeResolvConf, readResolvConf, RESOLV_CONF } from "./resolv_conf_file.ts";
import {
  addByResolvconf,
  deleteByResolvconf,
  findResolvconf,
  listByResolvconf,
  readInterfaceOrder,
  resolvconfRecord,
} from "./resolvconf.ts";
import {
  asksResolved,
  resolvedRuns,
  revertByResolved,
  serversByResolved,
  setByResolved,
} from "./resolved.ts";

export type { DnsSettings };

/** How the name servers of this machine are set. It is plain data, which `down` may read again. */
export type DnsWay =
  | { readonly type: "resolvconf"; readonly program: string; readonly reason: string }
  | { readonly type: "resolved"; readonly program: string; readonly reason: string }
  | { readonly type: "file"; readonly path: string; readonly reason: string };

/**
 * Finds the way of this machine. `reason` says in a few words why it is this one.
 * @throws OsError
 */
export async function findDnsWay(): Promise<DnsWay> {
  const notes: string[] = [];
  const resolvconf = await findResolvconf();
  const file = readResolvConf();
  const runs = await resolvedRuns();
  if (resolvconf === undefined) notes.push("resolvconf is not installed");
  else {
    const { program, kind } = resolvconf;
    if (kind === "openresolv") return { type: "resolvconf", program, reason: `it is ${program}` };
    if (kind === "debian") {
      if (file.type === "link" && /(^|\/)resolvconf\//.test(file.target)) {
        return { type: "resolvconf", program, reason: `${RESOLV_CONF} is its file` };
      }
      notes.push(`${program} does not manage ${RESOLV_CONF}`);
    } else if (runs) {
      return { type: "resolved", program, reason: "it runs, and is resolvconf here" };
    } else notes.push("resolvconf is that of systemd-resolved");
  }
  const resolvectl = findProgram("resolvectl");
  if (!runs) notes.push("systemd-resolved does not run");
  else if (resolvectl === undefined) notes.push("resolvectl is not installed");
  else if (asksResolved(file, readOrNothing("/etc/nsswitch.conf"))) {
    return { type: "resolved", program: resolvectl, reason: "it runs, and programs ask it" };
  } else notes.push("programs do not ask systemd-resolved");
  return { type: "file", path: RESOLV_CONF, reason: notes.join(", ") };
}

/** The way as text, e.g. `resolvconf (it is /sbin/resolvconf)`. */
export function dnsWayText(way: DnsWay): string {
  const names = { resolvconf: "resolvconf", resolved: "systemd-resolved", file: RESOLV_CONF };
  return `${names[way.type]} (${way.reason})`;
}

/**
 * Sets the name servers of an interface, which must exist. They are the only ones that programs
 * ask while the interface is up.
 * @param way how; found by `findDnsWay` if it is absent
 * @returns the way, for `unsetDns`
 * @throws ConfigError for a word that is no name server or domain, or if a program fails; OsError
 */
export async function setDns(
  name: string,
  settings: DnsSettings,
  way?: DnsWay,
): Promise<DnsWay> {
  checkDns(settings);
  const chosen = way ?? await findDnsWay();
  switch (chosen.type) {
    case "resolvconf":
      await addByResolvconf(chosen.program, resolvconfRecordHere(name), settings);
      break;
    case "resolved":
      await setByResolved(chosen.program, name, settings);
      break;
    case "file":
      changeResolvConf((now) => withTunnel(now, name, settings), chosen.path);
  }
  return chosen;
}

/**
 * Undoes `setDns`. Does nothing where its name servers are gone.
 * @param way what `setDns` returned; found by `findDnsWay` if it is absent
 * @throws ConfigError, OsError
 */
export async function unsetDns(name: string, way?: DnsWay): Promise<void> {
  const chosen = way ?? await findDnsWay();
  switch (chosen.type) {
    case "resolvconf":
      return await deleteByResolvconf(chosen.program, resolvconfRecordHere(name));
    case "resolved":
      // They went with the link.
      if (!interfaceExists(name) || !await resolvedRuns()) return;
      return await revertByResolved(chosen.program, name);
    case "file":
      return changeResolvConf((now) => withoutTunnel(now, name), chosen.path);
  }
}

/** Whether an interface has all of these name servers. @throws ConfigError, OsError */
export async function hasDns(name: string, settings: DnsSettings, way?: DnsWay): Promise<boolean> {
  const chosen = way ?? await findDnsWay();
  const found = await serversOf(name, chosen);
  return settings.servers.every((server) => found.includes(server));
}

async function serversOf(name: string, way: DnsWay): Promise<readonly string[]> {
  switch (way.type) {
    case "resolvconf": {
      const lines = await listByResolvconf(way.program, resolvconfRecordHere(name));
      return lines.flatMap((line) => /^nameserver\s+(\S+)$/.exec(line)?.[1] ?? []);
    }
    case "resolved":
      return interfaceExists(name) ? await serversByResolved(way.program, name) : [];
    case "file":
      return tunnelIn(readResolvConf(way.path), name)?.servers ?? [];
  }
}

const resolvconfRecordHere = (name: string): string => resolvconfRecord(name, readInterfaceOrder());

/** Refuses words that would be something else in resolv.conf or on a command line. */
function checkDns({ servers, search }: DnsSettings): void {
  if (servers.length === 0) {
    throw new ConfigError("DNS", "the address of a name server is required");
  }
  for (const word of [...servers, ...search]) {
    if (!/^[A-Za-z0-9_~.:%][A-Za-z0-9_.:%-]*$/.test(word)) {
      throw new ConfigError("DNS", `${JSON.stringify(word)} is neither an address nor a domain`);
    }
  }
}

function readOrNothing(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
