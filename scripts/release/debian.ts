/**
 * The Debian package: the files that `wg install --prefix /usr` makes, and what dpkg has to know.
 * @module
 */

/** Deno's names of processors and Debian's. */
export const DEBIAN_ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
};

/** What a package is made from. */
export interface DebianFacts {
  readonly version: string;
  /** Debian's name of the processor, such as `amd64`. */
  readonly architecture: string;
  /** What the files take, in KiB. */
  readonly installedKib: number;
  /** Who answers for the package: a name and an address of electronic mail. */
  readonly maintainer: string;
}

/** The maintainer, as Debian's tools take it from DEBFULLNAME and DEBEMAIL. */
export function maintainerOf(variable: (name: string) => string | undefined): string {
  return `${variable("DEBFULLNAME") ?? "wg maintainers"} <${
    variable("DEBEMAIL") ?? "wg@localhost"
  }>`;
}

/** What lintian(1) takes for a mistake and is none. */
export const LINTIAN_OVERRIDES =
  `# The bytes behind the script are the program, which no shell reads.
wg: shell-script-fails-syntax-check [usr/bin/wg]
wg: bash-term-in-posix-shell * [usr/bin/wg:*]
wg: unicode-trojan * [usr/bin/wg:*]
# iif is a word of ip-rule(8).
wg: typo-in-manual-page iif if [usr/share/man/*]
`;

/**
 * The control file. The program takes the place of wireguard-tools and has files of the same names.
 */
export const controlFile = (
  { version, architecture, installedKib, maintainer }: DebianFacts,
): string =>
  `Package: wg
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${installedKib}
Depends: libc6 (>= 2.29), libgcc-s1
Recommends: libssl3 | libssl3t64 | libssl1.1, nftables
Suggests: libipsec-mb1 | libipsec-mb2
Provides: wireguard-tools
Conflicts: wireguard-tools
Replaces: wireguard-tools
Section: net
Priority: optional
Description: WireGuard in one executable, configured as on OpenBSD
 wg makes WireGuard interfaces without a kernel module. It has the commands
 ifconfig, route, netstat and netstart of OpenBSD, and those of wg(8) and
 wg-quick(8).
`;

/** Has systemd read its units again, unless the package goes into another root. */
const RELOAD = `if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
fi
`;

/**
 * The script after the removal. The packed program's unpacked copy goes with it; configuration
 * files are the administrator's.
 */
export const POSTRM = `#!/bin/sh
set -e
cache="$DPKG_ROOT/var/cache/wg"
if [ "$1" = purge ] || [ "$1" = remove ]; then
  if [ -d "$cache" ] && [ ! -h "$cache" ]; then rm -rf "$cache"; fi
fi
${RELOAD}`;

/** The script after the installation. */
export const POSTINST = `#!/bin/sh
set -e
${RELOAD}`;

/** The changelog of the package. @param time the time of the release, seconds since 1970 */
export const changelog = (version: string, time: number, maintainer: string): string =>
  `wg (${version}) unstable; urgency=medium

  * See /usr/share/doc/wg/CHANGELOG.md.gz.

 -- ${maintainer}  ${new Date(time * 1000).toUTCString().replace("GMT", "+0000")}
`;

/** The copyright file, in Debian's form. @param licence the text of the licence */
export function copyright(licence: string): string {
  const lines = licence.trim().split("\n");
  const holder = lines.find((line) => /^Copyright /.test(line))?.replace(
    /^Copyright (\(c\) )?/,
    "",
  );
  const text = lines.map((line) => line === "" ? " ." : ` ${line}`).join("\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wg

Files: *
Copyright: ${holder ?? "the authors of wg"}
License: ISC
${text}
`;
}
