/**
 * The help of top.
 * @module
 */
import type { Manual } from "../manual.ts";
import { DELAY_MAX_S, DELAY_MIN_S } from "./words.ts";

/** The keys of the screen. */
const KEYS: readonly (readonly [string, string])[] = [
  ["arrows", "Select a peer, as page up, page down, home, end, j and k do."],
  ["enter", "Explain the peer, as wg why does; w too. Arrows scroll, any other key goes back."],
  ["s", "Sort by the next column. S turns the order round."],
  ["/", "Show only what contains the text that follows: interface, name, key, endpoint."],
  ["d", "Show the drops by reason in place of endpoints."],
  ["space", "Look now."],
  ["q", "End, as ctrl-c does. Ctrl-z stops the command until the shell continues it."],
];

/** The manual of `top`, for wg(8) and the help. */
export const TOP_MANUAL: Manual = {
  name: "top",
  usage: ["[-b] [-n count] [-d seconds] [--json] [interface]"],
  about: [
    "Shows interfaces and their peers with what they send and receive now, the age of the last " +
    "handshake, the endpoint and what was dropped, again every two seconds. When standard output " +
    "is no terminal, or one that is called dumb by $TERM, it prints a line for each interface and peer.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [
        ["-b", "Print lines also on a terminal."],
        ["-n count", "End after so many looks; 1 has no rates yet."],
        [
          "-d seconds",
          `Look every so many seconds, ${DELAY_MIN_S} to ${DELAY_MAX_S}; 2 is the default.`,
        ],
        ["--json", "Print a line of JSON for each look."],
      ],
    },
    { heading: "Keys", rows: KEYS },
  ],
  notes: [
    "The marks behind the rates are those of the last looks, the newest on the right; each row has " +
    "a scale of its own. Only what changed since the last look is written to the terminal.",
  ],
  literals: [],
};
