/**
 * The help of addconf.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `addconf`, for wg(8) and the help. */
export const ADDCONF_MANUAL: Manual = {
  name: "addconf",
  usage: ["interface file"],
  about: [
    "Adds what a file says to an interface, as one change. Peers and values that the file does " +
    "not name stay. The file is as for setconf.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
