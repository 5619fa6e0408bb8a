/**
 * Name servers by systemd-resolved, through its program resolvectl.
 * @module
 */
import type { DnsSettings, ResolvConf } from "./resolv_conf.ts";
import { runProgram } from "./program.ts";

/** A socket on which systemd-resolved answers while it runs. */
const SOCKET = "/run/systemd/resolve/io.systemd.Resolve";
/** The domain that sends every look-up to the name servers of a link. */
const EVERYTHING = "~.";

/** Whether systemd-resolved runs. */
export async function resolvedRuns(): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path: SOCKET })).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether programs ask systemd-resolved, by resolv.conf(5) or by nsswitch.conf(5). */
export function asksResolved(resolvConf: ResolvConf, nsswitch: string): boolean {
  if (resolvConf.type === "link" && /\bsystemd\/resolv/.test(resolvConf.target)) return true;
  if (
    resolvConf.type === "file" && /^\s*nameserver\s+127\.0\.0\.5[34]\s*$/m.test(resolvConf.text)
  ) {
    return true;
  }
  return /^\s*hosts:.*\sresolve(\s|$)/m.test(nsswitch);
}

/**
 * Gives a link its name servers, for all names.
 * @param program the path of resolvectl
 * @throws ConfigError, OsError; the link has none of them then
 */
export async function setByResolved(
  program: string,
  name: string,
  { servers, search }: DnsSettings,
): Promise<void> {
  try {
    await runProgram([program, "dns", "--", name, ...servers]);
    await runProgram([program, "domain", "--", name, EVERYTHING, ...search]);
    await runProgram([program, "default-route", "--", name, "true"]);
  } catch (error) {
    await revertByResolved(program, name).catch(() => {});
    throw error;
  }
}

/** Removes the name servers of a link. @throws ConfigError, OsError */
export async function revertByResolved(program: string, name: string): Promise<void> {
  await runProgram([program, "revert", "--", name]);
}

/** The name servers of a link. @throws ConfigError, OsError */
export async function serversByResolved(program: string, name: string): Promise<string[]> {
  // The answer is `Link 5 (wg0): 10.0.0.1 fd00::1`.
  const text = await runProgram([program, "dns", "--", name]);
  return text.replace(/^Link \d+ \([^)]*\):/, "").split(/\s+/).filter((word) => word !== "");
}
