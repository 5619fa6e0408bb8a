/**
 * The help of usage.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `usage`, for wg(8) and the help. */
export const USAGE_MANUAL: Manual = {
  name: "usage",
  usage: [
    "[interface] [--month] [--json] [--file file]",
    "interface peer --quota size [--per day | month] [--file file]",
    "--record [--every seconds] [--file file]",
  ],
  about: [
    "Shows how many bytes each peer sent and received in the last 31 days with traffic, also " +
    "before the interface was made again and for peers that are gone. Bytes are those on the " +
    "wire, handshakes included. Days are those of the local time.",
    "With --record it stays, reads the counters of all interfaces and writes them to the file. " +
    "wg-usage.service does this; for interfaces of the kernel it requires CAP_NET_ADMIN, which the " +
    "unit gives up. What passed since the last reading is lost when the process of " +
    "an interface ends or a peer is removed: at most that of one interval. Nothing is lost while " +
    "nobody records and the processes of the interfaces go on; it is then counted to the day of " +
    "the next reading.",
    "With --quota the process that records disables the peer when it has sent and received this " +
    "much in a day or in a calendar month, and enables it when the next one begins. In one " +
    "interval more than the quota may pass. A peer that was disabled by hand stays disabled.",
  ],
  lists: [{
    heading: "Options",
    rows: [
      ["--month", "Show months instead of days."],
      ["--json", "Print values for programs, in bytes."],
      [
        "--quota size",
        "Set the quota of a peer, which is named by its public key or its description. The size " +
        "is a number with K, M, G, T, KiB, MiB, GiB or TiB, or bytes; none removes the quota.",
      ],
      ["--per period", "day, or month if it is not given."],
      ["--record", "Record until SIGTERM. Another process that records in the file is refused."],
      ["--every seconds", "The interval, 1 to 3600 s, 10 if it is not given."],
      [
        "--file file",
        "The file, an SQLite database of mode 0600, /var/lib/wg/usage.sqlite if it is not given. " +
        "It has at most 400 days and 10,000 peers; the oldest are removed.",
      ],
    ],
  }],
  notes: [],
  literals: ["none", "day", "month"],
};
