/**
 * The help of monitor.
 * @module
 */
import { EVENTS } from "../../base/events.ts";
import type { Manual } from "../manual.ts";

/** The manual of `monitor`, for wg(8) and the help. */
export const MONITOR_MANUAL: Manual = {
  name: "monitor",
  usage: ["[--json] [interface ...]"],
  about: [
    "Prints what happens to the named interfaces, as it happens: a line with the time, the " +
    "interface, the event and the peer. Without a name it follows all interfaces, also those that " +
    "are created later, until it is ended. Interfaces of other implementations have no events.",
  ],
  lists: [
    { heading: "Options", rows: [["--json", "Print every event as a line of JSON."]] },
    { heading: "Events", rows: EVENTS },
  ],
  notes: [
    "A peer that roams is told by the data that came from its new address. Of messages that are " +
    "refused at most 10 are told per second, and the next event says how many were left out. " +
    "A change is told with the user, the process and the program that made it.",
  ],
  literals: [],
};
