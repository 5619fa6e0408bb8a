/**
 * The help of version.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `version`, for wg(8) and the help. */
export const VERSION_MANUAL: Manual = {
  name: "version",
  usage: ["[--json]"],
  about: [
    "Shows the version, how this program was built, the crypto library in use, and the source " +
    "of random bytes. Interfaces whose processes are of another version are named; restart gives " +
    "them one of this version.",
  ],
  lists: [{
    heading: "Options",
    rows: [["--json", "Print values for programs; interfaces are those of another version."]],
  }],
  notes: [],
  literals: [],
};
