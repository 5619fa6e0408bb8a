/**
 * Outer addresses: the endpoint of a peer, and the local address that its datagrams were sent to.
 * @module
 */

/** An IP address in network byte order: 4 bytes for IPv4, 16 for IPv6. */
export type IpBytes = Uint8Array;

/** A UDP endpoint: address and port. */
export interface Endpoint {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** 1 to 65535. */
  readonly port: number;
  /** The interface index of a link-local IPv6 address, otherwise 0. */
  readonly scope: number;
}

/**
 * The local address that a datagram was sent to, and the interface that received it (IP_PKTINFO).
 */
export interface LocalAddress {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** The kernel's number of the interface; 0 when it is not known. */
  readonly interfaceIndex: number;
}

/** An allowed IP range. Host bits of `address` beyond `prefix` are zero. */
export interface AllowedIp {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** Prefix length: 0-32 for IPv4, 0-128 for IPv6. */
  readonly prefix: number;
}

/** Bytes of an endpoint cell, which holds an endpoint in memory; see `writeEndpointCell`. */
export const ENDPOINT_CELL_BYTES = 48;
/** Offset in a cell of the local interface index. */
export const LOCAL_INTERFACE = 24;

/**
 * Writes an endpoint and, when known, the local address into a cell of 48 bytes.
 *
 * - 0: length of the endpoint's address: 0 (no endpoint), 4 or 16
 * - 1: length of the local address: 0 (none), 4 or 16
 * - 2 to 3: port, big-endian
 * - 4 to 7: scope, little-endian
 * - 8 to 23: the endpoint's address
 * - 24 to 27: index of the local interface, little-endian
 * - 28 to 43: the local address
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ENDPOINT_CELL_BYTES, readEndpointCell, writeEndpointCell } from "./endpoint.ts";
 *
 * const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
 * const endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 51820, scope: 0 };
 * writeEndpointCell(cell, 0, endpoint, undefined);
 * assert.ok(readEndpointCell(cell, 0)?.port === 51820);
 * ```
 */
export function writeEndpointCell(
  cell: Uint8Array,
  at: number,
  endpoint: Endpoint | undefined,
  local: LocalAddress | undefined,
): void {
  cell.fill(0, at, at + ENDPOINT_CELL_BYTES);
  if (endpoint === undefined) return;
  cell[at] = endpoint.address.length;
  cell[at + 2] = endpoint.port >>> 8;
  cell[at + 3] = endpoint.port & 255;
  writeU32(cell, at + 4, endpoint.scope);
  cell.set(endpoint.address, at + 8);
  if (local === undefined) return;
  cell[at + 1] = local.address.length;
  writeU32(cell, at + LOCAL_INTERFACE, local.interfaceIndex);
  cell.set(local.address, at + 28);
}

/** Whether the endpoint of a cell has a port, to which datagrams can be sent. */
export const cellHasPort = (cell: Uint8Array, at: number): boolean =>
  (cell[at + 2] | cell[at + 3]) !== 0;

/** Clears the local address of a cell. */
export function clearLocalCell(cell: Uint8Array, at: number): void {
  cell[at + 1] = 0;
  cell.fill(0, at + LOCAL_INTERFACE, at + ENDPOINT_CELL_BYTES);
}

/**
 * The endpoint in a cell, or undefined when there is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ENDPOINT_CELL_BYTES, readEndpointCell } from "./endpoint.ts";
 *
 * assert.ok(readEndpointCell(new Uint8Array(ENDPOINT_CELL_BYTES), 0) === undefined);
 * ```
 */
export function readEndpointCell(cell: Uint8Array, at: number): Endpoint | undefined {
  const length = cell[at];
  if (length !== 4 && length !== 16) return undefined;
  return {
    address: cell.slice(at + 8, at + 8 + length),
    port: cell[at + 2] << 8 | cell[at + 3],
    scope: readU32(cell, at + 4),
  };
}

/**
 * The local address in a cell, or undefined when there is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ENDPOINT_CELL_BYTES, readLocalCell } from "./endpoint.ts";
 *
 * assert.ok(readLocalCell(new Uint8Array(ENDPOINT_CELL_BYTES), 0) === undefined);
 * ```
 */
export function readLocalCell(cell: Uint8Array, at: number): LocalAddress | undefined {
  const length = cell[at + 1];
  if (length !== 4 && length !== 16) return undefined;
  return {
    address: cell.slice(at + 28, at + 28 + length),
    interfaceIndex: readU32(cell, at + LOCAL_INTERFACE),
  };
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

/** Whether two endpoints are the same address, port and scope. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.scope === b.scope && sameBytes(a.address, b.address);
}

/** Whether two byte strings are equal. For public values only: it does not run in constant time. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
