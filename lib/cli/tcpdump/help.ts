/**
 * The help of tcpdump.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `tcpdump`, for wg(8) and the help. */
export const TCPDUMP_MANUAL: Manual = {
  name: "tcpdump",
  usage: [
    "interface [-c count] [-s snaplen] [--json] [term ...]",
    "interface -w file [-c count] [-s snaplen] [--secrets] [term ...]",
  ],
  about: [
    "Shows or records the packets of an interface: those of the tunnel, decrypted, and the outer " +
    "datagrams with the name of their peer. It ends with Ctrl-C. Packets that the reader does not " +
    "take in time are dropped and counted: the interface never waits for it. One capture runs on " +
    "an interface at a time.",
    "Without terms it prints the packets of the tunnel and the handshake messages of all peers, " +
    "and -w records the outer data messages too. Several peers, or several ranges, are " +
    "alternatives.",
  ],
  lists: [{
    heading: "Options",
    rows: [
      [
        "-w file",
        "Write the packets to a pcapng file, which Wireshark reads; - is the standard output. The " +
        "file is a new one, which only this user can read; one of this name is removed first.",
      ],
      ["-c count", "End after so many packets."],
      ["-s snaplen", "Record at most so many bytes of each packet; 65535 without it."],
      ["--json", "Print an object for each packet, on a line of its own."],
      [
        "--secrets",
        "Write the keys to the file with which Wireshark decrypts the outer datagrams: the " +
        "interface's private key, and the ephemeral and preshared keys of handshakes that are " +
        "made while the capture runs. Only root may. Who has the file can pose as the interface.",
      ],
    ],
  }, {
    heading: "Terms",
    rows: [
      [
        "peer name",
        "Packets of this peer; name is its description or its public key. Received handshake " +
        "messages are shown for all peers, because they tell their sender only when opened.",
      ],
      [
        "net prefix",
        "Packets of the tunnel from or to this range, their datagrams, and handshakes of all peers.",
      ],
      ["host address", "As net, for one address."],
      ["inner", "Only packets of the tunnel."],
      ["outer", "Only outer datagrams, with those of data."],
    ],
  }],
  notes: [],
  literals: ["peer", "net", "host", "inner", "outer"],
};
