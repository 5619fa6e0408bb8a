/**
 * The help of ifconfig, made from the table of words.
 * @module
 */
import type { Manual } from "../manual.ts";
import type { Word } from "./words/draft.ts";
import { SECTIONS, spellings, WORDS } from "./words/table.ts";

/** The manual of `ifconfig`, for ifconfig(8) and the help. */
export const IFCONFIG_MANUAL: Manual = {
  name: "ifconfig",
  usage: [
    "[-AaC] [--json] [interface] [inet | inet6] [hwfeatures]",
    "interface [create] [word ...] [address[/prefix] [destination]]",
    "interface destroy",
  ],
  about: [
    "Without words, ifconfig shows interfaces: all (-a), all with their wg peers (-A), one by " +
    "its name, or those of a group or class (ifconfig wg). -C shows the classes that can be " +
    "created. inet and inet6 limit the addresses that are shown. hwfeatures adds the crypto, " +
    "offloads and threads in use, the rights of the process, and the counters (wg help " +
    "counters). --json prints values for programs.",
    "With words, ifconfig changes one wg interface. It checks all words first and then " +
    "applies them as one change, or changes nothing. Any word but destroy creates an " +
    "interface that does not exist.",
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
