/**
 * Makes the description of a peer from the comments of its section.
 * @module
 */
import { DESCRIPTION_SIZE } from "../base/constants.ts";
import { CONTROLS } from "../base/quote.ts";
import type { PeerComments } from "./parse.ts";
import { looksLikeSetting } from "./peer_settings.ts";

/** A key that was made a comment, such as `PersistentKeepalive = 25`. */
const COMMENTED_KEY =
  /^[\s#]*(?:publickey|presharedkey|privatekey|allowedips|endpoint|persistentkeepalive)\s*=/i;
/** A key in base64, which may be secret. */
const KEY_LIKE = /[A-Za-z0-9+/]{42}/;
/** Whether a comment has what may be a key. It gives no peer a description then. */
export const mayBeKey = (comment: string): boolean => KEY_LIKE.test(comment);

/** Forms in which programs write names: exporters, PiVPN, wg-easy and angristan's script. */
const NAMED = /^(?:friendly_name\s*=|name\s*[=:]|begin\s|client:?\s)\s*(.+)$/i;

/**
 * The description that comments give to a peer: the one behind `[Peer]`, the first one below it, or
 * the last one above it. Frames such as `### begin ann ###`, commented keys and lines without a
 * letter are left out.
 * @returns at most 63 bytes without control characters; empty for none
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { descriptionOf } from "./description.ts";
 *
 * const comments = { above: ["## begin ann ##"], behind: undefined, below: [] };
 * assert.ok(descriptionOf(comments) === "ann");
 * ```
 */
export function descriptionOf({ above, behind, below }: PeerComments): string {
  for (const comment of [behind ?? "", ...below, ...above.toReversed()]) {
    const text = nameIn(comment);
    if (text !== "") return fitted(text);
  }
  return "";
}

function nameIn(comment: string): string {
  const clean = comment.replace(CONTROLS, " ").replace(/[\ufeff\ufffd]/g, " ");
  if (COMMENTED_KEY.test(clean) || KEY_LIKE.test(clean)) return "";
  if (looksLikeSetting(clean.trim())) return "";
  const text = clean.replace(/^[\s#=*~_-]+|[\s#=*~_-]+$/g, "").replace(/\s+/g, " ");
  if (!/\p{L}|\p{N}/u.test(text)) return "";
  return NAMED.exec(text)?.[1] ?? text;
}

/** The text cut after a whole character, so that it fits. */
function fitted(text: string): string {
  const encoder = new TextEncoder();
  let size = 0;
  let cut = "";
  for (const character of text) {
    size += encoder.encode(character).length;
    if (size >= DESCRIPTION_SIZE) break;
    cut += character;
  }
  return cut.trimEnd();
}
