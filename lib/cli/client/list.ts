/**
 * `wg client list` and `show`.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import { wipeStatus } from "../../base/config.ts";
import { formatDate } from "../../base/date_text.ts";
import { disabledText } from "../../base/disabled_peer.ts";
import { formatEndpoint, formatRange } from "../../base/ip_text.ts";
import { findPeer, peerName } from "../../base/peer_name.ts";
import { getDevice } from "../../daemon/client.ts";
import { printAll } from "../output.ts";
import { formatAgo, formatBytes } from "../show/text.ts";
import type { ClientLine } from "./words.ts";

/** The longest cell of a column but the last. */
const CELL_MAX = 44;

/** Lists the clients of an interface. Returns the exit status. @throws ConfigError or OsError */
export async function listClients(name: string, { json }: ClientLine): Promise<number> {
  const peers = await peersOf(name);
  if (json) {
    printAll(`${JSON.stringify(peers.map(clientJson), undefined, 2)}\n`);
    return 0;
  }
  const rows = peers.map((peer) => [
    peerName(peer),
    peer.allowedIps.map(formatRange).join(" ") || "-",
    peer.expiresUnixMs === undefined ? "" : formatDate(peer.expiresUnixMs),
    peer.disabled === undefined ? handshakeOf(peer) : `disabled: ${disabledText(peer.disabled)}`,
  ]);
  const table = [["NAME", "ADDRESSES", "EXPIRES", "LAST HANDSHAKE"], ...rows];
  const widths = table[0].map((_, column) =>
    Math.max(...table.map((row) => Math.min(CELL_MAX, row[column].length)))
  );
  for (const row of table) {
    console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
  }
  return 0;
}

/** Shows one client. Returns the exit status. @throws ConfigError or OsError */
export async function showClient(name: string, line: ClientLine): Promise<number> {
  const peer = findPeer("client", line.name, await peersOf(name));
  if (line.json) {
    printAll(`${JSON.stringify(clientJson(peer), undefined, 2)}\n`);
    return 0;
  }
  const lines: [string, string][] = [
    ["client", peerName(peer)],
    ["public key", peer.publicKey.toBase64()],
    ["preshared key", peer.presharedKey.some((byte) => byte !== 0) ? "(hidden)" : "(none)"],
    ["addresses", peer.allowedIps.map(formatRange).join(", ") || "(none)"],
    ["endpoint", peer.endpoint === undefined ? "(none)" : formatEndpoint(peer.endpoint)],
    ["latest handshake", handshakeOf(peer)],
    ["transfer", `${formatBytes(peer.rxBytes)} received, ${formatBytes(peer.txBytes)} sent`],
  ];
  if (peer.disabled !== undefined) lines.push(["disabled", disabledText(peer.disabled)]);
  if (peer.expiresUnixMs !== undefined) lines.push(["expires", formatDate(peer.expiresUnixMs)]);
  for (const [title, value] of lines) console.log(`${title}: ${value}`);
  return 0;
}

/** The peers of an interface. Their preshared keys only tell whether there is one. */
async function peersOf(name: string): Promise<readonly PeerStatus[]> {
  const status = await getDevice(name);
  const peers = status.peers.map((peer) => ({
    ...peer,
    presharedKey: Uint8Array.of(
      peer.presharedKey.some((byte) => byte !== 0) ? 1 : 0,
    ) as PeerStatus["presharedKey"],
  }));
  wipeStatus(status);
  return peers;
}

function handshakeOf({ lastHandshakeUnixMs }: PeerStatus): string {
  if (lastHandshakeUnixMs === 0) return "never";
  return formatAgo(Math.floor(Date.now() / 1000) - Math.floor(lastHandshakeUnixMs / 1000));
}

function clientJson(peer: PeerStatus): Record<string, unknown> {
  const { disabled, endpoint, expiresUnixMs, lastHandshakeUnixMs } = peer;
  return {
    name: peer.description,
    publicKey: peer.publicKey.toBase64(),
    hasPresharedKey: peer.presharedKey.some((byte) => byte !== 0),
    allowedIps: peer.allowedIps.map(formatRange),
    ...(endpoint !== undefined && { endpoint: formatEndpoint(endpoint) }),
    ...(lastHandshakeUnixMs !== 0 && { latestHandshake: Math.floor(lastHandshakeUnixMs / 1000) }),
    transferRx: peer.rxBytes,
    transferTx: peer.txBytes,
    ...(disabled !== undefined && {
      disabled: { reason: disabled.reason, since: Math.floor(disabled.sinceUnixMs / 1000) },
    }),
    ...(expiresUnixMs !== undefined && { expires: Math.floor(expiresUnixMs / 1000) }),
  };
}
