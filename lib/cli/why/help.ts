/**
 * The help of why.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `why`, for wg(8) and the help. */
export const WHY_MANUAL: Manual = {
  name: "why",
  usage: ["[interface [peer]] [--json]"],
  about: [
    "Says why a peer cannot be reached, or that it can: one verdict for each peer, with the " +
    "evidence, what is likely behind it, and what to do next. Without an interface it looks at " +
    "all of them. A peer is its public key or its description.",
    "The verdict comes from counters and from the last event of each kind that the interface has " +
    "kept: what was sent and what came back, which messages were refused and why, ICMP errors and " +
    "who sent them, and errors of this machine's kernel. The first sentence is certain. ICMP " +
    "errors can be forged, so they explain and never change what the interface does.",
    "The exit status is 1 when a peer cannot be reached, its packets are dropped, or an interface " +
    "is down or has no key, and otherwise 0, also with warnings. It is a warning that a peer is " +
    "disabled, which is on purpose, that it has no allowed IPs, and that packets go to an address " +
    "of no peer.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [[
        "--json",
        "Print values for programs. `cause` is the name of the cause, `level` is " +
        "well, warning or broken.",
      ]],
    },
  ],
  notes: [
    "The most important of these are in the log too, at most once a minute for each peer. `wg " +
    "dmesg` shows it.",
  ],
  literals: [],
};
