/**
 * The help of help.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `help`, for wg(8) and the help. */
export const HELP_MANUAL: Manual = {
  name: "help",
  usage: ["[command | counters]"],
  about: [
    "Lists the commands, or shows the help of one command, as its option --help does. With " +
    "counters it lists the counters of an interface and its peers.",
  ],
  lists: [],
  notes: [],
  literals: ["counters"],
};
