/**
 * The help of dmesg.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `dmesg`, for wg(8) and the help. */
export const DMESG_MANUAL: Manual = {
  name: "dmesg",
  usage: ["[-f] [interface ...]"],
  about: [
    "Shows the log messages of the named interfaces, oldest first. Without a name it shows " +
    "those of all interfaces. ifconfig wgN debug turns on the messages that wg(4) lists in " +
    "DIAGNOSTICS.",
  ],
  lists: [{
    heading: "Options",
    rows: [["-f", "Keep running and print new messages as they arrive."]],
  }],
  notes: [],
  literals: [],
};
