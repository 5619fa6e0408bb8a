/**
 * The help of daemon.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What the help says. */
export const DAEMON_MANUAL: Manual = {
  name: "daemon",
  usage: ["interface [1 | 2]"],
  about: [
    "Internal: the process behind an interface, with one thread that moves packets or one each way. ifconfig wgN " +
    "create starts it. The first configuration comes on standard input.",
  ],
  lists: [],
  notes: [],
  literals: ["1", "2"],
};
