/**
 * The offloads of an interface, with which one system call moves several packets.
 * @module
 */

/** Which offloads are on. */
export interface Offloads {
  /** TCP super-packets are written to and read from the TUN device. */
  readonly tso: boolean;
  /** UDP super-packets are written to and read from the TUN device. */
  readonly uso: boolean;
  /** One send carries several datagrams (UDP_SEGMENT). */
  readonly gso: boolean;
  /** One receive returns several datagrams (UDP_GRO). */
  readonly gro: boolean;
}

/** The names of all offloads, in the order in which they are shown. */
export const OFFLOAD_NAMES = [
  "tso",
  "uso",
  "gso",
  "gro",
] as const satisfies readonly (keyof Offloads)[];
export type OffloadName = typeof OFFLOAD_NAMES[number];

export const ALL_OFFLOADS: Offloads = { tso: true, uso: true, gso: true, gro: true };
export const NO_OFFLOADS: Offloads = { tso: false, uso: false, gso: false, gro: false };

/** Whether the same offloads are on in both. */
export const sameOffloads = (a: Offloads, b: Offloads): boolean =>
  OFFLOAD_NAMES.every((name) => a[name] === b[name]);

/** The names of the offloads that are on, or off, with spaces between them: `tso gso`. */
export const offloadWords = (offloads: Offloads, on = true): string =>
  OFFLOAD_NAMES.filter((name) => offloads[name] === on).join(" ");
