/**
 * Words of OpenBSD's ifconfig(8) that are refused by name, with what to do instead.
 * @module
 */
import type { RefusedWord } from "./command.ts";

const NO_LINK_LAYER = "a wg interface carries IP packets and has no link layer";
const NOT_WG = "not for wg interfaces; use ip(8) on the interface it is meant for";
const ON_THE_ADDRESS = "use ip(8): ip address change ADDRESS dev INTERFACE";

const because = (why: string, ...names: string[]): RefusedWord[] => names.map((name) => ({ name, why }));

/** Each word with its reason, which follows the word in the message. */
export const REFUSED_WORDS: readonly RefusedWord[] = [
  ...because(
    "Linux has no route labels; mark routes with a protocol or a table: ip route add ... proto N, table N",
    "rtlabel",
    "-rtlabel",
  ),
  ...because(
    "nobody hands out addresses in a tunnel; write the address, and keep the kernel from autoconfiguring with sysctl net.ipv6.conf.INTERFACE.autoconf=0",
    "autoconf",
    "-autoconf",
    "dhcp",
    "autoconfprivacy",
    "-autoconfprivacy",
    "temporary",
    "-temporary",
    "soii",
    "-soii",
    "inet6autoconf",
  ),
  ...because(`${ON_THE_ADDRESS} preferred_lft SECONDS valid_lft SECONDS`, "pltime", "vltime"),
  ...because(
    "Linux sets it when the kernel forwards; join with a program that listens on the address",
    "anycast",
    "-anycast",
  ),
  ...because("duplicate addresses are not looked for in a tunnel", "tentative", "-tentative"),
  ...because(
    NO_LINK_LAYER,
    "arp",
    "-arp",
    "staticarp",
    "-staticarp",
    "lladdr",
    "media",
    "-mediaopt",
    "mediaopt",
    "mode",
    "instance",
    "wol",
    "-wol",
  ),
  ...because("Linux queues by tc(8): tc qdisc add dev INTERFACE root prio", "llprio"),
  ...because("use tcpdump(8) on the interface; it needs no mode", "monitor", "-monitor"),
  ...because(
    "Linux has no such flags; offloads are named in the status",
    "link0",
    "-link0",
    "link1",
    "-link1",
    "link2",
    "-link2",
  ),
  ...because(
    "offloads are chosen when the interface is created; the status names them",
    "tcplro",
    "-tcplro",
    "lro",
    "-lro",
    "hwfeatures",
  ),
  ...because("MPLS is not carried by WireGuard; use ip(8): ip link set", "mpls", "-mpls"),
  ...because(
    "a wg interface is not shared between machines",
    "carpdev",
    "vhid",
    "advbase",
    "advskew",
    "carppeer",
    "pass",
    "state",
  ),
  ...because(NOT_WG, "nwid", "nwkey", "wpakey", "wpa", "chan", "bssid", "txpower", "join", "scan", "powersave"),
  ...because(NOT_WG, "vnetid", "-vnetid", "parent", "-parent", "vlan", "vlandev", "patch", "-patch", "rdomainid"),
  ...because(
    NOT_WG,
    "add",
    "del",
    "addlocal",
    "blocknonip",
    "protected",
    "stp",
    "static",
    "maxaddr",
    "trunkport",
    "-trunkport",
    "trunkproto",
  ),
  ...because(
    "the endpoint of a peer is set with wgendpoint",
    "tunnel",
    "-tunnel",
    "deletetunnel",
    "tunneladdr",
    "tunnelttl",
  ),
  ...because("the UDP socket's routing domain is set with wgrtable", "tunneldomain", "-tunneldomain"),
  ...because("keepalives are sent with wgpka, for each peer", "keepalive", "-keepalive"),
  ...because(
    "pf(4) is not on Linux; use nft(8)",
    "syncdev",
    "syncpeer",
    "defer",
    "maxupd",
    "flowsrc",
    "flowdst",
    "pflowproto",
  ),
  ...because("a peer's endpoint is forgotten with -wgpeer; there is no word to unset it", "-wgendpoint"),
  ...because("set 0 to switch it off: wgpka 0", "-wgpka"),
  ...because("the ranges of a line take the place of all the peer had; there is no word to remove one", "-wgaip"),
  ...because("set 0 for the domain the interface was created in: wgrtable 0", "-wgrtable"),
  ...because("set 0 for a free port: wgport 0", "-wgport"),
  ...because("a wg interface without a key is made by creating it without wgkey", "-wgkey"),
];
