/**
 * What this machine offers to tests and to the demo, found by trying it.
 * @module
 */

import { openIpsecMb } from "../ffi/ipsec_mb.ts";
import { prepareMachine, problemOfMachine } from "./aarch64/machine.ts";
import { makeDebianRoot, problemOfDebianRoot } from "./debian_root.ts";
import { unpack, UNPACKED, unpackedFolder, type UnpackedPackage } from "./unpacked.ts";

/** Something a test may need. Each is a Debian program, or a thing of the kernel. */
export type Facility =
  | "namespaces"
  | "root"
  | "tun"
  /** As "namespaces" and "tun", for users who are not root. */
  | "user-namespaces"
  | "user-tun"
  | "ipv6"
  | "ip"
  | "ping"
  | "wg"
  | "wg-quick"
  | "wireguard-go"
  | "openssl"
  | "nft"
  | "iptables"
  | "sysctl"
  | "dbus-daemon"
  | "iperf3"
  | "mandoc"
  | "strace"
  | "zsh"
  | "fish"
  | "tmux"
  | "zbarimg"
  | "rsvg-convert"
  | "tshark"
  /** A package that is not installed but unpacked. */
  | UnpackedPackage
  /** An emulator of aarch64 with Deno for it (scripts/aarch64/machine.ts). */
  | "aarch64"
  /** A clean Debian in a folder (scripts/debian_root.ts), and what boots it. */
  | "debian-root"
  | "systemd-nspawn"
  /** libipsec-mb, and a processor on which it is used. */
  | "ipsec-mb";

/**
 * The Debian package of each program or library; where it has another name in another release,
 * both.
 */
export const PACKAGES: Readonly<Partial<Record<Facility, string>>> = {
  ip: "iproute2",
  ping: "iputils-ping",
  wg: "wireguard-tools",
  "wg-quick": "wireguard-tools",
  "wireguard-go": "wireguard-go",
  openssl: "openssl",
  nft: "nftables",
  iptables: "iptables",
  sysctl: "procps",
  "dbus-daemon": "dbus-daemon or dbus",
  iperf3: "iperf3",
  mandoc: "mandoc",
  strace: "strace",
  zsh: "zsh",
  fish: "fish",
  "debian-root": "mmdebstrap or debootstrap",
  "systemd-nspawn": "systemd-container",
  tmux: "tmux",
  zbarimg: "zbar-tools",
  "rsvg-convert": "librsvg2-bin",
  tshark: "tshark",
  "ipsec-mb": "libipsec-mb1 or libipsec-mb2",
};

const found = new Map<Facility, string | undefined>();

/** Why something is not there, in a few words, or undefined when it is. */
export function missing(facility: Facility): string | undefined {
  if (!found.has(facility)) found.set(facility, probe(facility));
  return found.get(facility);
}

/**
 * As root, installs what is missing with apt-get; whatever goes wrong there is said, and what needs
 * it is skipped.
 */
export async function installPackages(
  facilities: readonly Facility[],
  say: (line: string) => void,
): Promise<void> {
  const wanted = new Set<string>();
  for (const facility of facilities) {
    const name = PACKAGES[facility];
    if (name === undefined || missing(facility) === undefined) continue;
    if (facility === "ipsec-mb" && !hasIfma()) continue;
    wanted.add(name);
  }
  if (wanted.size === 0) return await unpackPackages(facilities, say);
  const names = [...wanted].join(" ");
  if (Deno.uid() !== 0) return say(`not root: not installing ${names}`);
  say(`installing with apt-get: ${names}`);
  const apt = async (...words: string[]) => {
    try {
      const { success, stderr } = await new Deno.Command("apt-get", {
        args: ["-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", ...words],
        env: { DEBIAN_FRONTEND: "noninteractive" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      return success
        ? undefined
        : new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "failed";
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? "no apt-get here" : String(error);
    }
  };
  const install = (...packages: string[]) =>
    apt("install", "-y", "--no-install-recommends", ...packages);
  const problem = await apt("update");
  if (problem !== undefined) say(`apt-get: ${problem}`);
  else if (await install(...[...wanted].map((name) => name.split(" or ")[0])) !== undefined) {
    // One that this release does not have, or has by another name, must not keep the others away.
    for (const name of wanted) {
      let reason: string | undefined;
      for (const candidate of name.split(" or ")) {
        reason = await install(candidate);
        if (reason === undefined) break;
      }
      if (reason !== undefined) say(`apt-get: ${name}: ${reason}`);
    }
  }
  found.clear();
  await unpackPackages(facilities, say);
}

const isUnpacked = (facility: Facility): facility is UnpackedPackage =>
  (UNPACKED as readonly Facility[]).includes(facility);

/** Unpacks what is missing of the packages that are not installed. */
async function unpackPackages(
  facilities: readonly Facility[],
  say: (line: string) => void,
): Promise<void> {
  for (const facility of new Set(facilities)) {
    if (!isUnpacked(facility) || missing(facility) === undefined) continue;
    say(`unpacking with apt-get and dpkg: ${facility}`);
    const reason = await unpack(facility);
    if (reason !== undefined) say(`apt-get: ${facility}: ${reason}`);
  }
  if (facilities.includes("aarch64") && missing("aarch64") !== undefined) {
    const reason = await prepareMachine(say);
    if (reason !== undefined) say(`aarch64: ${reason}`);
  }
  if (facilities.includes("debian-root") && missing("debian-root") !== undefined) {
    const reason = await makeDebianRoot(say);
    if (reason !== undefined) say(`debian-root: ${reason}`);
  }
  found.clear();
}

function probe(facility: Facility): string | undefined {
  switch (facility) {
    case "root":
      return Deno.uid() === 0 ? undefined : "not root";
    case "namespaces":
      return namespaces();
    case "tun":
      return tun();
    case "user-namespaces":
      return userNamespaces();
    case "user-tun":
      return userTun();
    case "ipv6":
      try {
        Deno.statSync("/proc/net/if_inet6");
        return undefined;
      } catch {
        return "the kernel has no IPv6";
      }
    case "ip":
    case "ping":
    case "wg":
    case "wg-quick":
    case "wireguard-go":
    case "openssl":
    case "nft":
    case "iptables":
    case "sysctl":
    case "dbus-daemon":
    case "iperf3":
    case "mandoc":
    case "strace":
    case "zsh":
    case "fish":
    case "systemd-nspawn":
    case "tmux":
    case "zbarimg":
    case "rsvg-convert":
    case "tshark":
      return program(facility) === undefined
        ? `${facility} is not installed (Debian: ${PACKAGES[facility]})`
        : undefined;
    case "openresolv":
    case "prometheus":
    case "resolvconf":
      return unpackedFolder(facility) === undefined ? `${facility} is not unpacked` : undefined;
    case "systemd-resolved":
      return resolved();
    case "aarch64":
      return problemOfMachine();
    case "debian-root":
      return problemOfDebianRoot();
    case "ipsec-mb":
      if (!hasIfma()) return "the processor has no AVX-512 IFMA";
      return openIpsecMb() === undefined
        ? `libipsec-mb of a known version is not installed (Debian: ${PACKAGES[facility]})`
        : undefined;
  }
}

/** Whether the processor has what libipsec-mb is used for. */
function hasIfma(): boolean {
  try {
    return /^flags\s*:.*\bavx512ifma\b/m.test(Deno.readTextFileSync("/proc/cpuinfo"));
  } catch {
    return false;
  }
}

/**
 * The file of libipsec-mb that can be opened, or undefined when there is none of a known version.
 */
export function ipsecMbPath(): string | undefined {
  if (openIpsecMb() === undefined) return undefined;
  return /\s(\/\S*libIPSec_MB\.so\S*)$/m.exec(Deno.readTextFileSync("/proc/self/maps"))?.[1];
}

/** Where a program is: PATH, and the folders of the superuser's programs. */
export function program(name: string): string | undefined {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`.split(":");
  for (const folder of folders) {
    if (folder === "") continue;
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${name}`);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return `${folder}/${name}`;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** It is linked to a library of the package systemd. */
function resolved(): string | undefined {
  const folder = unpackedFolder("systemd-resolved");
  if (folder === undefined) return "systemd-resolved is not unpacked";
  const { success } = new Deno.Command(`${folder}/usr/lib/systemd/systemd-resolved`, {
    args: ["--version"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "systemd-resolved does not run here (Debian: systemd)";
}

function namespaces(): string | undefined {
  if (program("unshare") === undefined || program("nsenter") === undefined) {
    return "no unshare and nsenter (util-linux)";
  }
  const user = Deno.uid() === 0 ? "" : "Ur";
  const script = "mount -t tmpfs tmpfs /run";
  const { success, code, stderr } = new Deno.Command("unshare", {
    args: [`-${user}nm`, "sh", "-c", script],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  if (success) return undefined;
  const said = new TextDecoder().decode(stderr).trim().split("\n")[0] ||
    `unshare ended with ${code}`;
  return `${user === "" ? "no namespaces" : "no user namespaces"}: ${said}`;
}

/** The user whom root's tests become where they need one without privileges: Debian's nobody. */
export const NOBODY = 65534;

/**
 * A script for sh as root in a mount namespace of its own: makes a /dev/net/tun that every user may
 * open there. udev gives the device the mode 0666; where there is no udev the kernel's 0600 stays.
 */
export const TUN_FOR_EVERYBODY =
  "mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200";

function userNamespaces(): string | undefined {
  if (Deno.uid() !== 0) return missing("namespaces");
  if (program("unshare") === undefined) return "no unshare (util-linux)";
  const { success, stderr } = new Deno.Command("unshare", {
    args: ["-Urnm", "true"],
    // Whoever is not root may not enter root's folders.
    cwd: "/",
    uid: NOBODY,
    gid: NOBODY,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  return success
    ? undefined
    : `not for users: ${new TextDecoder().decode(stderr).trim().split("\n")[0]}`;
}

function userTun(): string | undefined {
  const own = tun();
  if (own !== undefined || Deno.uid() !== 0) return own;
  const args = ["-m", "sh", "-c", `${TUN_FOR_EVERYBODY} && : <>/dev/net/tun`];
  const { success } = new Deno.Command("unshare", {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "only root may open /dev/net/tun, and root may not make another one";
}

function tun(): string | undefined {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "no /dev/net/tun";
    if (error instanceof Deno.errors.PermissionDenied) return "no permission for /dev/net/tun";
    return `/dev/net/tun: ${error instanceof Error ? error.message : error}`;
  }
}
