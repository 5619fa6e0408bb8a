/**
 * Why a peer is disabled: as people read it, and what of it is configuration.
 * @module
 */
import type { DisabledChange, DisabledReason, DisabledStatus, PeerStatus } from "./config.ts";
import { formatDate } from "./date_text.ts";

const REASONS: Readonly<Record<DisabledReason, string>> = {
  hand: "by hand",
  expired: "expired",
  quota: "its quota is used up",
};

/**
 * The reason and the time: `by hand, since 2026-12-31T18:00:00Z`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { disabledText } from "./disabled_peer.ts";
 *
 * const text = disabledText({ reason: "expired", sinceUnixMs: 0 });
 * assert.ok(text === "expired, since 1970-01-01T00:00:00Z");
 * ```
 */
export const disabledText = ({ reason, sinceUnixMs }: DisabledStatus): string =>
  `${REASONS[reason]}, since ${formatDate(sinceUnixMs)}`;

/** Why a peer is disabled apart from its date; undefined if it is not. */
export function disabledApartFromDate({ disabled }: PeerStatus): DisabledChange | undefined {
  if (disabled === undefined || disabled.reason === "expired") return undefined;
  return { reason: disabled.reason, sinceUnixMs: disabled.sinceUnixMs };
}
