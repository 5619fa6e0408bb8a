/**
 * The options, events and status of a tunnel, apart from peers.
 * @module
 */
import type { AllCounts } from "../base/counter_block.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { formatIp, parseEndpoint } from "../base/ip_text.ts";
import type { TunnelPeer, TunnelPeerStatus } from "./tunnel_peer.ts";

/**
 * The smallest MTU of IPv4 (RFC 791), and the largest MTU whose packets fit into a datagram with
 * header, tag and padding, in bytes.
 */
const MTU_MIN = 68;
const MTU_MAX = 65_475;

/** A completed handshake. */
export interface HandshakeEvent {
  /** The public key of the peer: 44 characters of base64. */
  readonly publicKey: string;
  /** Whether this side sent the initiation. */
  readonly initiator: boolean;
}

/** A handshake that was given up. */
export interface HandshakeFailedEvent {
  /** The public key of the peer: 44 characters of base64. */
  readonly publicKey: string;
}

/** A peer whose packets go to another endpoint. */
export interface EndpointEvent {
  /** The public key of the peer: 44 characters of base64. */
  readonly publicKey: string;
  /** The new endpoint, as `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
  readonly endpoint: string;
  /** The previous endpoint; undefined if there was none. */
  readonly before: string | undefined;
}

/**
 * The options of a tunnel. The event loop calls the callbacks, never a method of the tunnel, and
 * never after `close`. An error that a callback throws is reported as an uncaught error of the
 * program (`reportError`).
 */
export interface TunnelOptions {
  /** The private key of the tunnel: 44 characters of base64 or 32 bytes. */
  readonly privateKey: string | Uint8Array;
  /**
   * The UDP port on all addresses of both families, or an address and a port as `127.0.0.1:51820`
   * or `[::1]:51820`. Port 0 picks a free port. The default is a free port on all addresses.
   */
  readonly listen?: number | string;
  /**
   * The length of the longest IP packet that is sent through the tunnel, 68 to 65475 bytes. The
   * default is 1420.
   */
  readonly mtu?: number;
  /** The peers at the start. */
  readonly peers?: readonly TunnelPeer[];
  /**
   * Receives each IP packet from the tunnel, and the tunnel's own ICMP messages (destination
   * unreachable). The array belongs to the callback. If it returns a promise, the next packet waits
   * until the promise is settled. At most 1024 packets and 8 MiB wait. Further packets are dropped
   * and counted (`TunnelStatus.packetsDropped`).
   */
  readonly onPacket: (packet: Uint8Array) => void | PromiseLike<void>;
  /**
   * Called when a handshake is completed: the first one with a peer, and every renewal (every 120 s
   * while packets are sent).
   */
  readonly onHandshake?: (event: HandshakeEvent) => void;
  /**
   * Called when a peer has not answered initiations for 90 s. Packets that waited for it have been
   * dropped.
   */
  readonly onHandshakeFailed?: (event: HandshakeFailedEvent) => void;
  /**
   * Called when the packets of a peer go to another endpoint from now on: an authenticated packet
   * came from there, or the name of the endpoint led there.
   */
  readonly onEndpoint?: (event: EndpointEvent) => void;
  /**
   * Receives debug messages, which wg(4) lists in DIAGNOSTICS. Without it no messages are made.
   */
  readonly onLog?: (line: string) => void;
}

/** The status of a tunnel. */
export interface TunnelStatus {
  /** The public key of the tunnel: 44 characters of base64. */
  readonly publicKey: string;
  /** The address and port on which it listens, as `[::]:51820`. */
  readonly listen: string;
  /** The length of the longest IP packet in bytes. */
  readonly mtu: number;
  /** The library for handshakes, e.g. `libcrypto 3.0.19` or `noble`. */
  readonly suite: string;
  /** The library for packets, e.g. `libcrypto composed` or `noble`. */
  readonly cipher: string;
  /** The number of packets from the tunnel that were dropped because `onPacket` was too slow. */
  readonly packetsDropped: number;
  /** The counters since the start, by name. `ifconfig wgN hwfeatures` shows the same names. */
  readonly counts: AllCounts;
  /** The peers, in the order in which they were added. */
  readonly peers: readonly TunnelPeerStatus[];
}

/**
 * The address and port to listen on. Without an address they are all addresses of both families.
 * @throws ConfigError if the value is neither a port nor an endpoint
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

/**
 * The length of the longest packet in bytes.
 * @throws ConfigError if the number is out of range
 */
export function mtuOf(mtu: number): number {
  if (Number.isInteger(mtu) && mtu >= MTU_MIN && mtu <= MTU_MAX) return mtu;
  throw new ConfigError(
    "mtu",
    `${mtu} is out of range; a whole number from ${MTU_MIN} to ${MTU_MAX} is required`,
  );
}
