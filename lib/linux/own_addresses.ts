/**
 * Which address of a link ICMP answers come from: a router's own, as Linux itself has it.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import type { OwnAddresses } from "../base/own_addresses.ts";
import { type InterfaceAddress, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from "../netlink/address.ts";
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
} from "../netlink/flags.ts";

/**
 * Chooses among all addresses of a network namespace, given in the kernel's order.
 *
 * IPv4: the link's first one that is not secondary. Without one the kernel, asked whether packets
 * from elsewhere may come in by the link, would say no where rp_filter is on; so there is none.
 * IPv6: a global or unique local one of the link, then of another link, then a link-local one of the
 * link, which no router carries on.
 *
 * @param interfaceIndex the link's
 * @param acceptsLocal whether the kernel takes packets from its own IPv4 addresses from the link
 */
export function chooseOwnAddresses(
  addresses: readonly InterfaceAddress[],
  interfaceIndex: number,
  acceptsLocal: boolean,
): OwnAddresses {
  const v4 = addresses.filter(({ address }) => address.length === 4);
  const v6 = addresses.filter(({ address, flags }) =>
    address.length === 16 && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0
  );
  const isOfLink = (address: InterfaceAddress) => address.interfaceIndex === interfaceIndex;
  const isGlobal = ({ scope }: InterfaceAddress) => scope === RT_SCOPE_UNIVERSE;
  const global6 = [
    ...v6.filter((address) => isGlobal(address) && isOfLink(address)),
    ...v6.filter((address) => isGlobal(address) && !isOfLink(address)),
  ];
  return {
    answersFrom4: acceptsLocal
      ? first(
        v4.filter(isOfLink),
        (address) => isGlobal(address) && (address.flags & IFA_F_SECONDARY) === 0,
      )
      : undefined,
    answersFrom6: first(global6, ({ flags }) => (flags & IFA_F_DEPRECATED) === 0) ??
      v6.find((address) => isOfLink(address) && address.scope === RT_SCOPE_LINK)?.address,
    refused4: acceptsLocal ? v4.map(({ address }) => address) : [],
  };
}

/** The first that is `better` than others, otherwise the first. */
function first(
  addresses: readonly InterfaceAddress[],
  better: (address: InterfaceAddress) => boolean,
): IpBytes | undefined {
  return (addresses.find(better) ?? addresses[0])?.address;
}
