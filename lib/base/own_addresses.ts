/**
 * Local addresses that the data plane must know, of the network namespace of the interface.
 * @module
 */
import type { IpBytes } from "./endpoint.ts";

/** The local addresses that the data plane uses. The daemon sends them again when they change. */
export interface OwnAddresses {
  /**
   * The source of ICMP answers to IPv4 packets. When it is undefined, the answer comes from the
   * packet's destination. That is so when the interface has no address, or when the kernel drops
   * packets from local addresses.
   */
  readonly answersFrom4: IpBytes | undefined;
  /** The source of ICMP answers to IPv6 packets. Undefined where there is no IPv6 address. */
  readonly answersFrom6: IpBytes | undefined;
  /**
   * IPv4 sources that packets from peers may not have. These are the local addresses when the
   * kernel accepts packets from them. The list is empty when the kernel itself drops such packets.
   */
  readonly refused4: readonly IpBytes[];
}

/** No address is known. */
export const NO_OWN_ADDRESSES: OwnAddresses = {
  answersFrom4: undefined,
  answersFrom6: undefined,
  refused4: [],
};
