/**
 * The help of daemon.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `daemon`, for the help. */
export const DAEMON_MANUAL: Manual = {
  name: "daemon",
  usage: ["interface [1 | 2]"],
  about: [
    "Internal: runs the process of an interface. `ifconfig wgN create` starts it. It reads its " +
    "configuration from standard input. With 1 one thread moves the packets of both " +
    "directions; with 2 each direction has a thread.",
  ],
  lists: [],
  notes: [],
  literals: ["1", "2"],
};
