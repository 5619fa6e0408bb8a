/**
 * A verdict, and the phrases that verdicts share.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import type { Evidence } from "../../base/evidence.ts";
import { peerName } from "../../base/peer_name.ts";
import { formatIp } from "../../base/ip_text.ts";
import { withoutControls } from "../../base/quote.ts";
import { formatSpan } from "../show/text.ts";
import type { PeerView } from "./facts.ts";

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

/** A verdict of the level `broken`. */
export const broken = (
  cause: string,
  says: string,
  evidence: readonly string[],
  likely: readonly string[],
  next: readonly string[],
): Verdict => ({ cause, level: "broken", says, evidence, likely, next });

/** The verdict about a peer that was reached where it sent from, and is not any more. */
export const natClosed = (says: string, evidence: readonly string[]): Verdict =>
  broken(
    "nat-closed",
    says,
    evidence,
    [
      "the peer is behind a NAT or firewall, whose entry for it has expired; only the peer can " +
      "open it again",
      "the peer is off",
    ],
    ["on the peer, set a persistent keepalive for this machine: wgpka 25"],
  );

/** The address of the peer's endpoint as text; empty when there is none. */
export const addressOf = ({ peer: { endpoint } }: PeerView): string =>
  endpoint === undefined ? "" : formatIp(endpoint.address);

/** What was sent to begin the handshake that is not answered. */
export function sentLine(view: PeerView): string {
  const sent = view.fresh("handshake_initiation_sent");
  return sent === undefined
    ? "no initiation has been sent since the last handshake"
    : `initiations to ${sent.who} that got no response: ${often(sent)}`;
}
