/**
 * The MTU of a link by those of the paths to its peers. Pure: the caller asks the paths and tells
 * the time.
 * @module
 */
import { DEFAULT_MTU, IPV6_MTU_MIN, MTU_MAX } from "../base/constants.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { innerMtu, ipHeaderBytes } from "../base/inner_mtu.ts";
import { formatIp } from "../base/ip_text.ts";

/** The most paths that are asked at once. */
export const PATHS_AT_ONCE = 32;
/** The MTU of a path for which DEFAULT_MTU is made: Ethernet's. */
const ETHERNET_MTU = 1500;

interface Path {
  readonly endpoint: Endpoint;
  /** Bytes; undefined before it was asked, and when it could not be. */
  readonly mtu: number | undefined;
  readonly askedAt: number;
}

/** What is known of the paths to the peers that have a session. */
export class PathMtus {
  /** The paths by address, because peers behind one address share a path. */
  #paths = new Map<string, Path>();
  /** A larger MTU that is possible, and since when. */
  #larger: { readonly mtu: number; readonly since: number } | undefined;

  /** @param raiseAfterMs how long a larger MTU must have been possible before it is chosen */
  constructor(readonly raiseAfterMs: number) {}

  /**
   * Notes which endpoints are in use, and forgets all others.
   * @returns the endpoints to ask now: at most PATHS_AT_ONCE, new ones first, then those that were
   *   not asked for the longest time
   */
  due(endpoints: Iterable<Endpoint>): Endpoint[] {
    const paths = new Map<string, Path>();
    for (const endpoint of endpoints) {
      const key = pathKey(endpoint);
      const { mtu, askedAt = -Infinity } = this.#paths.get(key) ?? {};
      paths.set(key, { endpoint, mtu, askedAt });
    }
    this.#paths = paths;
    return [...paths.values()].sort((a, b) =>
      Number(a.askedAt > b.askedAt) - Number(a.askedAt < b.askedAt)
    ).slice(0, PATHS_AT_ONCE).map(({ endpoint }) => endpoint);
  }

  /**
   * Notes what a path has told.
   * @param mtu of the path in bytes; undefined when it could not be asked
   */
  told(endpoint: Endpoint, mtu: number | undefined, now: number): void {
    this.#paths.set(pathKey(endpoint), { endpoint, mtu, askedAt: now });
  }

  /**
   * The MTU that the link is to have, in bytes, by the narrowest path. It is smaller at once, and
   * larger when it could have been so all the time for `raiseAfterMs`. Messages of ICMP can be
   * forged, so it is never below 1280. When no path is known, it stays.
   * @param present the link's MTU
   */
  choose(present: number, now: number): number {
    let mtu = Infinity;
    for (const path of this.#paths.values()) {
      if (path.mtu !== undefined) mtu = Math.min(mtu, mtuOver(path.mtu, path.endpoint));
    }
    if (mtu === Infinity || mtu <= present) {
      this.#larger = undefined;
      return Math.min(mtu, present);
    }
    if (this.#larger?.mtu !== mtu) this.#larger = { mtu, since: now };
    return now - this.#larger.since >= this.raiseAfterMs ? mtu : present;
  }
}

/**
 * The MTU of a tunnel over one path. Over Ethernet it is the default, also where IPv4 would leave
 * room for more: the peer may move to IPv6.
 */
function mtuOver(outer: number, { address }: Endpoint): number {
  const most = outer > ETHERNET_MTU ? MTU_MAX : DEFAULT_MTU;
  return Math.max(IPV6_MTU_MIN, Math.min(innerMtu(outer, ipHeaderBytes(address)), most));
}

const pathKey = ({ address, scope }: Endpoint) => `${formatIp(address)}%${scope}`;
