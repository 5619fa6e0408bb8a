/**
 * The help of showconf.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `showconf`, for wg(8) and the help. */
export const SHOWCONF_MANUAL: Manual = {
  name: "showconf",
  usage: ["interface"],
  about: [
    "Prints an interface as a configuration file, with its secret keys, for setconf.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
