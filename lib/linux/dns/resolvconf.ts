/**
 * Name servers by the program resolvconf: openresolv, or Debian's resolvconf. systemd's program of
 * this name is another way (resolved.ts).
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { type DnsSettings, resolverLines } from "./resolv_conf.ts";
import { findProgram, runProgram } from "./program.ts";

/** Whose program resolvconf is. */
export type ResolvconfKind = "openresolv" | "debian" | "systemd";

/** Debian's order of interfaces. openresolv reads it where it has no file of its own. */
const INTERFACE_ORDER = "/etc/resolvconf/interface-order";

/** The program resolvconf of this machine; undefined if there is none. @throws OsError */
export async function findResolvconf(): Promise<
  { readonly program: string; readonly kind: ResolvconfKind } | undefined
> {
  const program = findProgram("resolvconf");
  if (program === undefined) return undefined;
  const target = Deno.realPathSync(program);
  if (/\/(resolvectl|systemd-resolve)$/.test(target)) return { program: target, kind: "systemd" };
  // A program of this name that knows no --version is used as openresolv, as wg-quick(8) does.
  const version = await runProgram([program, "--version"]).catch(() => "");
  return { program, kind: version.startsWith("Debian resolvconf") ? "debian" : "openresolv" };
}

/**
 * The name under which the name servers of an interface are kept, as wg-quick(8) makes it. With
 * Debian's order of interfaces, its first pattern stands before the name, e.g. `tun.wg0`, so that
 * they come before those of other interfaces.
 */
export function resolvconfRecord(name: string, order: string | undefined): string {
  for (const line of (order ?? "").split("\n")) {
    const prefix = /^([A-Za-z0-9-]+)\*$/.exec(line.trim())?.[1];
    if (prefix !== undefined) return `${prefix}.${name}`;
  }
  return name;
}

/** Debian's order of interfaces; undefined where there is none. */
export function readInterfaceOrder(): string | undefined {
  try {
    return Deno.readTextFileSync(INTERFACE_ORDER);
  } catch {
    return undefined;
  }
}

/** Adds the name servers, alone and before all others. @throws ConfigError, OsError */
export async function addByResolvconf(
  program: string,
  record: string,
  settings: DnsSettings,
): Promise<void> {
  const lines = resolverLines(settings).map((line) => `${line}\n`).join("");
  await runProgram([program, "-a", record, "-m", "0", "-x"], lines);
}

/** Removes the name servers. Does nothing if there are none. @throws ConfigError, OsError */
export async function deleteByResolvconf(program: string, record: string): Promise<void> {
  await runProgram([program, "-d", record, "-f"]);
}

/** The name servers that resolvconf has for a record, as lines of resolv.conf(5). */
export async function listByResolvconf(program: string, record: string): Promise<string[]> {
  let text: string;
  try {
    text = await runProgram([program, "-l", record]);
  } catch (error) {
    // openresolv fails for a record that it does not have.
    if (error instanceof ConfigError) return [];
    throw error;
  }
  // Debian's prints all records, each below its name.
  const sections = text.split(/^# resolv\.conf from (.*)$/m);
  const at = sections.findIndex((section, i) => i % 2 === 1 && section.trim() === record);
  const own = sections.length === 1 ? text : at < 0 ? "" : sections[at + 1];
  return own.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
