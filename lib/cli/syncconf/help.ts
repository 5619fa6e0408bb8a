/**
 * The help of syncconf.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `syncconf`, for wg(8) and the help. */
export const SYNCCONF_MANUAL: Manual = {
  name: "syncconf",
  usage: ["interface file"],
  about: [
    "Makes an interface what a file says, and changes only what differs: the sessions of peers " +
    "that stay go on. The file is as for setconf.",
  ],
  lists: [],
  notes: [],
  literals: [],
};
