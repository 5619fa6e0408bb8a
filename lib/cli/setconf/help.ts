/**
 * The help of setconf.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `setconf`, for wg(8) and the help. */
export const SETCONF_MANUAL: Manual = {
  name: "setconf",
  usage: ["interface file"],
  about: [
    "Makes an interface what a file says, as one change. Peers that the file does not have are " +
    "removed, and the others begin new sessions. - is standard input.",
    "CONFIGURATION FILES in wg(8) describes the file. Every refused line is printed with its " +
    "number, and nothing is changed then.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
