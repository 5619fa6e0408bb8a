/**
 * The help of uninstall.
 * @module
 */
import { SHARED_OPTIONS } from "../install/help.ts";
import type { Manual } from "../manual.ts";

/** The manual of `uninstall`, for wg(8) and the help. */
export const UNINSTALL_MANUAL: Manual = {
  name: "uninstall",
  usage: ["[option ...]"],
  about: [
    "Removes what wg install has made, by the list that it has written, and the directories that " +
    "are empty then. Files that were changed since stay and are named. Units are disabled, and " +
    "the unpacked program in /var/cache/wg is removed. Configuration files stay.",
  ],
  lists: [{ heading: "Options", rows: SHARED_OPTIONS }],
  notes: [],
  literals: ["-n", "--force", "--prefix", "--root"],
};
