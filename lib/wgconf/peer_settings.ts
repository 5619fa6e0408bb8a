/**
 * Settings of a peer that wg(8) does not have, in comments, which other programs pass over. Each
 * has a comment of its own, behind [Peer] or in the lines between [Peer] and its first key:
 *
 * - `# wg: disabled`, with ` quota` behind it when a quota did that, and with ` since DATE`
 * - `# wg: expires DATE`
 * @module
 */
import type { DisabledChange, PeerStatus } from "../base/config.ts";
import { formatDate, parseDate } from "../base/date_text.ts";
import { disabledApartFromDate } from "../base/disabled_peer.ts";
import { ConfigError } from "../base/errors.ts";
import { displayValue, quote } from "../base/quote.ts";

/** The settings of a peer in comments. What no comment sets is undefined. */
export interface CommentSettings {
  /** Set when the peer is disabled. */
  readonly disabled?: DisabledChange;
  /** The date from which on the peer is disabled: Unix time in ms. */
  readonly expiresUnixMs?: number;
}

const OURS = /^wg:\s*(\S*)\s*(.*)$/;
const DISABLED = /^(quota)?(?:(?:^|\s+)since\s+(\S+))?$/;

/** Whether a comment is one of these settings, right or wrong. */
export function isPeerSetting(comment: string | undefined): boolean {
  const word = OURS.exec(comment ?? "")?.[1];
  return word === "disabled" || word === "expires";
}

/** Whether a comment begins like these settings, with whatever word. */
export const looksLikeSetting = (comment: string | undefined): boolean =>
  comment !== undefined && OURS.test(comment);

/**
 * Reads a comment without its `#`.
 * @returns nothing for a comment that is no setting
 * @throws ConfigError for a setting with a wrong value
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readPeerSetting } from "./peer_settings.ts";
 *
 * assert.ok(readPeerSetting("wg: expires 1970-01-02").expiresUnixMs === 86_400_000);
 * assert.ok(readPeerSetting("wg: disabled").disabled?.reason === "hand");
 * ```
 */
export function readPeerSetting(comment: string): CommentSettings {
  const [, word, value] = OURS.exec(comment) ?? [];
  if (word === "expires") return { expiresUnixMs: parseDate("wg: expires", value) };
  if (word !== "disabled") return {};
  const [matches, quota, since] = DISABLED.exec(value) ?? [];
  if (matches === undefined) {
    throw new ConfigError(
      "wg: disabled",
      `${quote(value)} is invalid; nothing, quota or since DATE is required`,
    );
  }
  const reason = quota === undefined ? "hand" : "quota";
  if (since === undefined) return { disabled: { reason } };
  return { disabled: { reason, sinceUnixMs: parseDate("wg: disabled", since) } };
}

/** The error for a setting that stands somewhere else. */
export const misplacedSetting = (comment: string): ConfigError =>
  new ConfigError(
    displayValue(comment),
    "required behind [Peer], or between it and its first key",
  );

/** A warning about a comment that is like a setting and none. */
export const strangeSetting = (comment: string): ConfigError =>
  new ConfigError(
    displayValue(comment),
    "not a setting of a peer; wg: disabled and wg: expires DATE are",
  );

/** The settings of a running peer. */
export function peerSettingsOf(peer: PeerStatus): CommentSettings {
  const disabled = disabledApartFromDate(peer);
  return {
    ...(disabled !== undefined && { disabled }),
    ...(peer.expiresUnixMs !== undefined && { expiresUnixMs: peer.expiresUnixMs }),
  };
}

/** Whether two settings are the same but for the time since when a peer is disabled. */
export const samePeerSettings = (a: CommentSettings, b: CommentSettings): boolean =>
  a.disabled?.reason === b.disabled?.reason &&
  Math.floor((a.expiresUnixMs ?? 0) / 1000) === Math.floor((b.expiresUnixMs ?? 0) / 1000);

/** The comments that set something, each with its `#`. */
export function formatPeerSettings({ disabled, expiresUnixMs }: CommentSettings): string[] {
  const lines: string[] = [];
  if (disabled !== undefined) {
    const { reason, sinceUnixMs } = disabled;
    const quota = reason === "quota" ? " quota" : "";
    const since = sinceUnixMs === undefined ? "" : ` since ${formatDate(sinceUnixMs)}`;
    lines.push(`# wg: disabled${quota}${since}`);
  }
  if (expiresUnixMs !== undefined) lines.push(`# wg: expires ${formatDate(expiresUnixMs)}`);
  return lines;
}
