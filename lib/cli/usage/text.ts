/**
 * The history as text and as values. Pure.
 * @module
 */
import { formatBytes } from "../show/text.ts";
import type { PeerQuota, Period } from "./quota.ts";
import type { PeerName, Used } from "./tally.ts";

const GAP = "  ";

/** A line for each peer and day, or month, and one for each quota. */
export function formatUsage(
  used: readonly Used[],
  quotas: readonly PeerQuota[],
  by: Period,
): string {
  const rows = used.map((row) => [
    row.time,
    row.interface,
    titleOf(row),
    formatBytes(row.received),
    formatBytes(row.sent),
  ]);
  const table = [[by, "interface", "peer", "received", "sent"], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  // Amounts stand at the right of their columns.
  const lines = table.map((row) =>
    row.map((cell, column) =>
      column < 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
    ).join(GAP).trimEnd()
  );
  const ofQuotas = quotas.map((quota) =>
    `${quota.interface} ${titleOf(quota)}: ${formatBytes(quota.used)} of ${
      formatBytes(quota.bytes)
    } in this ${quota.period}`
  );
  return [...lines, ...ofQuotas].map((line) => `${line}\n`).join("");
}

/** The same as values, in bytes. */
export function usageJson(
  used: readonly Used[],
  quotas: readonly PeerQuota[],
  by: Period,
  recording: boolean,
): unknown {
  const peer = ({ interface: name, publicKey, name: description }: PeerName) => ({
    interface: name,
    publicKey,
    ...(description === "" ? {} : { description }),
  });
  return {
    recording,
    usage: used.map((row) => ({
      ...peer(row),
      [by]: row.time,
      received: row.received,
      sent: row.sent,
    })),
    quotas: quotas.map((quota) => ({
      ...peer(quota),
      bytes: quota.bytes,
      per: quota.period,
      used: quota.used,
    })),
  };
}

const titleOf = ({ name, publicKey }: PeerName) => name || publicKey;
