/**
 * The help of install.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The options that install and uninstall share. */
export const SHARED_OPTIONS: readonly (readonly [string, string])[] = [
  ["-n", "Print the steps without doing them."],
  ["--prefix directory", "The directory for everything, instead of /usr/local."],
  ["--root directory", "A directory that stands for /, for packages and images."],
];

/** The manual of `install`, for wg(8) and the help. */
export const INSTALL_MANUAL: Manual = {
  name: "install",
  usage: ["[option ...]"],
  about: [
    "Installs the executable that it runs from, and its links, manual pages, completions for " +
    "bash, zsh and fish, and units of systemd. Each step is printed. A newer version replaces an " +
    "older one. Files of others are never overwritten: if there is one in the way, nothing is " +
    "installed. If a step fails, the steps before it are undone.",
  ],
  lists: [
    {
      heading: "Options of install and uninstall",
      rows: [
        ...SHARED_OPTIONS,
        [
          "--force",
          "install: move files of others to NAME.before-wg; uninstall puts them back. uninstall: " +
          "also while processes run from the program, which are named.",
        ],
        [
          "--links list",
          "Names of links to the executable, with commas between them, or all or none. By default " +
          "those that hide no program of another package, also of /usr/bin and the like, and not " +
          "ifconfig, route and netstat; a second installation keeps the links of the first. Their " +
          "manual pages are called wg-ifconfig, wg-route and wg-netstat then.",
        ],
        ["--init system", "systemd or none. By default what the machine has."],
      ],
    },
  ],
  notes: [],
  literals: ["-n", "--force", "--prefix", "--root", "--links", "--init", "systemd", "none", "all"],
};
