/**
 * The help of ifconfig, from the table of words.
 * @module
 */
import type { Manual } from "../manual.ts";
import type { Word } from "./words/draft.ts";
import { SECTIONS, spellings, WORDS } from "./words/table.ts";

/** What ifconfig(8) and the help say. */
export const IFCONFIG_MANUAL: Manual = {
  name: "ifconfig",
  usage: [
    "[-AaC] [--json] [interface] [inet | inet6] [hwfeatures]",
    "interface [create] [word ...] [address[/prefix] [destination]]",
    "interface destroy",
  ],
  about: [
    "Without a word it shows: all interfaces (-a), with every wg peer (-A), one of them, those of a group or a " +
    "class (ifconfig wg), or what can be created (-C). inet and inet6 limit which addresses are shown. hwfeatures " +
    "adds which crypto, offloads and workers run, and what was counted (wg help counters). --json prints values.",
    "With words it changes one wg interface: all of them are checked first and done as one change, or not at all. " +
    "Any word but destroy makes the interface when it is not there yet.",
  ],
  lists: SECTIONS.map(([section, heading]) => ({
    heading,
    rows: WORDS.filter((word) => word.section === section).map((word) =>
      [wordSynopsis(word), word.help] as const
    ),
  })),
  notes: [],
  literals: ["inet", "inet6", "hwfeatures", "create", "destroy", ...WORDS.flatMap(spellings)],
};

/** A word with its operands: `wgendpoint host port`, `delete | -alias`. */
export function wordSynopsis(word: Word): string {
  return [spellings(word).join(" | "), ...word.operands].join(" ");
}
