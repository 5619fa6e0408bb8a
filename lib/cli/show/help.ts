/**
 * The help of show.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What wg(8) and the help say. */
export const SHOW_MANUAL: Manual = {
  name: "show",
  usage: ["[interface | all] [field] [--json]", "interfaces [--json]"],
  about: [
    "Shows the keys, peers and counters of one interface, or of all, as wg(8) of wireguard-tools does. A field " +
    "limits it to one value of the interface, or to one of each peer on a line that begins with the peer's key. " +
    "With all every line begins with the interface.",
  ],
  lists: [
    {
      heading: "Fields",
      rows: [
        ["public-key", "The public key of the interface."],
        ["private-key", "The private key of the interface."],
        ["listen-port", "The UDP port."],
        ["fwmark", "The mark of the tunnel's packets, or off."],
        ["peers", "The public keys of the peers."],
        ["preshared-keys", "The preshared key of each peer."],
        ["endpoints", "Where each peer is."],
        ["allowed-ips", "The ranges of each peer."],
        ["latest-handshakes", "The Unix time of each peer's last handshake; 0 for none."],
        ["persistent-keepalive", "The interval of each peer in seconds, or off."],
        ["transfer", "The bytes received from each peer and sent to it."],
        ["dump", "Everything, in columns separated by tabs."],
      ],
    },
    {
      heading: "Options",
      rows: [["interfaces", "Only the names of the interfaces."], [
        "--json",
        "Print values for programs.",
      ]],
    },
  ],
  notes: [
    "Private and preshared keys are hidden, but for their own fields and dump; with WG_HIDE_KEYS=never in the " +
    "environment they are shown. WG_COLOR_MODE is always, never or auto. ifconfig wgN shows the same with " +
    "OpenBSD's words, and addresses.",
  ],
  literals: [
    "all",
    "interfaces",
    "public-key",
    "private-key",
    "listen-port",
    "fwmark",
    "peers",
    "preshared-keys",
    "endpoints",
    "allowed-ips",
    "latest-handshakes",
    "persistent-keepalive",
    "transfer",
    "dump",
  ],
};
