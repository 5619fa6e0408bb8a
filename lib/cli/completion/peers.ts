/**
 * Which peers may follow the words of an unfinished command line, for the completion of shells.
 * @module
 */
import { keyOfWord, type NamedPeer } from "../../base/peer_name.ts";
import { findCommand, findLink } from "../commands.ts";

/**
 * The interface whose peers may follow the words; undefined if no peer may follow.
 * @param line the words before the cursor, the first one the program or a link to it
 * @param interfaces the names of all interfaces
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { interfaceOfNextPeer } from "./peers.ts";
 *
 * assert.equal(interfaceOfNextPeer(["wg", "why", "wg1"], ["wg1", "wg2"]), "wg1");
 * assert.equal(interfaceOfNextPeer(["ifconfig", "wg1", "wgpeer"], ["wg1", "wg2"]), "wg1");
 * assert.equal(interfaceOfNextPeer(["ifconfig", "wg1"], ["wg1", "wg2"]), undefined);
 * ```
 */
export function interfaceOfNextPeer(
  line: readonly string[],
  interfaces: readonly string[],
): string | undefined {
  const program = line[0]?.split("/").at(-1) ?? "";
  const link = findLink(program);
  const after = (link ?? findCommand(line[1] ?? ""))?.peerAfter;
  if (after === undefined) return undefined;
  const words = line.slice(link === undefined ? 2 : 1).filter((word) => !word.startsWith("--"));
  const at = words.findIndex((word) => interfaces.includes(word));
  const isAfterInterface = at >= 0 && at === words.length - 1;
  if (after === "interface") return isAfterInterface ? words[at] : undefined;
  const last = words.at(isAfterInterface ? -2 : -1);
  if (last === undefined || !after.includes(last)) return undefined;
  // Commands that may leave out the interface take the only one.
  return at >= 0 ? words[at] : interfaces.length === 1 ? interfaces[0] : undefined;
}

/**
 * The words that mean the peers of an interface: the description where it means one peer, and the
 * public key where it means several, or would be read as something else.
 */
export function wordsOfPeers(peers: readonly NamedPeer[]): string[] {
  const counts = new Map<string, number>();
  for (const { description } of peers) {
    counts.set(description, (counts.get(description) ?? 0) + 1);
  }
  return peers.map(({ publicKey, description }) =>
    counts.get(description) === 1 && isWord(description) ? description : publicKey.toBase64()
  );
}

/** Whether commands read a description as one: not as an option, a file, a key or lines. */
const isWord = (text: string): boolean =>
  // deno-lint-ignore no-control-regex
  !/^$|^[-@]|[\x00-\x1f\x7f]/.test(text) && keyOfWord(text) === undefined;
