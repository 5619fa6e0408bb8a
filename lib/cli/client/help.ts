/**
 * The help of `wg client`.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `client`. */
export const CLIENT_MANUAL: Manual = {
  name: "client",
  usage: [
    "add [option ...] [interface] name",
    "list [--json] [interface]",
    "show [--json] [interface] name",
    "remove | disable | enable [interface] name",
    "expire [interface] name date | never",
  ],
  about: [
    "Looks after the clients of an interface that is their server. The running interface and its " +
    "file are changed together: NAME.conf in /etc/wireguard or /etc/hostname.NAME, or the file " +
    "from which the interface was started. Only lines of the client are edited. Without the name " +
    "of an interface there must be one only.",
  ],
  lists: [
    {
      heading: "Subcommands",
      rows: [
        [
          "add",
          "Make keys for a client, give it the next free addresses of the interface's networks, " +
          "add it as a peer, and print its configuration. The private key is in nothing but that.",
        ],
        ["list", "List the clients: addresses, last handshake, and whether one is disabled."],
        ["show", "Show one client. Instead of its name its public key may be given."],
        ["remove", "Remove a client from the interface and the file."],
        [
          "disable",
          "Disable a client: it stays configured and takes part in nothing, also after a restart.",
        ],
        ["enable", "Enable a client again."],
        [
          "expire",
          "Disable a client from a date on, as 2026-12-31 (00:00 UTC) or 2026-12-31T18:00Z.",
        ],
      ],
    },
    {
      heading: "Options of add",
      rows: [
        ["-o file", "Write the configuration into a new file with mode 0600."],
        ["--qr", "Print the configuration as a QR code."],
        ["--png file", "Write the QR code into a new PNG file with mode 0600."],
        ["--svg file", "Write the QR code into a new SVG file with mode 0600."],
        [
          "--endpoint host[:port]",
          "Where the client reaches the interface. By default the address with which this " +
          "machine sends to the internet, and the port of the interface.",
        ],
        [
          "--allowed-ips range,...",
          "What the client sends through the tunnel; by default the interface's networks.",
        ],
        [
          "--all",
          "Everything the client sends goes through the tunnel. This machine must forward it.",
        ],
        ["--dns address | domain,...", "Name servers and search domains of the client."],
        [
          "--address address,...",
          "Addresses of the client in place of the next free ones.",
        ],
        ["--expires date", "As expire."],
        ["--keepalive seconds", "The client's keepalive, which keeps a NAT open; 25, or 0."],
        ["--mtu bytes", "The client's MTU; by default that of the interface if it is not 1420."],
        ["--no-psk", "No preshared key."],
      ],
    },
    {
      heading: "Options",
      rows: [
        ["--file file", "The file of the interface."],
        ["--no-file", "Change the running interface only."],
        ["--json", "Print values for programs."],
      ],
    },
  ],
  notes: [
    "The server keeps no private key of a client. If the configuration is lost, remove the client " +
    "and add it again.",
  ],
  literals: ["add", "list", "show", "remove", "disable", "enable", "expire", "never"],
};
