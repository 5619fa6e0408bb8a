/**
 * The help of monitor.
 * @module
 */
import { EVENTS } from "../../base/events.ts";
import type { Manual } from "../manual.ts";
import { HOOK_SECONDS, HOOKS_RUNNING_MAX } from "./words.ts";

/** The manual of `monitor`, for wg(8) and the help. */
export const MONITOR_MANUAL: Manual = {
  name: "monitor",
  usage: ["[--json] [interface ...]", "[--journal] [--hooks folder] [interface ...]"],
  about: [
    "Prints what happens to the named interfaces, as it happens: a line with the time, the " +
    "interface, the event and the peer. Without a name it follows all interfaces, also those that " +
    "are created later, until it is ended. Interfaces of other implementations have no events.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [
        ["--json", "Print every event as a line of JSON."],
        [
          "--journal",
          "Write every event to the journal of systemd and print nothing. The fields of the JSON " +
          "are fields of the journal: WG_EVENT, WG_INTERFACE, WG_PEER and so on, so that " +
          "journalctl WG_EVENT=refused shows who was refused.",
        ],
        [
          "--hooks folder",
          "Run the executable of the folder that is named like the event, if there is one, with " +
          "the event as a line of JSON on its standard input, and print nothing. It is run " +
          "without a shell and arguments, with the rights of this command.",
        ],
      ],
    },
    { heading: "Events", rows: EVENTS },
  ],
  notes: [
    "A peer that roams is told by the data that came from its new address. Of messages that are " +
    "refused at most 10 are told per second, and the next event says how many were left out. " +
    "A change is told with the user, the process and the program that made it. MTU, addresses and " +
    "description of the link are kept by the kernel, and their changes are no events.",
    `At most ${HOOKS_RUNNING_MAX} hooks run at once, those of a peer one after the other, and each ` +
    `for at most ${HOOK_SECONDS} seconds: then it is killed. The folder and its files must ` +
    "belong to root or the user, and others must not be able to change them. The unit " +
    "wg-events.service runs wg monitor --journal --hooks /etc/wireguard/hooks.",
  ],
  literals: [],
};
