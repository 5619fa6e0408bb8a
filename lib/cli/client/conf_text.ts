/**
 * The configuration of a client, for wg-quick(8) and the apps of WireGuard.
 * @module
 */
import { formatIp } from "../../base/ip_text.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { joinText, type TextPart } from "../../wgconf/text_parts.ts";

/** What the configuration says. */
export interface ClientConf {
  readonly privateKey: Uint8Array;
  readonly addresses: readonly IpBytes[];
  readonly dns: readonly string[];
  /** Undefined leaves it to the client. */
  readonly mtu: number | undefined;
  readonly serverKey: Uint8Array;
  readonly presharedKey: Uint8Array | undefined;
  readonly allowedIps: readonly string[];
  /** `HOST:PORT`. */
  readonly endpoint: string;
  /** In seconds; 0 for none. */
  readonly keepalive: number;
}

/** The configuration in bytes, because it has keys. Fill them with zeros after use. */
export function clientConfText(conf: ClientConf): Uint8Array {
  const parts: TextPart[] = [
    "[Interface]\nPrivateKey = ",
    { key: conf.privateKey },
    `\nAddress = ${conf.addresses.map((one) => `${formatIp(one)}/${one.length * 8}`).join(", ")}\n`,
  ];
  if (conf.dns.length > 0) parts.push(`DNS = ${conf.dns.join(", ")}\n`);
  if (conf.mtu !== undefined) parts.push(`MTU = ${conf.mtu}\n`);
  parts.push("\n[Peer]\nPublicKey = ", { key: conf.serverKey }, "\n");
  if (conf.presharedKey !== undefined) {
    parts.push("PresharedKey = ", { key: conf.presharedKey }, "\n");
  }
  parts.push(`AllowedIPs = ${conf.allowedIps.join(", ")}\nEndpoint = ${conf.endpoint}\n`);
  if (conf.keepalive !== 0) parts.push(`PersistentKeepalive = ${conf.keepalive}\n`);
  return joinText(parts);
}
