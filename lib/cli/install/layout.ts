/**
 * Where `wg install` puts what: the executable, its links, manual pages, completions and units.
 * Pure: a function of the prefix, the links and the init system.
 * @module
 */
import { COMMANDS } from "../commands.ts";
import { ConfigError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { type Shell, SHELLS } from "../completion/text.ts";

/** The systems that start services. With `none` no unit is installed. */
export type Init = "systemd" | "none";
/** All init systems, for messages. */
export const INITS: readonly Init[] = ["systemd", "none"];

/** The wishes of a command line. */
export interface Destination {
  /** The folder below which everything is installed, such as `/usr/local`; no slash at its end. */
  readonly prefix: string;
  /** The names of links to the executable. */
  readonly links: readonly string[];
  readonly init: Init;
}

/** What a file is made from. */
export type Content =
  | { readonly kind: "executable" }
  /** A link with this text. */
  | { readonly kind: "link"; readonly target: string }
  /** A file that comes with the program, such as `man/wg.8`. */
  | { readonly kind: "program file"; readonly name: string }
  /** A unit of the folder etc, with the path of the executable put in. */
  | { readonly kind: "unit"; readonly name: string }
  /** The script of `wg completion SHELL`. */
  | { readonly kind: "completion"; readonly shell: Shell };

/** A file to install. */
export interface InstalledFile {
  /** The absolute path, without the folder of `--root`. */
  readonly path: string;
  readonly mode: number;
  readonly content: Content;
}

/** The path of the executable. */
export const executableIn = (prefix: string): string => `${prefix}/bin/wg`;
/** The path of the list of installed files, which `wg uninstall` reads. */
export const manifestIn = (prefix: string): string => `${prefix}/share/wg/installed.json`;

/** The names that a link to the executable may have. */
export const LINK_NAMES: readonly string[] = COMMANDS.map(({ link }) => link)
  .filter((link) => link !== undefined);

/** Links that are names of programs of net-tools. */
const NAMES_OF_NET_TOOLS: readonly string[] = ["ifconfig", "route", "netstat"];

/** The links without `--links`: those that hide no program of net-tools. */
export const USUAL_LINKS: readonly string[] = LINK_NAMES.filter((name) =>
  !NAMES_OF_NET_TOOLS.includes(name)
);

/** Where a shell looks for programs. */
const PROGRAM_FOLDERS: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** The path of a link to the executable. */
export const linkIn = (prefix: string, name: string): string => `${prefix}/sbin/${name}`;

/** The links that an installation has. */
export const linksOf = (prefix: string, files: readonly { readonly path: string }[]): string[] =>
  LINK_NAMES.filter((name) => files.some(({ path }) => path === linkIn(prefix, name)));

/**
 * The usual links that would hide a program of another package.
 * @param isThere whether there is something at a path
 * @returns the program of each name
 */
export function hiddenBy(
  prefix: string,
  isThere: (path: string) => boolean,
): ReadonlyMap<string, string> {
  const folders = PROGRAM_FOLDERS.filter((folder) => folder !== `${prefix}/sbin`);
  return new Map(USUAL_LINKS.flatMap((name) => {
    const path = folders.map((folder) => `${folder}/${name}`).find(isThere);
    return path === undefined ? [] : [[name, path]];
  }));
}

/** Folders of a prefix: shells and systemd look there for what packages install. */
const COMPLETIONS: Readonly<Record<Shell, (prefix: string) => string>> = {
  bash: (prefix) => `${prefix}/share/bash-completion/completions/wg`,
  // Debian's zsh reads vendor-completions below /usr; everybody's reads the other below /usr/local.
  zsh: (prefix) =>
    prefix === "/usr"
      ? "/usr/share/zsh/vendor-completions/_wg"
      : `${prefix}/share/zsh/site-functions/_wg`,
  fish: (prefix) => `${prefix}/share/fish/vendor_completions.d/wg.fish`,
};

/**
 * The links of a `--links` word: `all`, `none`, or names with commas between them.
 * @throws ConfigError for a name that is none of ours
 */
export function parseLinks(word: string): readonly string[] {
  if (word === "all") return LINK_NAMES;
  if (word === "none") return [];
  const names = word.split(",");
  for (const name of names) {
    if (!LINK_NAMES.includes(name)) {
      throw new ConfigError(
        "--links",
        `${quote(name)} is no link of wg; all, none or names of ${
          LINK_NAMES.join(", ")
        } are required`,
      );
    }
  }
  return [...new Set(names)];
}

/**
 * Every file of an installation.
 * @param pages names of the manual pages, such as `wg.8`
 * @param units names of the units, such as `wg-netstart.service`
 */
export function filesToInstall(
  { prefix, links, init }: Destination,
  pages: readonly string[],
  units: readonly string[],
): InstalledFile[] {
  const files: InstalledFile[] = [
    { path: executableIn(prefix), mode: 0o755, content: { kind: "executable" } },
  ];
  for (const name of links) {
    files.push(link(linkIn(prefix, name), "../bin/wg"));
  }
  for (const page of pages) {
    files.push({
      path: `${prefix}/share/man/man${page.slice(-1)}/${pageName(page, links)}`,
      mode: 0o644,
      content: { kind: "program file", name: `man/${page}` },
    });
  }
  files.push({
    path: `${prefix}/share/wg/grafana.json`,
    mode: 0o644,
    content: { kind: "program file", name: "etc/grafana/wg.json" },
  });
  for (const shell of SHELLS) {
    files.push({
      path: COMPLETIONS[shell](prefix),
      mode: 0o644,
      content: { kind: "completion", shell },
    });
  }
  // bash looks for a completion by the name of the command.
  for (const name of links) {
    files.push(link(`${prefix}/share/bash-completion/completions/${name}`, "wg"));
  }
  if (init === "systemd") {
    for (const name of units) {
      files.push({
        path: `${prefix}/lib/systemd/system/${name}`,
        mode: 0o644,
        content: { kind: "unit", name },
      });
    }
  }
  return files;
}

/**
 * The name under which a page is installed. `man route` stays the page of net-tools where there is
 * no link `route`; ours is `man wg-route` then.
 */
function pageName(page: string, links: readonly string[]): string {
  const name = page.slice(0, page.lastIndexOf("."));
  return NAMES_OF_NET_TOOLS.includes(name) && !links.includes(name) ? `wg-${page}` : page;
}

const link = (path: string, target: string): InstalledFile => ({
  path,
  mode: 0o777,
  content: { kind: "link", target },
});

/** A unit of the folder etc for this executable, without the comment about where to put it. */
export const unitFor = (unit: string, executable: string): string =>
  unit.replace(/^(#.*\n)+/, "").replaceAll("/usr/local/bin/wg", executable);
