/**
 * The help of show.
 * @module
 */
import type { Manual } from "../manual.ts";
import { FIELDS } from "./text.ts";

/** The manual of `show`, for wg(8) and the help. */
export const SHOW_MANUAL: Manual = {
  name: "show",
  usage: ["[interface | all] [field] [--json]", "interfaces [--json]"],
  about: [
    "Shows the keys, peers and counters of one interface or of all, as wg show of " +
    "wireguard-tools does. With a field it shows one value of the interface, or a line for " +
    "each peer with the peer's key and the value. With all every line begins with the name of " +
    "the interface.",
  ],
  lists: [
    {
      heading: "Fields",
      rows: [
        ["public-key", "The public key of the interface."],
        ["private-key", "The private key of the interface."],
        ["listen-port", "The UDP port."],
        ["fwmark", "The firewall mark of the tunnel's datagrams, or off."],
        ["peers", "The public keys of the peers."],
        ["preshared-keys", "The preshared key of each peer."],
        ["endpoints", "The address and port of each peer."],
        ["allowed-ips", "The allowed IP ranges of each peer."],
        ["latest-handshakes", "The Unix time of each peer's last handshake; 0 for none."],
        ["persistent-keepalive", "The keepalive interval of each peer in seconds, or off."],
        ["transfer", "The bytes received from each peer and sent to it."],
        ["dump", "All fields, in columns separated by tabs."],
      ],
    },
    {
      heading: "Options",
      rows: [["interfaces", "Print the names of the interfaces."], [
        "--json",
        "Print values for programs.",
      ]],
    },
  ],
  notes: [
    "Private and preshared keys are hidden, except in their own fields and in dump. " +
    "WG_HIDE_KEYS=never in the environment shows them. WG_COLOR_MODE is always, never or auto. " +
    "On a terminal and with --json the descriptions of peers are shown too. " +
    "ifconfig wgN shows the same values in its own words, and the addresses.",
  ],
  literals: ["all", "interfaces", ...FIELDS],
};
