/**
 * What `wg install` says at its end: programs of other packages with the same names, libraries that
 * make the tunnel faster, and how to enable the units.
 * @module
 */
import { Arena } from "../../base/arena.ts";
import { choosePacketCipher, chooseSuite } from "../../runtime/crypto.ts";
import { executableIn, linkIn } from "./layout.ts";

/** Where distributions have the wg(8) of wireguard-tools. */
const OTHERS_PROGRAM = "/usr/bin/wg";
/** The arena in which a cipher is chosen, in bytes. */
const ARENA_BYTES = 1 << 16;

/** An installation. */
export interface Installed {
  readonly prefix: string;
  /** The folder of `--root`, or the empty string. */
  readonly root: string;
  /** Whether there are units. */
  readonly units: boolean;
  readonly links: readonly string[];
  /** Programs of others with the names of links. */
  readonly hidden: ReadonlyMap<string, string>;
}

/** Sentences for the user, one on each line. */
export function adviceFor({ prefix, root, units, links, hidden }: Installed): string[] {
  const said: string[] = [];
  if (executableIn(prefix) !== OTHERS_PROGRAM && isThere(root + OTHERS_PROGRAM)) {
    said.push(
      `${OTHERS_PROGRAM} of wireguard-tools stays; a shell takes the first wg of its PATH.`,
    );
  }
  for (const [name, path] of hidden) {
    said.push(
      links.includes(name)
        ? `The link ${linkIn(prefix, name)} hides ${path} of another package.`
        : `${path} of another package stays, so there is no link ${name}; --links makes one.`,
    );
  }
  if (units) {
    said.push("systemctl enable --now UNIT starts interfaces at boot; the units are listed above.");
  }
  if (root !== "") return said;
  if (chooseSuite().name === "noble") {
    said.push("Without libcrypto everything is slower: install libssl3 (Debian), openssl-libs.");
  }
  if (/^flags\s*:.*\bavx512ifma\b/m.test(readText("/proc/cpuinfo"))) {
    const { name } = choosePacketCipher(new Arena(ARENA_BYTES));
    if (!name.includes("ipsec")) {
      said.push(
        "On this processor libipsec-mb makes packets cheaper: install libipsec-mb1 or -mb2.",
      );
    }
  }
  return said;
}

/** Whether there is a program at a path. */
export function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Whether two paths lead to the same file, as the folders /sbin and /usr/sbin may. */
export function isSameFile(one: string, other: string): boolean {
  try {
    return Deno.realPathSync(one) === Deno.realPathSync(other);
  } catch {
    return false;
  }
}
