/**
 * Settings of the kernel under /proc/sys, by the names of sysctl(8).
 * @module
 */
import { EROFS, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import { onFile } from "./file_error.ts";

/** With it, reverse path filtering routes a packet with its mark (ip-sysctl.rst). */
export const SRC_VALID_MARK = "net.ipv4.conf.all.src_valid_mark";

/**
 * The file of a setting: dots stand for slashes. A name with a slash has its dots as they are, as
 * in `net/ipv4/conf/eth0.100/rp_filter`.
 */
export function sysctlPath(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

/** The value of a setting, without white space around it. @throws OsError */
export function readSysctl(name: string): string {
  const path = sysctlPath(name);
  return onFile("read", path, () => Deno.readTextFileSync(path)).trim();
}

/**
 * Gives a setting a value. It is not written if it has the value, because containers often have
 * the right value and a /proc/sys that is read-only. Settings below `net` are those of the calling
 * thread's network namespace.
 * @returns the value before, or undefined when the setting had this value
 * @throws OsError that names the setting, its value and the required one
 */
export function setSysctl(name: string, value: string): string | undefined {
  const before = readSysctl(name);
  if (before === value) return undefined;
  const path = sysctlPath(name);
  try {
    onFile("write", path, () => Deno.writeTextFileSync(path, value, { create: false }));
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    const hint = error.errno === EROFS
      ? "; set it before this container starts, e.g. with --sysctl of docker"
      : "";
    throw osError(
      "write",
      path,
      error.errno,
      `${name} is ${before}, and ${value} is required${hint}`,
    );
  }
  return before;
}
