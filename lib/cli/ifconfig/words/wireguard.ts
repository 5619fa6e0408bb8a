/**
 * The words of ifconfig for WireGuard. The words of a line make one DeviceChange. Peer words fill
 * the change of the peer that the last `wgpeer` selected.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../../../base/brands.ts";
import {
  DESCRIPTION_SIZE,
  KEY_LENGTH,
  PERSISTENT_KEEPALIVE_MAX_S,
  RDOMAIN_MAX,
} from "../../../base/constants.ts";
import { WORKERS_MAX } from "../../../base/data_planes.ts";
import { parseDate } from "../../../base/date_text.ts";
import { ConfigError } from "../../../base/errors.ts";
import { isHostName } from "../../../base/host_name.ts";
import { isMapped } from "../../../base/ip_text.ts";
import { findPeer, keyOfWord } from "../../../base/peer_name.ts";
import { checkDescription } from "../../../base/labels.ts";
import { quote } from "../../../base/quote.ts";
import { parseFwMark } from "../../../wgconf/values.ts";
import type { Draft, Word } from "./draft.ts";
import { parseAddressWithZone, parseAllowedRange, parseKeyText, parseNumber } from "./values.ts";

const PEER =
  "a public key in base64, @FILE, - for standard input, or the description of a peer of the interface";

/**
 * Takes a key: base64, `@FILE`, or `-` for standard input. Files and standard input are read after
 * the whole line has been checked.
 */
function readKey(draft: Draft, word: string, text: string, into: (key: Uint8Array) => void): void {
  if (text !== "-" && !text.startsWith("@")) return into(parseKeyText(word, text));
  const file = text.slice(1);
  if (text !== "-" && file === "") throw new ConfigError(word, "@ requires the name of a file");
  if (text === "-") draft.fromStdin = true;
  draft.later.push(async (sources) => {
    const secret = await sources.secret(word, text === "-" ? "stdin" : { file });
    into(parseKeyText(word, secret.trim()));
  });
}

/**
 * Takes the key of a peer as `readKey` does, or the description of a peer that the interface has.
 */
function readPeer(
  draft: Draft,
  word: string,
  text: string,
  into: (publicKey: PublicKey) => void,
): void {
  if (text === "-" || text.startsWith("@") || keyOfWord(text) !== undefined) {
    return readKey(draft, word, text, (key) => into(key as PublicKey));
  }
  draft.later.push(async (sources) => {
    const peers = await sources.peers(draft.name);
    const isNamed = peers.some(({ description }) => description !== "");
    // Without names it can only be a wrong key.
    into(isNamed ? findPeer(word, text, peers).publicKey : parseKeyText(word, text) as PublicKey);
  });
}

export const WIREGUARD_WORDS: readonly Word[] = [
  {
    name: "wgkey",
    operands: ["key"],
    requires: "a private key in base64, @FILE, or - for standard input",
    section: "wireguard",
    help:
      "The private key: 32 random bytes in base64 (openssl rand -base64 32). @FILE reads the key " +
      "from a file, - from standard input. Other users can see a key on the command line.",
    fill(draft, [text], word) {
      readKey(draft, word, text, (key) => draft.change.privateKey = key as PrivateKey);
    },
  },
  {
    name: "wgport",
    operands: ["port"],
    requires: "a port number, 0 to 65535",
    section: "wireguard",
    help: "The UDP port to listen on. 0 picks a free port.",
    fill(draft, [port], word) {
      draft.change.listenPort = parseNumber(word, port, 0, 0xffff);
    },
  },
  {
    name: "wgrtable",
    operands: ["rtable"],
    requires: `a routing domain, 0 to ${RDOMAIN_MAX}`,
    section: "wireguard",
    help: "The routing domain of the tunnel's UDP socket. The default is the one in which the " +
      "interface was created.",
    fill(draft, [rtable], word) {
      draft.change.rtable = parseNumber(word, rtable, 0, RDOMAIN_MAX);
    },
  },
  {
    name: "wgworkers",
    operands: ["number"],
    requires: `a number of Workers, 1 to ${WORKERS_MAX}`,
    section: "wireguard",
    help: `The threads that move packets, 1 to ${WORKERS_MAX}, for an interface that is created. ` +
      "Of several, half send and half receive. The default is 2 with four processors or more, " +
      "otherwise 1, or the number in WG_WORKERS. More than 2 require 46 open files, and 9 for each " +
      "(ulimit -n).",
    fill(draft, [number], word) {
      draft.change.workers = parseNumber(word, number, 1, WORKERS_MAX);
    },
  },
  {
    name: "wgfwmark",
    operands: ["mark"],
    requires: "a mark, 0 to 4294967295, 0x0 to 0xffffffff or off",
    section: "wireguard",
    help:
      "The firewall mark of the tunnel's datagrams (SO_MARK), by which rules of policy routing " +
      "and of packet filters can tell them from other packets. 0 and off mean none.",
    fill(draft, [mark], word) {
      draft.change.fwmark = parseFwMark(word, mark);
    },
  },
  {
    name: "wgpeer",
    operands: ["publickey"],
    requires: PEER,
    section: "wireguard",
    help:
      "Add the peer with this public key, or select it. The peer words that follow apply to it. " +
      "The description of a peer selects it too, if no other peer has the same one.",
    fill(draft, [text], word) {
      const peer = draft.addPeer(false);
      readPeer(draft, word, text, (key) => peer.publicKey = key);
    },
  },
  {
    name: "-wgpeer",
    operands: ["publickey"],
    requires: PEER,
    section: "wireguard",
    help: "Remove this peer.",
    fill(draft, [text], word) {
      const peer = draft.addPeer(true);
      readPeer(draft, word, text, (key) => peer.publicKey = key);
    },
  },
  {
    name: "-wgpeerall",
    operands: [],
    section: "wireguard",
    help: "Remove all peers. Peers of the same line are added afterwards.",
    fill(draft) {
      draft.change.replacePeers = true;
    },
  },
  {
    name: "wgdescription",
    also: ["wgdescr"],
    operands: ["text"],
    requires: `a text of at most ${DESCRIPTION_SIZE - 1} bytes`,
    section: "peer",
    help: `Describe the peer in at most ${DESCRIPTION_SIZE - 1} bytes.`,
    fill(draft, [text], word) {
      draft.peer(word).description = checkDescription(word, text);
    },
  },
  {
    name: "-wgdescription",
    also: ["-wgdescr"],
    operands: [],
    section: "peer",
    help: "Remove the peer's description.",
    fill(draft, _, word) {
      draft.peer(word).description = "";
    },
  },
  {
    name: "wgaip",
    operands: ["address/prefix"],
    requires: "a range, as 192.168.5.0/24 or fd00::/64",
    section: "peer",
    help: "A range of addresses whose packets are sent to the peer and accepted from it. May be " +
      "repeated. The ranges of a line replace all ranges of the peer. A range of another peer " +
      "moves to this one.",
    fill(draft, [text], word) {
      const peer = draft.peer(word);
      const range = parseAllowedRange(word, text);
      peer.replaceAllowedIps = true;
      (peer.allowedIps ??= []).push(range);
    },
  },
  {
    name: "wgendpoint",
    operands: ["host", "port"],
    requires: "a host and a port number, 1 to 65535",
    section: "peer",
    help:
      "The address or host's name of the peer and its UDP port. The endpoint follows a peer that " +
      "moves. A name is looked up again while the peer does not answer.",
    fill(draft, [host, portText], word) {
      const peer = draft.peer(word);
      const port = parseNumber(word, portText, 1, 0xffff);
      const found = parseAddressWithZone(host);
      if (found === undefined && !isHostName(host)) {
        throw new ConfigError(word, `${quote(host)} is neither an address nor a host's name`);
      }
      draft.later.push((sources) => {
        delete peer.endpoint;
        delete peer.endpointName;
        if (found === undefined) {
          peer.endpointName = { host, port };
        } else if (found.address.length === 16 && isMapped(found.address)) {
          peer.endpoint = { address: found.address.slice(12), port, scope: 0 };
        } else {
          const scope = found.zone === undefined ? 0 : sources.interfaceIndex(found.zone);
          if (scope === undefined) {
            throw new ConfigError(word, `${quote(found.zone ?? "")}: no such interface`);
          }
          peer.endpoint = { address: found.address, port, scope };
        }
      });
    },
  },
  {
    name: "wgdisabled",
    operands: [],
    section: "peer",
    help:
      "Disable the peer: it stays configured and takes part in nothing. Its sessions end at once, " +
      "its handshakes are refused, and packets to its ranges go to nobody.",
    fill(draft, _, word) {
      draft.peer(word).disabled = { reason: "hand" };
    },
  },
  {
    name: "-wgdisabled",
    operands: [],
    section: "peer",
    help: "Enable the peer, whether it was disabled by hand or by a quota.",
    fill(draft, _, word) {
      draft.peer(word).disabled = false;
    },
  },
  {
    name: "wgexpires",
    operands: ["date"],
    requires: "a date, as 2026-12-31 or 2026-12-31T18:00Z",
    section: "peer",
    help: "Disable the peer from this date on, by the clock of the machine: a day in UTC, as " +
      "2026-12-31, or a time with its zone, as 2026-12-31T18:00Z or 2026-12-31T18:00+01:00.",
    fill(draft, [date], word) {
      draft.peer(word).expiresUnixMs = parseDate(word, date);
    },
  },
  {
    name: "-wgexpires",
    operands: [],
    section: "peer",
    help: "Remove the peer's date.",
    fill(draft, _, word) {
      draft.peer(word).expiresUnixMs = 0;
    },
  },
  {
    name: "wgpka",
    operands: ["seconds"],
    requires: `a number of seconds, 0 to ${PERSISTENT_KEEPALIVE_MAX_S}`,
    section: "peer",
    help:
      "Send a keepalive when no packet passed in either direction for this many seconds, 0 to " +
      `${PERSISTENT_KEEPALIVE_MAX_S}. Keepalives keep a NAT open. 0 turns them off.`,
    fill(draft, [seconds], word) {
      draft.peer(word).persistentKeepalive = parseNumber(
        word,
        seconds,
        0,
        PERSISTENT_KEEPALIVE_MAX_S,
      );
    },
  },
  {
    name: "wgpsk",
    operands: ["presharedkey"],
    requires: "a preshared key in base64, @FILE, or - for standard input",
    section: "peer",
    help:
      "A secret that is shared with the peer: 32 bytes in base64. It protects against a future " +
      "quantum computer. @FILE reads the key from a file, - from standard input. Other users can " +
      "see a key on the command line.",
    fill(draft, [text], word) {
      const peer = draft.peer(word);
      readKey(draft, word, text, (key) => peer.presharedKey = key as PresharedKey);
    },
  },
  {
    name: "-wgpsk",
    operands: [],
    section: "peer",
    help: "Remove the preshared key.",
    fill(draft, _, word) {
      draft.peer(word).presharedKey = new Uint8Array(KEY_LENGTH) as PresharedKey;
    },
  },
];
