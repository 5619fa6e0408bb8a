/**
 * The help of `wg mtu`.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `mtu`. */
export const MTU_MANUAL: Manual = {
  name: "mtu",
  usage: ["[--json] [--to address] interface peer"],
  about: [
    "Finds the largest packet that passes to a peer, which is named by its description or its " +
    "public key. Echo requests of several sizes go through the tunnel to an address of the peer, " +
    "and any peer that answers ping will do. Datagrams to its endpoint, which must not be " +
    "fragmented, find the MTU that routers on the path tell by ICMP.",
    "The advice is the smaller of both, and none below 1280, which IPv6 requires. The exit status " +
    "is 0 if the interface's MTU is right, and 1 if it is not, or if nothing was answered through " +
    "the tunnel, so that it is unknown; `fits` is null then.",
    "`ifconfig interface mtu auto` lets the MTU follow what the paths to all peers tell.",
  ],
  lists: [
    {
      heading: "Options",
      rows: [
        [
          "--to address",
          "The address inside the tunnel that is asked; by default the peer's first range of one " +
          "address. It must be in a range of the peer.",
        ],
        ["--json", "Print values for programs."],
      ],
    },
  ],
  notes: [
    "Echo requests require root, or CAP_NET_RAW, unless net.ipv4.ping_group_range allows them. " +
    "Messages of ICMP can be forged, so the advice is never below 1280.",
  ],
  literals: [],
};
