/**
 * The lines of `wg top` when it has no screen.
 * @module
 */
import { formatAge, formatDrops, formatRate } from "./view.ts";
import type { Row } from "./rates.ts";

/** A line for each row, in columns, under a line with the time. */
export function plainLines(rows: readonly Row[], nowUnixMs: number): string {
  const cells = rows.map((row) => [
    row.interface,
    row.key === undefined ? "-" : row.name,
    formatRate(row.rxRate),
    formatRate(row.txRate),
    formatAge(row.handshakeUnixMs, nowUnixMs),
    row.endpoint === "" ? "-" : row.endpoint.replaceAll(" ", "_"),
    row.disabled === "" ? formatDrops(row) || "-" : `disabled (${row.disabled})`,
  ]);
  const heads = ["interface", "peer", "received", "sent", "handshake", "endpoint", "drops"];
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...cells.map((row) => row[i].length))
  );
  const line = (row: readonly string[]) =>
    row.map((text, i) => i === row.length - 1 ? text : text.padEnd(widths[i])).join("  ");
  return `${[new Date(nowUnixMs).toISOString(), ...[heads, ...cells].map(line)].join("\n")}\n`;
}

/** One look as JSON, on a line. Rates are bytes a second, null at the first look. */
export function jsonLine(rows: readonly Row[], nowUnixMs: number): string {
  const entries = rows.map((row) => ({
    interface: row.interface,
    ...(row.key === undefined ? {} : { peer: row.key, name: row.name }),
    ...(row.endpoint === "" ? {} : { endpoint: row.endpoint }),
    ...(row.disabled === "" ? {} : { disabled: row.disabled }),
    latest_handshake: Math.floor(row.handshakeUnixMs / 1000),
    rx: row.rxBytes,
    tx: row.txBytes,
    rx_per_second: row.rxRate ?? null,
    tx_per_second: row.txRate ?? null,
    drops: row.drops,
    drops_per_second: row.dropRate ?? null,
  }));
  return `${JSON.stringify({ time: new Date(nowUnixMs).toISOString(), rows: entries })}\n`;
}
