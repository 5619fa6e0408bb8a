/**
 * A verdict, and the phrases that verdicts share.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import type { Evidence } from "../../base/evidence.ts";
import { peerName } from "../../base/peer_name.ts";
import { withoutControls } from "../../base/quote.ts";
import { formatSpan } from "../show/text.ts";

/** `broken`: packets do not pass. `warning`: they pass, but something is not right. */
export type Level = "well" | "warning" | "broken";

/** What is the matter with a peer or an interface. */
export interface Verdict {
  /** The name of the cause, for programs. */
  readonly cause: string;
  readonly level: Level;
  /** What is certain, in a sentence. */
  readonly says: string;
  /** What shows it. */
  readonly evidence: readonly string[];
  /** What is likely behind it, the likeliest first; empty when `says` tells it. */
  readonly likely: readonly string[];
  /** What to do next; empty when nothing is to be done. */
  readonly next: readonly string[];
}

/** `12 seconds ago` */
export function ago(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (!Number.isFinite(ms)) return "never";
  return seconds === 0 ? "just now" : `${formatSpan(seconds)} ago`;
}

/** `3 times, the last 12 seconds ago` or `12 seconds ago` */
export const often = ({ count, ageMs }: Evidence): string =>
  count > 1 ? `${count} times, the last one ${ago(ageMs)}` : ago(ageMs);

/** The name of a peer, fit for a terminal. */
export const shownName = (peer: PeerStatus): string => withoutControls(peerName(peer));
