/**
 * Chooses the source address of ICMP answers, as Linux does for a router.
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
 * Chooses among all addresses of a network namespace, which are in the kernel's order.
 *
 * For IPv4 it is the first address of the link that is not secondary. An address of another link is
 * not used, because rp_filter would drop the answer. For IPv6 it is a global or unique local
 * address of the link, else one of another link, else a link-local address of the link, which
 * routers do not forward.
 *
 * @param interfaceIndex the index of the link
 * @param acceptsLocal whether the kernel accepts packets with local IPv4 sources from the link
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

/** The first address for which `better` is true, otherwise the first address. */
function first(
  addresses: readonly InterfaceAddress[],
  better: (address: InterfaceAddress) => boolean,
): IpBytes | undefined {
  return (addresses.find(better) ?? addresses[0])?.address;
}
