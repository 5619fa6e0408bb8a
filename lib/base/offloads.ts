/**
 * The offloads of an interface, by Linux' names: several packets that pass to or from the kernel as one.
 * @module
 */

/** A choice of offloads. */
export interface Offloads {
  /** TCP super-packets between the data plane and the TUN device. */
  readonly tso: boolean;
  /** The same for UDP. */
  readonly uso: boolean;
  /** Several datagrams a send (UDP_SEGMENT). */
  readonly gso: boolean;
  /** Several datagrams a receive (UDP_GRO). */
  readonly gro: boolean;
}

/** Every kind, in the order in which they are told. */
export const OFFLOAD_NAMES = [
  "tso",
  "uso",
  "gso",
  "gro",
] as const satisfies readonly (keyof Offloads)[];
export type OffloadName = typeof OFFLOAD_NAMES[number];

export const ALL_OFFLOADS: Offloads = { tso: true, uso: true, gso: true, gro: true };
export const NO_OFFLOADS: Offloads = { tso: false, uso: false, gso: false, gro: false };

/** Whether two choices are the same. */
export const sameOffloads = (a: Offloads, b: Offloads): boolean =>
  OFFLOAD_NAMES.every((name) => a[name] === b[name]);

/** The kinds that are on, or those that are off, in words: `tso gso`. */
export const offloadWords = (offloads: Offloads, on = true): string =>
  OFFLOAD_NAMES.filter((name) => offloads[name] === on).join(" ");
