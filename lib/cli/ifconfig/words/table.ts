/**
 * The table of ifconfig's words. The parser, the help, the manual pages and the tests use it.
 * @module
 */
import type { RefusedWord, Section, Word } from "./draft.ts";
import { ADDRESS_WORDS } from "./address.ts";
import { INTERFACE_WORDS } from "./interface.ts";
import { ONLY_FOR_SHOWING, REFUSED_WORDS } from "./refused.ts";
import { WIREGUARD_WORDS } from "./wireguard.ts";

/** All words, in the order of the help. */
export const WORDS: readonly Word[] = [...INTERFACE_WORDS, ...ADDRESS_WORDS, ...WIREGUARD_WORDS];

/** The sections and their headings, in the order of the help. */
export const SECTIONS: readonly (readonly [Section, string])[] = [
  ["interface", "The interface"],
  ["address", "Addresses"],
  ["wireguard", "WireGuard"],
  ["peer", "The peer of the last wgpeer"],
];

const BY_NAME = new Map<string, Word>(
  WORDS.flatMap((word) => spellings(word).map((name) => [name, word] as const)),
);
const REFUSED = new Map<string, RefusedWord>([
  ...REFUSED_WORDS,
  ...["--json", "-a", "-A"].map((name) => ({
    name,
    operands: [],
    why: ONLY_FOR_SHOWING,
    harmless: false,
  })),
].map((word) => [word.name, word]));

/** All spellings of a word, the usual one first. */
export function spellings(word: Word): string[] {
  return [word.name, ...(word.also ?? [])];
}

/** The row of a word, by any of its spellings. */
export function findWord(name: string): Word | undefined {
  return BY_NAME.get(name);
}

/**
 * The row of a refused word of OpenBSD, or of an option that is not allowed among words that change
 * an interface; undefined for other words.
 */
export function findRefused(name: string): RefusedWord | undefined {
  return REFUSED.get(name);
}
