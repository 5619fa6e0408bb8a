/**
 * An interface as a configuration file, as `wg showconf` prints it.
 * @module
 */
import type { DeviceStatus } from "../base/config.ts";
import { formatNamedEndpoint } from "../base/host_name.ts";
import { formatEndpoint, formatRange } from "../base/ip_text.ts";
import { formatPeerSettings, peerSettingsOf } from "./peer_settings.ts";
import { KEY_TEXT_LENGTH, writeKeyText } from "../base/key_text.ts";

/**
 * The file of an interface, in bytes, because it has keys. Erase it after use.
 * @param zoneName finds the name of the interface of a link-local endpoint
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { DeviceStatus } from "../base/config.ts";
 * import { printConfig } from "./print.ts";
 *
 * const status = { listenPort: 7111, fwmark: 0, peers: [] } as unknown as DeviceStatus;
 * const text = new TextDecoder().decode(printConfig(status));
 * assert.ok(text === "[Interface]\nListenPort = 7111\n\n");
 * ```
 */
export function printConfig(
  status: DeviceStatus,
  zoneName?: (index: number) => string | undefined,
): Uint8Array {
  /** Text, and keys to write in base64. */
  const parts: (string | Uint8Array)[] = ["[Interface]\n"];
  if (status.listenPort !== 0) parts.push(`ListenPort = ${status.listenPort}\n`);
  if (status.fwmark !== 0) parts.push(`FwMark = 0x${status.fwmark.toString(16)}\n`);
  if (status.privateKey !== undefined) parts.push("PrivateKey = ", status.privateKey, "\n");
  parts.push("\n");
  for (const [index, peer] of status.peers.entries()) {
    if (index > 0) parts.push("\n");
    const settings = formatPeerSettings(peerSettingsOf(peer)).map((line) => `${line}\n`).join("");
    parts.push(`[Peer]\n${settings}PublicKey = `, peer.publicKey, "\n");
    if (peer.presharedKey.some((byte) => byte !== 0)) {
      parts.push("PresharedKey = ", peer.presharedKey, "\n");
    }
    if (peer.allowedIps.length > 0) {
      parts.push(`AllowedIPs = ${peer.allowedIps.map(formatRange).join(", ")}\n`);
    }
    if (peer.endpoint !== undefined) {
      parts.push(`Endpoint = ${formatEndpoint(peer.endpoint, zoneName)}\n`);
    } else if (peer.endpointName !== undefined) {
      // The name has no address yet.
      parts.push(`Endpoint = ${formatNamedEndpoint(peer.endpointName)}\n`);
    }
    if (peer.persistentKeepalive !== 0) {
      parts.push(`PersistentKeepalive = ${peer.persistentKeepalive}\n`);
    }
  }
  return bytesOf(parts);
}

function bytesOf(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const encoder = new TextEncoder();
  const encoded = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const lengthOf = (index: number) =>
    typeof parts[index] === "string" ? encoded[index].length : KEY_TEXT_LENGTH;
  const length = encoded.reduce((sum, _, index) => sum + lengthOf(index), 0);
  // More than 64 bytes, so that they lie outside of the runtime's heap and never move.
  const bytes = new Uint8Array(Math.max(length, 65)).subarray(0, length);
  let at = 0;
  for (const [index, part] of encoded.entries()) {
    if (typeof parts[index] === "string") bytes.set(part, at);
    else writeKeyText(bytes, at, part);
    at += lengthOf(index);
  }
  return bytes;
}
