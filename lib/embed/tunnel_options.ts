/**
 * What a program says to a tunnel and what a tunnel tells it, besides peers.
 * @module
 */
import type { AllCounts } from "../base/counter_block.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { formatIp, parseEndpoint } from "../base/ip_text.ts";
import type { TunnelPeer, TunnelPeerStatus } from "./tunnel_peer.ts";

/**
 * The least MTU of IPv4 (RFC 791), and the greatest whose packets fit into a datagram with header,
 * tag and padding.
 */
const MTU_MIN = 68;
const MTU_MAX = 65_475;

/** A handshake that was completed. */
export interface HandshakeEvent {
  /** The peer's public key: 44 characters of base64. */
  readonly publicKey: string;
  /** Whether this side sent the initiation. */
  readonly initiator: boolean;
}

/** A handshake that was given up. */
export interface HandshakeFailedEvent {
  /** The peer's public key: 44 characters of base64. */
  readonly publicKey: string;
}

/** A peer that is somewhere else than before. */
export interface EndpointEvent {
  /** The peer's public key: 44 characters of base64. */
  readonly publicKey: string;
  /** Where the peer is now, as `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
  readonly endpoint: string;
  /** Where it was before; undefined when that was not known. */
  readonly before: string | undefined;
}

/**
 * How to make a tunnel. The callbacks are called by the event loop, never from inside a method of
 * the tunnel, and not after `close`. An error that one of them throws is reported as an uncaught
 * one of the program (`reportError`).
 */
export interface TunnelOptions {
  /** The tunnel's own key: 44 characters of base64 or 32 bytes. */
  readonly privateKey: string | Uint8Array;
  /**
   * The UDP port on all addresses of both families, or an address and a port, as `127.0.0.1:51820`
   * or `[::1]:51820`. Port 0 is a free port; without `listen` it is a free port on all addresses.
   */
  readonly listen?: number | string;
  /**
   * Bytes of the longest IP packet that is sent through the tunnel, 68 to 65475; 1420 without it.
   */
  readonly mtu?: number;
  /** The peers from the start on. */
  readonly peers?: readonly TunnelPeer[];
  /**
   * Gets each IP packet that came out of the tunnel, and the ICMP messages of the tunnel itself
   * (destination unreachable). The array is the callback's own. When it returns a promise, the next
   * packet waits until that is settled. At most 1024 packets and 8 MiB wait; further ones are
   * dropped and counted (`TunnelStatus.packetsDropped`).
   */
  readonly onPacket: (packet: Uint8Array) => void | PromiseLike<void>;
  /**
   * Called when a handshake was completed: the first one with a peer, and every renewal (each 120 s
   * under traffic).
   */
  readonly onHandshake?: (event: HandshakeEvent) => void;
  /**
   * Called when a peer did not answer initiations for 90 s. Packets that waited for it were
   * dropped.
   */
  readonly onHandshakeFailed?: (event: HandshakeFailedEvent) => void;
  /**
   * Called when an authentic packet came from another endpoint, to which the peer's packets go from
   * now on.
   */
  readonly onEndpoint?: (event: EndpointEvent) => void;
  /** Gets debug messages, those of wg(4), DIAGNOSTICS; without it none are made. */
  readonly onLog?: (line: string) => void;
}

/** A tunnel as it is. */
export interface TunnelStatus {
  /** The tunnel's own public key: 44 characters of base64. */
  readonly publicKey: string;
  /** The address and port that it listens on, as `[::]:51820`. */
  readonly listen: string;
  /** Bytes of the longest IP packet. */
  readonly mtu: number;
  /** What does the cryptography of handshakes, e.g. `libcrypto 3.0.19` or `noble`. */
  readonly suite: string;
  /** What does the cryptography of packets, e.g. `libcrypto composed` or `noble`. */
  readonly cipher: string;
  /** Packets from the tunnel that were dropped because `onPacket` was too slow. */
  readonly packetsDropped: number;
  /**
   * What the engine counted since the start, by name; `ifconfig wgN hwfeatures` shows the same
   * names.
   */
  readonly counts: AllCounts;
  /** In the order in which they were added. */
  readonly peers: readonly TunnelPeerStatus[];
}

/**
 * Where to listen; no address stands for all of both families.
 * @throws ConfigError when it is neither a port nor an endpoint
 */
export function listenOf(
  listen: number | string,
): { readonly address: string | undefined; readonly port: number } {
  if (typeof listen === "number" && Number.isInteger(listen) && listen >= 0 && listen <= 65_535) {
    return { address: undefined, port: listen };
  }
  const endpoint: Endpoint | undefined = typeof listen === "string"
    ? parseEndpoint(listen)
    : undefined;
  if (endpoint === undefined || endpoint.scope !== 0) {
    throw new ConfigError(
      "listen",
      `${
        JSON.stringify(listen)
      } is invalid; a port from 0 to 65535, or ADDRESS:PORT as 127.0.0.1:51820, is required`,
    );
  }
  return { address: formatIp(endpoint.address), port: endpoint.port };
}

/** Bytes of the longest packet. @throws ConfigError when the number is out of range */
export function mtuOf(mtu: number): number {
  if (Number.isInteger(mtu) && mtu >= MTU_MIN && mtu <= MTU_MAX) return mtu;
  throw new ConfigError(
    "mtu",
    `${mtu} is out of range; a whole number from ${MTU_MIN} to ${MTU_MAX} is required`,
  );
}
