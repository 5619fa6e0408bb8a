/**
 * The nf_tables of a full tunnel, as wg-quick(8) of wireguard-tools makes them.
 *
 * They drop packets to the tunnel's addresses that another link brings from another host. So nobody
 * on a neighbouring network can find out these addresses, or inject packets into connections
 * through the tunnel (CVE-2019-14899). They also give the answers to the tunnel's datagrams the
 * mark of the tunnel, so that the reverse path filter looks them up in the right table
 * (src_valid_mark).
 * @module
 */
import { INTERFACE_NAME_SIZE } from "../base/interface_name.ts";
import type { IpBytes } from "../base/endpoint.ts";
import {
  compare,
  drop,
  loadConnectionMark,
  loadHeader,
  loadMeta,
  loadSourceType,
  NftablesBatch,
  setConnectionMark,
  setMark,
  type TableFamily,
} from "./nftables.ts";

/** What the tables of one family are made of. */
export interface TunnelTable {
  readonly interfaceName: string;
  readonly family: TableFamily;
  /** The mark of the tunnel's datagrams. */
  readonly mark: number;
  /** The addresses of the interface; those of the other family are left out. */
  readonly addresses: readonly IpBytes[];
}

/** The name of an interface's tables. It is wg-quick's, so that its `down` removes them too. */
export const tunnelTableName = (interfaceName: string): string => `wg-quick-${interfaceName}`;

const RTN_LOCAL = 2;
const IPPROTO_UDP = 17;
const PRIORITY_RAW = -300;
const PRIORITY_MANGLE = -150;
/** Where the destination address is in the IP header. */
const DESTINATION_OFFSET = { 4: 16, 6: 24 } as const;

/** A batch that makes the table of one family, in place of one with the same name. */
export function encodeTunnelTable(
  sequence: number,
  { interfaceName, family, mark, addresses }: TunnelTable,
): readonly Uint8Array<ArrayBuffer>[] {
  const table = tunnelTableName(interfaceName);
  const batch = new NftablesBatch(sequence)
    .addTable(family, table).deleteTable(family, table).addTable(family, table)
    .addChain(family, table, { name: "preraw", hook: "prerouting", priority: PRIORITY_RAW })
    .addChain(family, table, { name: "premangle", hook: "prerouting", priority: PRIORITY_MANGLE })
    .addChain(family, table, {
      name: "postmangle",
      hook: "postrouting",
      priority: PRIORITY_MANGLE,
    });
  const size = family === 4 ? 4 : 16;
  const name = new Uint8Array(INTERFACE_NAME_SIZE);
  name.set(new TextEncoder().encode(interfaceName).subarray(0, INTERFACE_NAME_SIZE - 1));
  for (const address of addresses) {
    if (address.length !== size) continue;
    batch.addRule(family, table, "preraw", [
      loadMeta("iifname"),
      compare("unequal", name),
      loadHeader(DESTINATION_OFFSET[family], size),
      compare("equal", address),
      loadSourceType,
      compare("unequal", hostU32(RTN_LOCAL)),
      drop,
    ]);
  }
  const isUdp = [loadMeta("l4proto"), compare("equal", Uint8Array.of(IPPROTO_UDP))];
  return batch
    .addRule(family, table, "postmangle", [
      ...isUdp,
      loadMeta("mark"),
      compare("equal", hostU32(mark)),
      loadMeta("mark"),
      setConnectionMark,
    ])
    .addRule(family, table, "premangle", [...isUdp, loadConnectionMark, setMark])
    .finish();
}

/** A batch that removes the table of one family. It does nothing if there is none. */
export function encodeTunnelTableRemoval(
  sequence: number,
  interfaceName: string,
  family: TableFamily,
): readonly Uint8Array<ArrayBuffer>[] {
  const table = tunnelTableName(interfaceName);
  return new NftablesBatch(sequence).addTable(family, table).deleteTable(family, table).finish();
}

/** Numbers of the kernel itself are compared as it has them, little-endian. */
function hostU32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
