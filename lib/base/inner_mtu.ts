/**
 * The MTU of a tunnel by that of the path that its datagrams take.
 * @module
 */
import { DATA_OVERHEAD } from "./constants.ts";
import type { IpBytes } from "./endpoint.ts";

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** Bytes of a UDP header. */
export const UDP_HEADER_BYTES = 8;

/** Bytes of the IP header of an address's family: 20 or 40. */
export const ipHeaderBytes = (address: IpBytes): number =>
  address.length === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

/**
 * The largest MTU of a tunnel whose outer packets fit into an MTU. Payloads are padded, but not
 * beyond the interface's MTU, so that the tunnel's MTU itself need not be padded.
 * @param outer the MTU of the path, in bytes
 * @param outerHeader bytes of the outer IP header (`ipHeaderBytes`)
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { innerMtu } from "./inner_mtu.ts";
 *
 * assert.ok(innerMtu(1500, 40) === 1420);
 * ```
 */
export const innerMtu = (outer: number, outerHeader: number): number =>
  outer - outerHeader - UDP_HEADER_BYTES - DATA_OVERHEAD;
