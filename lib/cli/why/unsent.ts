/**
 * Why the kernel of this machine does not send the datagrams to a peer: by the errno of the send.
 * @module
 */
import type { Evidence } from "../../base/evidence.ts";
import type { PeerView } from "./facts.ts";
import { often, type Verdict } from "./verdict.ts";

/** Cause, sentence, what is likely, what to do, by the name of the errno. */
const REASONS: Readonly<Record<string, readonly [string, string, string, string]>> = {
  ENETUNREACH: [
    "no-route",
    "This machine has no route to",
    "the network is not up, or the default route is missing",
    "route -n show; route add default GATEWAY",
  ],
  EHOSTUNREACH: [
    "route-unreachable",
    "A route of this machine says `unreachable` for",
    "a route of type unreachable (reject), or a gateway that is not there",
    "ip route get ADDRESS; ip rule",
  ],
  EACCES: [
    "route-prohibited",
    "A route or rule of this machine prohibits",
    "a route or rule of type prohibit, or the address is a broadcast address",
    "ip route get ADDRESS; ip rule",
  ],
  EINVAL: [
    "route-blackhole",
    "A route of this machine drops what goes to",
    "a route or rule of type blackhole",
    "ip route get ADDRESS; ip rule",
  ],
  EPERM: [
    "refused-by-own-firewall",
    "The firewall of this machine refuses datagrams to",
    "a rule of nftables or iptables in the chain output",
    "nft list ruleset; iptables -S OUTPUT",
  ],
  EAFNOSUPPORT: [
    "no-such-family",
    "This machine has no socket for the address family of",
    "IPv6 is switched off here",
    "sysctl net.ipv6.conf.all.disable_ipv6, then restart the interface",
  ],
  ENETDOWN: [
    "network-down",
    "The interface is down by which packets go to",
    "a network interface of this machine is down",
    "ip link",
  ],
  EMSGSIZE: [
    "too-big",
    "The datagrams are longer than the path takes, to",
    "the MTU of the tunnel is too large",
    "wg mtu; ifconfig NAME mtu 1280",
  ],
  ENOBUFS: [
    "no-memory",
    "The kernel has no room for datagrams to",
    "the queue of a network interface is full",
    "ip -s link",
  ],
};

/** The verdict for datagrams that the kernel did not send. */
export function unsentReason(view: PeerView, failed: Evidence, what: string): Verdict {
  const [cause, sentence, likely, next] = REASONS[failed.detail] ??
    ["unsent", "The kernel does not send to", "see the error", "ip route get ADDRESS"];
  const address = failed.who.replace(/^\[?([^\]%]*?)(?:%\d+)?\]?:\d+$/, "$1");
  return {
    cause,
    level: "broken",
    says: `${sentence} ${failed.who}.`,
    evidence: [`sendmsg of ${what} fails with ${failed.detail}: ${often(failed)}`],
    likely: [likely],
    next: [next.replace("ADDRESS", address).replace("NAME", view.facts.name)],
  };
}
