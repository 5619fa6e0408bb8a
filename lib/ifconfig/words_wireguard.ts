/**
 * ifconfig's words of its WIREGUARD section. All of a line become one wg_interface_io; peer words fill the peer of the last `wgpeer`.
 * @module
 */
import { DESCRIPTION_SIZE, PERSISTENT_KEEPALIVE_MAX_S } from "../base/constants.ts";
import { ConfigError } from "../base/errors.ts";
import { RDOMAIN_MAX } from "../uapi/keys.ts";
import { checkDescription, quote } from "../uapi/set.ts";
import type { Draft, Word } from "./command.ts";
import { isHostName, parseAddressWithZone, parseAllowedRange, parseKeyText, parseNumber } from "./values.ts";
import * as W from "./wg_data_io.ts";

const NO_KEY = new Uint8Array(32);

/** Takes a key: base64, `@FILE`, or `-` for standard input; what is not on the line is read once the whole line was found right. */
function takeKey(draft: Draft, word: string, text: string, into: (key: Uint8Array) => void): void {
  if (text !== "-" && !text.startsWith("@")) return into(parseKeyText(word, text));
  const file = text.slice(1);
  if (text !== "-" && file === "") throw new ConfigError(word, "@ wants a file's name behind it");
  if (text === "-") draft.fromStdin = true;
  draft.later.push(async (sources) => {
    const secret = await sources.secret(word, text === "-" ? "stdin" : { file });
    into(parseKeyText(word, secret.trim()));
  });
}

export const WIREGUARD_WORDS: readonly Word[] = [
  {
    name: "wgkey",
    operands: ["key"],
    section: "wireguard",
    help:
      "The private key: 32 random bytes in base64 (openssl rand -base64 32). @FILE reads it from a file, - from standard input: " +
      "on the command line other users may see it.",
    take(draft, [text], word) {
      const device = draft.device;
      device.i_flags |= W.WG_INTERFACE_HAS_PRIVATE;
      takeKey(draft, word, text, (key) => device.i_private = key);
    },
  },
  {
    name: "wgport",
    operands: ["port"],
    section: "wireguard",
    help: "The UDP port to listen on; 0 picks a free one.",
    take(draft, [port], word) {
      draft.device.i_port = parseNumber(word, port, 0, 0xffff);
      draft.device.i_flags |= W.WG_INTERFACE_HAS_PORT;
    },
  },
  {
    name: "wgrtable",
    operands: ["rtable"],
    section: "wireguard",
    help: "The routing domain that the tunnel's UDP socket is in, instead of the one the interface was created in.",
    take(draft, [rtable], word) {
      draft.device.i_rtable = parseNumber(word, rtable, 0, RDOMAIN_MAX);
      draft.device.i_flags |= W.WG_INTERFACE_HAS_RTABLE;
    },
  },
  {
    name: "wgpeer",
    operands: ["publickey"],
    section: "wireguard",
    help: "Make or choose the peer with this public key; the peer words after it are about this one.",
    take(draft, [text], word) {
      const peer = W.emptyPeer(NO_KEY);
      draft.device.i_peers.push(peer);
      draft.selectPeer(peer);
      takeKey(draft, word, text, (key) => peer.p_public = key);
    },
  },
  {
    name: "-wgpeer",
    operands: ["publickey"],
    section: "wireguard",
    help: "Remove this peer.",
    take(draft, [text], word) {
      const peer = W.emptyPeer(NO_KEY);
      peer.p_flags |= W.WG_PEER_REMOVE;
      draft.device.i_peers.push(peer);
      draft.selectPeer(undefined);
      takeKey(draft, word, text, (key) => peer.p_public = key);
    },
  },
  {
    name: "-wgpeerall",
    operands: [],
    section: "wireguard",
    help: "Remove all peers, before those of the same line are made.",
    take(draft) {
      draft.device.i_flags |= W.WG_INTERFACE_REPLACE_PEERS;
    },
  },
  {
    name: "wgdescription",
    also: ["wgdescr"],
    operands: ["text"],
    section: "peer",
    help: `Describe the peer in at most ${DESCRIPTION_SIZE - 1} bytes.`,
    take(draft, [text], word) {
      const peer = draft.peer(word);
      peer.p_description = checkDescription(word, text);
      peer.p_flags |= W.WG_PEER_SET_DESCRIPTION;
    },
  },
  {
    name: "-wgdescription",
    also: ["-wgdescr"],
    operands: [],
    section: "peer",
    help: "Remove the peer's description.",
    take(draft, _, word) {
      const peer = draft.peer(word);
      peer.p_description = "";
      peer.p_flags |= W.WG_PEER_SET_DESCRIPTION;
    },
  },
  {
    name: "wgaip",
    operands: ["address/prefix"],
    section: "peer",
    help:
      "Allow the peer this range, to be sent to it and to come from it. May be repeated. The ranges of a line take the place of all the " +
      "peer had; a range that another peer had moves.",
    take(draft, [text], word) {
      const peer = draft.peer(word);
      const range = parseAllowedRange(word, text);
      peer.p_flags |= W.WG_PEER_REPLACE_AIPS;
      peer.p_aips.push({
        a_af: range.address.length === 4 ? W.AF_INET : W.AF_INET6,
        a_cidr: range.prefix,
        a_addr: range.address,
      });
    },
  },
  {
    name: "wgendpoint",
    operands: ["host", "port"],
    section: "peer",
    help:
      "Where the peer is: an IPv4 or IPv6 address or a host's name, and its UDP port. It follows the peer when that moves.",
    take(draft, [host, portText], word) {
      const peer = draft.peer(word);
      const port = parseNumber(word, portText, 1, 0xffff);
      const found = parseAddressWithZone(host);
      if (found === undefined && !isHostName(host)) {
        throw new ConfigError(word, `${quote(host)}: expected an address or a host's name`);
      }
      peer.p_flags |= W.WG_PEER_HAS_ENDPOINT;
      draft.later.push(async (sources) => {
        if (found === undefined) {
          const [address] = await sources.resolve(word, host, undefined);
          peer.p_endpoint = { address, port, scope: 0 };
        } else {
          const scope = found.zone === undefined ? 0 : sources.interfaceIndex(found.zone);
          if (scope === undefined) throw new ConfigError(word, `${quote(found.zone ?? "")}: no such interface`);
          peer.p_endpoint = { address: found.address, port, scope };
        }
      });
    },
  },
  {
    name: "wgpka",
    operands: ["seconds"],
    section: "peer",
    help: "Send the peer something at least this often, 0 to 43200 s, to keep a NAT open; 0 switches it off.",
    take(draft, [seconds], word) {
      const peer = draft.peer(word);
      peer.p_pka = parseNumber(word, seconds, 0, PERSISTENT_KEEPALIVE_MAX_S);
      peer.p_flags |= W.WG_PEER_HAS_PKA;
    },
  },
  {
    name: "wgpsk",
    operands: ["presharedkey"],
    section: "peer",
    help:
      "A secret shared with the peer, 32 bytes in base64, against a future quantum computer. @FILE reads it from a file, - from standard " +
      "input: on the command line other users may see it.",
    take(draft, [text], word) {
      const peer = draft.peer(word);
      peer.p_flags |= W.WG_PEER_HAS_PSK;
      takeKey(draft, word, text, (key) => peer.p_psk = key);
    },
  },
  {
    name: "-wgpsk",
    operands: [],
    section: "peer",
    help: "Remove the preshared key.",
    take(draft, _, word) {
      const peer = draft.peer(word);
      peer.p_psk = NO_KEY;
      peer.p_flags |= W.WG_PEER_HAS_PSK;
    },
  },
];
