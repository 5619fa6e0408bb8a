/**
 * The help of dmesg.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What wg(8) and the help say. */
export const DMESG_MANUAL: Manual = {
  name: "dmesg",
  usage: ["[-f] [interface ...]"],
  about: [
    "Shows the messages of the interfaces, of all without a name, in the order of time. ifconfig wgN debug turns on " +
    "those of wg(4), DIAGNOSTICS.",
  ],
  lists: [{ heading: "Options", rows: [["-f", "Go on, and show further messages as they come."]] }],
  notes: [],
  literals: [],
};
