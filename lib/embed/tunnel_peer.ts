/**
 * Peers in the form of a program, with endpoints, ranges and keys as text, and in the form of the
 * device.
 * @module
 */
import type { PresharedKey, PublicKey } from "../base/brands.ts";
import type { PeerChange, PeerStatus } from "../base/config.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { formatNamedEndpoint, parseNamedEndpoint } from "../base/host_name.ts";
import { formatEndpoint, formatRange, parseEndpoint, parseRange } from "../base/ip_text.ts";
import { formatKey, parsePresharedKey, parsePublicKey } from "./keys.ts";

/** The longest persistent keepalive in seconds (the field of wg(8) has 16 bits). */
const KEEPALIVE_MAX_S = 65_535;
/** The longest description in bytes of UTF-8. */
const DESCRIPTION_MAX_BYTES = 63;

/** The settings of a peer. An absent field keeps its value, and is unset in a new peer. */
export interface TunnelPeerChange {
  /**
   * The endpoint of the peer, as `192.0.2.1:51820`, `[2001:db8::1]:51820` or
   * `vpn.example.com:51820`. Without it the tunnel waits until the peer sends a packet. The
   * endpoint follows the last authenticated packet. A name is kept and looked up at once, again
   * when handshakes fail, and with pauses while it does not resolve; a session that works stays
   * where it is. Packets to a peer without an address are answered with an ICMP message.
   */
  readonly endpoint?: string;
  /**
   * All ranges of addresses inside the tunnel that belong to the peer, as `10.0.0.2/32` or
   * `fd00::/64`. Packets to them go to the peer, and only packets from them are accepted from it. A
   * range of another peer moves to this peer.
   */
  readonly allowedIps?: readonly string[];
  /** The preshared key, 44 characters of base64 or 32 bytes; `null` removes it. */
  readonly presharedKey?: string | Uint8Array | null;
  /** The interval in seconds of packets that keep a NAT open, 0 to 65535; 0 for none. */
  readonly persistentKeepalive?: number;
  /** A description for people, at most 63 bytes of UTF-8; empty for none. */
  readonly description?: string;
}

/** A new peer. */
export interface TunnelPeer extends TunnelPeerChange {
  /** The public key: 44 characters of base64 or 32 bytes. */
  readonly publicKey: string | Uint8Array;
}

/** The status of a peer. */
export interface TunnelPeerStatus {
  /** The public key: 44 characters of base64. */
  readonly publicKey: string;
  /**
   * The endpoint, as `192.0.2.1:51820` or `[2001:db8::1]:51820`; undefined while it is unknown.
   */
  readonly endpoint: string | undefined;
  /** The endpoint as it was given by a name, `vpn.example.com:51820`; undefined for an address. */
  readonly endpointName: string | undefined;
  /** Why the last look-up of the name gave no address; empty if it did. */
  readonly endpointProblem: string;
  /** The allowed ranges, as `10.0.0.2/32`, in the order in which they were added. */
  readonly allowedIps: readonly string[];
  /** Whether the peer has a preshared key. The key itself is not shown. */
  readonly hasPresharedKey: boolean;
  /** The interval of persistent keepalives in seconds; 0 for none. */
  readonly persistentKeepalive: number;
  /** The description; empty for none. */
  readonly description: string;
  /** The bytes of UDP payload sent to the peer, with handshakes and keepalives. */
  readonly txBytes: number;
  /** The bytes of UDP payload received from the peer, with handshakes and keepalives. */
  readonly rxBytes: number;
  /** The wall clock of the last completed handshake; undefined if there was none. */
  readonly lastHandshake: Date | undefined;
}

/** The name of a field in errors: with its place in a list of peers, or alone. */
const wordOf = (place: string, field: string): string => place === "" ? field : `${place}.${field}`;

/**
 * The device's form of a new peer.
 * @param place the place of the peer in the options, e.g. `peers[0]`; empty for a single peer
 * @throws ConfigError for the first wrong field
 */
export function peerOf(peer: TunnelPeer, place: string): PeerChange {
  return changeOf(parsePublicKey(peer.publicKey, wordOf(place, "publicKey")), peer, place);
}

/**
 * The device's form of a change. `place` is as in `peerOf`.
 * @throws ConfigError for the first wrong field
 */
export function changeOf(publicKey: PublicKey, change: TunnelPeerChange, place = ""): PeerChange {
  const { endpoint, allowedIps, presharedKey, persistentKeepalive, description } = change;
  return {
    publicKey,
    ...(endpoint !== undefined && endpointOf(endpoint, wordOf(place, "endpoint"))),
    ...(allowedIps !== undefined && {
      replaceAllowedIps: true,
      allowedIps: allowedIps.map((text, i) => rangeOf(text, wordOf(place, `allowedIps[${i}]`))),
    }),
    ...(presharedKey !== undefined && {
      presharedKey: presharedKey === null
        ? new Uint8Array(KEY_LENGTH) as PresharedKey
        : parsePresharedKey(presharedKey, wordOf(place, "presharedKey")),
    }),
    ...(persistentKeepalive !== undefined && {
      persistentKeepalive: keepaliveOf(persistentKeepalive, wordOf(place, "persistentKeepalive")),
    }),
    ...(description !== undefined &&
      { description: descriptionOf(description, wordOf(place, "description")) }),
  };
}

/** The status of a peer as text. */
export function peerStatusOf(peer: PeerStatus): TunnelPeerStatus {
  return {
    publicKey: formatKey(peer.publicKey),
    endpoint: peer.endpoint === undefined ? undefined : formatEndpoint(peer.endpoint),
    endpointName: peer.endpointName && formatNamedEndpoint(peer.endpointName),
    endpointProblem: peer.endpointName?.problem ?? "",
    allowedIps: peer.allowedIps.map(formatRange),
    hasPresharedKey: peer.presharedKey.some((byte) => byte !== 0),
    persistentKeepalive: peer.persistentKeepalive,
    description: peer.description,
    txBytes: peer.txBytes,
    rxBytes: peer.rxBytes,
    lastHandshake: peer.lastHandshakeUnixMs === 0 ? undefined : new Date(peer.lastHandshakeUnixMs),
  };
}

/**
 * Parses an endpoint, or the name of one.
 * @throws ConfigError if the text is neither, has a zone, or has port 0
 */
function endpointOf(text: string, word: string): Pick<PeerChange, "endpoint" | "endpointName"> {
  const endpointName = parseNamedEndpoint(text);
  if (endpointName !== undefined) return { endpointName };
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) {
    throw new ConfigError(
      word,
      `${
        JSON.stringify(text)
      } is not an endpoint; one as 192.0.2.1:51820, [2001:db8::1]:51820 or ` +
        "vpn.example.com:51820 is required",
    );
  }
  if (endpoint.port === 0) {
    throw new ConfigError(
      word,
      `${JSON.stringify(text)} has port 0; a port from 1 to 65535 is required`,
    );
  }
  // The sockets of the runtime do not report the interface on which a datagram arrived.
  if (endpoint.scope !== 0) {
    throw new ConfigError(
      word,
      `${JSON.stringify(text)} has a zone; an address without a zone is required`,
    );
  }
  return { endpoint };
}

function rangeOf(text: string, word: string): AllowedIp {
  const range = parseRange(text);
  if (range !== undefined) return range;
  throw new ConfigError(
    word,
    `${JSON.stringify(text)} is not a range; one as 10.0.0.2/32 or fd00::/64 is required`,
  );
}

function keepaliveOf(seconds: number, word: string): number {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= KEEPALIVE_MAX_S) return seconds;
  throw new ConfigError(
    word,
    `${seconds} is out of range; a whole number from 0 to ${KEEPALIVE_MAX_S} is required`,
  );
}

function descriptionOf(text: string, word: string): string {
  const { length } = new TextEncoder().encode(text);
  if (length > DESCRIPTION_MAX_BYTES) {
    throw new ConfigError(
      word,
      `${length} bytes are too many; at most ${DESCRIPTION_MAX_BYTES} bytes of UTF-8 are allowed`,
    );
  }
  if (text.includes("\0")) {
    throw new ConfigError(word, "the text has a zero byte; text without zero bytes is required");
  }
  return text;
}
