/**
 * Faults that no test can notice, with the reason: with them the program does the same. They are
 * named by file, function and change, so that an entry holds when lines move, and ends when its
 * line is changed. tests/scripts/mutate_test.ts checks that every entry still names a fault.
 *
 * A fault that can be noticed does not belong here: its test is missing.
 * @module
 */
import type { Fault } from "./faults.ts";

/** A fault that needs no test. */
export interface Explained extends Pick<Fault, "file" | "inside" | "before" | "after"> {
  readonly reason: string;
}

/** All that are explained. */
export const EXPLAINED: readonly Explained[] = [
  {
    file: "lib/cookie/cookie_checker.ts",
    inside: "CookieChecker.#version",
    before: "#version = -1;",
    after: "#version = 1;",
    reason: "1 is odd, so the keys are being written; with the next even version they are read.",
  },
  {
    file: "lib/cookie/cookie_checker.ts",
    inside: "CookieChecker.#refresh",
    before: "this.#replies = 0;",
    after: "this.#replies = 1;",
    reason: "The count makes each nonce of a secret another one. It may begin anywhere.",
  },
  {
    file: "lib/noise/ikpsk2.ts",
    inside: "readSecond",
    before: "if (bothEphemeral === undefined || ephemeralStatic === undefined) return undefined;",
    after: "if (bothEphemeral === undefined && ephemeralStatic === undefined) return undefined;",
    reason: "Both are X25519 with the same point, so both are undefined or none is.",
  },
  {
    file: "lib/allowed_ips/prefix_trie.ts",
    inside: "PrefixTrie.constructor",
    before: "this.#stride = bits === 32 ? 4 : 8;",
    after: "this.#stride = bits === 33 ? 4 : 8;",
    reason: "Nodes of IPv4 would be as large as those of IPv6, and work as well.",
  },
];

/** Why no test can notice a fault; undefined when that is not known. */
export function explanationOf(fault: Fault): string | undefined {
  return EXPLAINED.find(({ file, inside, before, after }) =>
    file === fault.file && inside === fault.inside && before === fault.before &&
    after === fault.after
  )?.reason;
}
