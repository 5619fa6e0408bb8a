/**
 * The help of set.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `set`, for wg(8) and the help. */
export const SET_MANUAL: Manual = {
  name: "set",
  usage: ["interface word ..."],
  about: [
    "Changes an interface. All words of a line are one change, which is made whole or not at all. " +
    "What no word names stays. A public key selects the peer of the words after it; a peer that " +
    "does not exist is added.",
  ],
  lists: [{
    heading: "Words of the interface",
    rows: [
      ["listen-port port", "The UDP port, a number or a service's name. 0 picks a free port."],
      [
        "fwmark mark",
        "The firewall mark of the tunnel's datagrams: a number, 0x and hexadecimal " +
        "digits, or off.",
      ],
      [
        "private-key file",
        "The private key, in base64 in a file. - is standard input. An empty " +
        "file, as /dev/null, removes the key.",
      ],
    ],
  }, {
    heading: "Words of a peer",
    rows: [
      [
        "peer publickey",
        "Select the peer with this public key. The description of a peer selects it too, if no " +
        "other peer has the same one.",
      ],
      ["remove", "Remove the peer."],
      ["preshared-key file", "The preshared key, as private-key."],
      [
        "endpoint host:port",
        "The address of the peer, or the name of its host, and its UDP port. " +
        "An IPv6 address is between [ and ].",
      ],
      [
        "persistent-keepalive seconds",
        "Send a keepalive when no packet passed for so long, 1 to " +
        "65535. 0 or off turns this off.",
      ],
      [
        "allowed-ips list",
        "The ranges of the peer, with commas between them. They replace the " +
        "present ones, and an empty list removes all. A range with + before it is added and one " +
        "with - is removed; the others stay then.",
      ],
    ],
  }],
  notes: [
    "An interface of this program keeps the name of an endpoint and looks it up again when that is " +
    "needed. For other interfaces the name is looked up once; if no name server answers, " +
    "WG_ENDPOINT_RESOLUTION_RETRIES times more (15, or infinity).",
  ],
  literals: [
    "listen-port",
    "fwmark",
    "private-key",
    "peer",
    "remove",
    "preshared-key",
    "endpoint",
    "persistent-keepalive",
    "allowed-ips",
  ],
};
