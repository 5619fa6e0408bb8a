/**
 * A clean Debian 12 in a folder: what debootstrap(8) makes, with systemd and a few programs more.
 * Tests lay a file system over it, so that it stays as it is.
 * @module
 */
import { fileURLToPath } from "node:url";

/** The folder of the root. */
export const DEBIAN_ROOT = fileURLToPath(import.meta.resolve("../build/debian"));

/** What the tests use beside the smallest system. */
const PACKAGES = [
  ...["systemd-sysv", "dbus", "systemd-resolved", "libnss-resolve", "libssl3"],
  ...["iproute2", "nftables", "man-db", "bash-completion"],
];

/**
 * Makes the root. mmdebstrap takes a third of the time of debootstrap and takes the machine's way
 * to the mirror: proxies and certificates. $1: the folder; $2: packages with commas between them.
 */
const MAKE = `
set -eu
rm -rf "$1.new"
mkdir -p "\${1%/*}"
mirror=http://deb.debian.org/debian
words="--variant=minbase --include=$2 bookworm $1.new $mirror"
if command -v mmdebstrap >/dev/null; then
  apt-config dump | grep -E '^Acquire::(Check|Retries|https?::[A-Za-z])' >"$1.apt" || :
  mmdebstrap --quiet --mode=root --aptopt="$1.apt" $words
else
  debootstrap $words >&2
fi
rm -rf "$1" "$1.apt"
mv "$1.new" "$1"
`;
const MAKE_MS = 300_000;

/** Why the root is not there, or undefined if it is. */
export function problemOfDebianRoot(): string | undefined {
  try {
    Deno.statSync(`${DEBIAN_ROOT}/usr/lib/systemd/systemd`);
    return undefined;
  } catch {
    return "Debian's root is not made (as root: mmdebstrap or debootstrap, and 60 MB to download)";
  }
}

/** Makes the root. @returns the reason if that fails */
export async function makeDebianRoot(say: (line: string) => void): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  say("making a Debian root with mmdebstrap or debootstrap (60 MB to download, a minute)");
  const { success, stderr } = await new Deno.Command("timeout", {
    args: [String(MAKE_MS / 1000), "sh", "-c", MAKE, "sh", DEBIAN_ROOT, PACKAGES.join(",")],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  return new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "failed, or took too long";
}
