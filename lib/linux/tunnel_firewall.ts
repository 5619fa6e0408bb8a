/**
 * Adds and removes the nf_tables of a full tunnel (lib/netlink/tunnel_tables.ts). No program is
 * needed for it. A kernel without nf_tables refuses; iptables is not used in its place, because its
 * rules stand in tables that other programs own and replace.
 * @module
 */
import { OsError } from "../base/errors.ts";
import { EINVAL, ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, osError } from "../base/errno.ts";
import { tunnelTableName } from "../netlink/tunnel_tables.ts";
import {
  encodeTunnelTable,
  encodeTunnelTableRemoval,
  type TunnelTable,
} from "../netlink/tunnel_tables.ts";
import { encodeTableGet, type TableFamily } from "../netlink/nftables.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "./netlink_socket.ts";

/** Something that runs a function in a network namespace, as NetNamespace does. */
interface Place {
  run<T>(fn: () => T): T;
}

/**
 * Makes the table of one family of a full tunnel, in place of one of the same name. It is made
 * whole or not at all.
 * @param place the network namespace; the calling thread's if absent
 * @throws OsError whose object is the table, e.g. `table ip wg-quick-wg0`
 */
export function setTunnelFirewall(table: TunnelTable, place?: Place): void {
  const { interfaceName, family } = table;
  change(place, (n) => encodeTunnelTable(n, table), "NFT_MSG_NEWTABLE", interfaceName, family);
}

/**
 * Removes the table of one family, and nothing else. Does nothing if there is none.
 * @throws OsError
 */
export function removeTunnelFirewall(
  interfaceName: string,
  family: TableFamily,
  place?: Place,
): void {
  const encode = (n: number) => encodeTunnelTableRemoval(n, interfaceName, family);
  try {
    change(place, encode, "NFT_MSG_DELTABLE", interfaceName, family);
  } catch (error) {
    // Where there are no nf_tables there is no table either.
    if (!(error instanceof OsError && isWithoutNftables(error))) throw error;
  }
}

/** Whether there is a table of one family for an interface, whatever is in it. @throws OsError */
export function hasTunnelFirewall(
  interfaceName: string,
  family: TableFamily,
  place?: Place,
): boolean {
  const object = objectOf(interfaceName, family);
  const act = () => {
    using socket = new NetlinkSocket(0, NETLINK_NETFILTER);
    const encode = (n: number) => encodeTableGet(n, family, tunnelTableName(interfaceName));
    socket.request(encode, "NFT_MSG_GETTABLE", object);
  };
  try {
    place === undefined ? act() : place.run(act);
    return true;
  } catch (error) {
    if (error instanceof OsError && isWithoutNftables(error)) return false;
    throw error;
  }
}

const objectOf = (interfaceName: string, family: TableFamily): string =>
  `table ${family === 4 ? "ip" : "ip6"} ${tunnelTableName(interfaceName)}`;

function change(
  place: Place | undefined,
  encode: (sequence: number) => readonly Uint8Array[],
  call: string,
  interfaceName: string,
  family: TableFamily,
): void {
  const object = objectOf(interfaceName, family);
  const act = () => {
    using socket = new NetlinkSocket(0, NETLINK_NETFILTER);
    socket.batch(encode, call, object);
  };
  try {
    place === undefined ? act() : place.run(act);
  } catch (error) {
    if (!(error instanceof OsError && isWithoutNftables(error))) throw error;
    const hint = "the kernel lacks nf_tables, or its parts nft_fib or nft_ct; a full tunnel " +
      "requires them";
    throw osError(error.call, object, error.errno, hint);
  }
}

/**
 * Whether the kernel knows no nf_tables, or not an expression of the rules. The messages
 * themselves are never the reason.
 */
function isWithoutNftables({ errno }: OsError): boolean {
  return [EPROTONOSUPPORT, EOPNOTSUPP, EINVAL, ENOENT].includes(errno);
}
