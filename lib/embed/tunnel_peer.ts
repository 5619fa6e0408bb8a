/**
 * Peers as a program writes and reads them, with text where people write text, and the values that
 * the device takes.
 * @module
 */
import type { PresharedKey, PublicKey } from "../base/brands.ts";
import type { PeerChange, PeerStatus } from "../base/config.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { AllowedIp, Endpoint } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { formatEndpoint, formatRange, parseEndpoint, parseRange } from "../base/ip_text.ts";
import { formatKey, parsePresharedKey, parsePublicKey } from "./keys.ts";

/** Longest persistent keepalive in seconds (the field of wg(8) has 16 bits). */
const KEEPALIVE_MAX_S = 65_535;
/** Longest description in bytes of UTF-8. */
const DESCRIPTION_MAX_BYTES = 63;

/** What may be set of a peer. A field that is absent keeps its value, or is unset in a new peer. */
export interface TunnelPeerChange {
  /**
   * Where the peer is, as `192.0.2.1:51820` or `[2001:db8::1]:51820`. Without it the tunnel waits
   * until the peer writes. It follows the peer: the last authentic packet says where the peer is.
   * Host names are resolved by the caller.
   */
  readonly endpoint?: string;
  /**
   * All ranges of addresses inside the tunnel that belong to the peer, as `10.0.0.2/32` or
   * `fd00::/64`: packets to them go to the peer, and only packets from them are taken from it. A
   * range that another peer had becomes this peer's.
   */
  readonly allowedIps?: readonly string[];
  /** 44 characters of base64 or 32 bytes, mixed into the handshake; `null` removes it. */
  readonly presharedKey?: string | Uint8Array | null;
  /** Seconds between packets that keep a way through NAT open, 0 to 65535; 0 is off. */
  readonly persistentKeepalive?: number;
  /** At most 63 bytes of UTF-8, for people; empty for none. */
  readonly description?: string;
}

/** A new peer. */
export interface TunnelPeer extends TunnelPeerChange {
  /** 44 characters of base64 or 32 bytes. */
  readonly publicKey: string | Uint8Array;
}

/** A peer as it is. */
export interface TunnelPeerStatus {
  /** 44 characters of base64. */
  readonly publicKey: string;
  /**
   * Where the peer is, as `192.0.2.1:51820` or `[2001:db8::1]:51820`; undefined while that is not
   * known.
   */
  readonly endpoint: string | undefined;
  /** As `10.0.0.2/32`, in the order in which they were added. */
  readonly allowedIps: readonly string[];
  /** Whether there is one. The key itself is not shown. */
  readonly hasPresharedKey: boolean;
  /** Seconds; 0 when off. */
  readonly persistentKeepalive: number;
  /** Empty when there is none. */
  readonly description: string;
  /** Bytes of UDP payload sent to the peer, handshakes and keepalives included. */
  readonly txBytes: number;
  /** Bytes of UDP payload received from the peer, handshakes and keepalives included. */
  readonly rxBytes: number;
  /** When the last handshake was completed, by the wall clock; undefined when there was none. */
  readonly lastHandshake: Date | undefined;
}

/** How an error names a field: of a list of peers, or of a peer alone. */
const wordOf = (place: string, field: string): string => place === "" ? field : `${place}.${field}`;

/**
 * The device's value of a new peer.
 * @param place the peer's place in the caller's options, e.g. `peers[0]`; empty when the peer
 * stands alone
 * @throws ConfigError for the first field that is wrong
 */
export function peerOf(peer: TunnelPeer, place: string): PeerChange {
  return changeOf(parsePublicKey(peer.publicKey, wordOf(place, "publicKey")), peer, place);
}

/**
 * The device's value of a change, where `place` is as in `peerOf`.
 * @throws ConfigError for the first field that is wrong
 */
export function changeOf(publicKey: PublicKey, change: TunnelPeerChange, place = ""): PeerChange {
  const { endpoint, allowedIps, presharedKey, persistentKeepalive, description } = change;
  return {
    publicKey,
    ...(endpoint !== undefined && { endpoint: endpointOf(endpoint, wordOf(place, "endpoint")) }),
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

/** A peer's status as text. */
export function peerStatusOf(peer: PeerStatus): TunnelPeerStatus {
  return {
    publicKey: formatKey(peer.publicKey),
    endpoint: peer.endpoint === undefined ? undefined : formatEndpoint(peer.endpoint),
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
 * An endpoint to send to.
 * @throws ConfigError when the text is none, has a zone, or its port is 0
 */
function endpointOf(text: string, word: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) {
    throw new ConfigError(
      word,
      `${
        JSON.stringify(text)
      } is not an endpoint; one as 192.0.2.1:51820 or [2001:db8::1]:51820 is required`,
    );
  }
  if (endpoint.port === 0) {
    throw new ConfigError(
      word,
      `${JSON.stringify(text)} has port 0; a port from 1 to 65535 is required`,
    );
  }
  // The runtime's sockets do not tell by which interface a datagram came.
  if (endpoint.scope !== 0) {
    throw new ConfigError(
      word,
      `${JSON.stringify(text)} has a zone; an address without a zone is required`,
    );
  }
  return endpoint;
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
