/**
 * The help of help.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What wg(8) and the help say. */
export const HELP_MANUAL: Manual = {
  name: "help",
  usage: ["[command | counters]"],
  about: [
    "Lists the commands, or shows the help of one. A command with --help behind it shows the same. counters lists " +
    "what is counted for an interface and its peers.",
  ],
  lists: [],
  notes: [],
  literals: ["counters"],
};
