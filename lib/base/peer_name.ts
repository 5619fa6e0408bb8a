/**
 * Names of peers: the descriptions of an interface's peers stand for their public keys.
 * @module
 */
import type { PublicKey } from "./brands.ts";
import { ConfigError } from "./errors.ts";
import { KEY_TEXT_LENGTH, readKeyText } from "./key_text.ts";
import { displayValue } from "./quote.ts";

/** The most peers that a message names. */
const NAMES_MAX = 8;

/** The part of a peer that names it. */
export interface NamedPeer {
  readonly publicKey: PublicKey;
  /** The description; empty when there is none. */
  readonly description: string;
}

/** The name of a peer: its description, or without one its public key in base64. */
export const peerName = ({ publicKey, description }: NamedPeer): string =>
  description === "" ? publicKey.toBase64() : description;

/** The key of a peer in base64, with the description before it if there is one: `anna (KEY)`. */
export const peerNameAndKey = ({ publicKey, description }: NamedPeer): string =>
  description === "" ? publicKey.toBase64() : `${description} (${publicKey.toBase64()})`;

/**
 * Words of ifconfig that begin with a peer, `wgpeer KEY ...`, with the description of the peer, for
 * messages: `wgpeer anna (KEY) ...`. Other words are returned as they are.
 */
export function withPeerName(words: string, peers: readonly NamedPeer[]): string {
  const [word, key] = words.split(" ", 2);
  if (word !== "wgpeer") return words;
  const peer = peers.find(({ publicKey }) => publicKey.toBase64() === key);
  if (peer === undefined) return words;
  return `${word} ${peerNameAndKey(peer)}${words.slice(word.length + 1 + key.length)}`;
}

/**
 * The public key of a word that has the form of a key: 44 characters of base64. Undefined for other
 * words, which may be names.
 */
export function keyOfWord(text: string): PublicKey | undefined {
  if (text.length !== KEY_TEXT_LENGTH) return undefined;
  return readKeyText(new TextEncoder().encode(text)) as PublicKey | undefined;
}

/**
 * Finds the peer that a word of a user means: by its public key, or by its description if no other
 * peer has the same one. A word in the form of a key is a key.
 * @param word the word before it, which errors name, e.g. `wgpeer`
 * @param peers the peers of one interface
 * @throws ConfigError that lists candidates, if no peer or several are meant
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { PublicKey } from "./brands.ts";
 * import { findPeer } from "./peer_name.ts";
 *
 * const anna = { publicKey: new Uint8Array(32) as PublicKey, description: "anna" };
 * assert.equal(findPeer("peer", "anna", [anna]), anna);
 * assert.throws(() => findPeer("peer", "bert", [anna]), /no peer has this name.*anna/);
 * ```
 */
export function findPeer<P extends NamedPeer>(word: string, text: string, peers: readonly P[]): P {
  const key = keyOfWord(text)?.toHex();
  const found = peers.filter(({ publicKey, description }) =>
    key === undefined ? description === text && text !== "" : publicKey.toHex() === key
  );
  if (found.length === 1) return found[0];
  const keys = (found.length === 0 ? peers : found).map(({ publicKey }) => publicKey.toBase64());
  const shown = displayValue(text);
  const problem = found.length > 0
    ? `"${shown}": ${found.length} peers have this name; a public key is required: ${
      listNames(keys)
    }`
    : `${
      key === undefined ? `"${shown}": no peer has this name` : "no peer has this public key"
    }; ${peers.length === 0 ? "there is none" : `the peers are ${listNames(peers.map(peerName))}`}`;
  throw new ConfigError(word, problem, ...keys.slice(0, NAMES_MAX));
}

/** The names in one line: eight of them, and the number of the others. */
export function listNames(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  const shown = names.slice(0, NAMES_MAX).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}
