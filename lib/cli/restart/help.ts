/**
 * The help of restart.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `restart`, for wg(8) and the help. */
export const RESTART_MANUAL: Manual = {
  name: "restart",
  usage: ["interface ..."],
  about: [
    "Ends the process of an interface and starts a process of this version with the same " +
    "configuration: keys, peers, port, rdomains, addresses, routes, groups and MTU. `wg version` " +
    "names the interfaces whose processes are of another version. A process of this version is " +
    "tried first, on an interface of its own; if it does not start, nothing is changed.",
  ],
  lists: [],
  notes: [
    "An interface that is a unit of systemd stays one: the unit watches the new process. A unit " +
    "without NotifyAccess=all, which wg@.service has, is restarted itself, and the interface gets " +
    "what it had before. An interface in the foreground (wg -f) is refused, because its supervisor " +
    "would take the restart for its end: restart the service.",
    "Signals wait until an interface is whole: SIGINT, SIGTERM and SIGHUP end the command before " +
    "the next one. SIGKILL while an interface has no process loses it, or its configuration; " +
    "wg quick and netstart make it again from its file.",
    "Packets are lost for about a second. Sessions begin anew, and counters begin at zero. Name " +
    "servers, rules and packet filters of wg quick stay.",
  ],
  literals: [],
};
