/**
 * The table of `netstat -i`: interfaces and their counters.
 * @module
 */
import { formatIp, maskAddress } from "../../base/ip_text.ts";
import type { InterfaceAddress } from "../../netlink/address.ts";
import { type Link, type LinkStats } from "../../netlink/link.ts";
import { IFF_UP } from "../../netlink/flags.ts";
import { destinationText, scopedText } from "../route/table.ts";

const NO_STATS: LinkStats = {
  rxPackets: 0,
  txPackets: 0,
  rxBytes: 0,
  txBytes: 0,
  rxErrors: 0,
  txErrors: 0,
  rxDropped: 0,
  txDropped: 0,
  multicast: 0,
  collisions: 0,
};

/**
 * The interfaces in OpenBSD's columns: a row for each link and for each of its addresses. An
 * asterisk follows the name of a link that is down.
 */
export function formatInterfaces(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): string {
  const named = new Map(
    links.map((link) => [link.index, (link.flags & IFF_UP) !== 0 ? link.name : `${link.name}*`]),
  );
  const width = Math.max(7, ...[...named.values()].map((name) => name.length));
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const cells = addresses.map(({ address, prefix, interfaceIndex, peer }) => {
    const name = names.get(interfaceIndex) ?? "";
    return {
      interfaceIndex,
      network: destinationText(maskAddress(peer ?? address, prefix), prefix, name),
      address: scopedText(address, name),
    };
  });
  const networkWidth = Math.max(11, ...cells.map(({ network }) => network.length));
  const addressWidth = Math.max(17, ...cells.map(({ address }) => address.length));
  const row = (
    name: string,
    mtu: string,
    network: string,
    address: string,
    counters: readonly string[],
  ) =>
    `${name.padEnd(width)} ${mtu.padEnd(5)} ${network.padEnd(networkWidth)} ${
      address.padEnd(addressWidth)
    } ${counters[0].padStart(8)} ${counters[1].padStart(5)} ${counters[2].padStart(8)} ${
      counters[3].padStart(5)
    } ${counters[4].padStart(5)}`;
  const lines = [
    row("Name", "Mtu", "Network", "Address", ["Ipkts", "Ifail", "Opkts", "Ofail", "Colls"]),
  ];
  for (const link of links) {
    const name = named.get(link.index) ?? link.name;
    const stats = link.stats ?? NO_STATS;
    const counters = [
      stats.rxPackets,
      stats.rxErrors + stats.rxDropped,
      stats.txPackets,
      stats.txErrors + stats.txDropped,
      stats.collisions,
    ].map(String);
    const mtu = String(link.mtu);
    lines.push(row(name, mtu, "<Link>", hardwareAddress(link), counters));
    for (const { interfaceIndex, network, address } of cells) {
      if (interfaceIndex === link.index) lines.push(row(name, mtu, network, address, counters));
    }
  }
  return lines.join("\n");
}

function hardwareAddress(link: Link): string {
  return link.address.every((byte) => byte === 0)
    ? ""
    : [...link.address].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The interfaces as values, for --json. */
export function interfacesAsJson(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): unknown[] {
  return links.map((link) => ({
    name: link.name,
    index: link.index,
    up: (link.flags & IFF_UP) !== 0,
    mtu: link.mtu,
    addresses: addresses.filter((one) => one.interfaceIndex === link.index)
      .map(({ address, prefix }) => `${formatIp(address)}/${prefix}`),
    stats: link.stats ?? NO_STATS,
  }));
}
