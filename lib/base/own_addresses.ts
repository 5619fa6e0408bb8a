/**
 * Addresses of this machine that the data plane must know, where the interface is.
 * @module
 */
import type { IpBytes } from "./endpoint.ts";

/** What the data plane is told whenever it changes. */
export interface OwnAddresses {
  /**
   * Where ICMP answers to IPv4 packets come from. Undefined: from the destination of the packet, as
   * the interface has no address, or the kernel takes no packet from one of its own addresses.
   */
  readonly answersFrom4: IpBytes | undefined;
  /** The same for IPv6. Undefined only on a machine without an IPv6 address. */
  readonly answersFrom6: IpBytes | undefined;
  /**
   * IPv4 addresses that no packet of a peer may come from. They are this machine's own while the
   * kernel takes packets from those; it refuses them by itself otherwise, and the list is empty.
   */
  readonly refused4: readonly IpBytes[];
}

/** Nothing is known. */
export const NO_OWN_ADDRESSES: OwnAddresses = {
  answersFrom4: undefined,
  answersFrom6: undefined,
  refused4: [],
};
