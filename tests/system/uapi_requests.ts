/**
 * Requests for uapi_differential_test.ts: the operations of the cross-platform specification with
 * right, odd and wrong lines in any order.
 * @module
 */
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { Chance, filler } from "../random.ts";

/** A private key of a seed, in hexadecimal. */
function keyOf(seed: number): Uint8Array {
  const key = new Uint8Array(32);
  filler(Chance.of(seed))(key);
  return key;
}

const PRIVATE_KEYS = [1, 2].map((seed) => keyOf(seed).toHex());
/** The public keys of the private keys too: an interface is no peer of its own. */
const PUBLIC_KEYS = [1, 2, 3, 4, 5, 6].map((seed) => nobleSuite.publicKey(keyOf(seed)).toHex());
const ZEROS = "00".repeat(32);
const WRONG_KEYS = ["", "00", "zz".repeat(32), `${PUBLIC_KEYS[0]}0`, `${PUBLIC_KEYS[0]}00`];

/** Right values of a key of the text, and values that are refused. */
interface Values {
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

const upperCase = (text: string) => text.toUpperCase();

export const DEVICE_KEYS: Readonly<Record<string, Values>> = {
  private_key: { right: [...PRIVATE_KEYS, ZEROS, upperCase(PRIVATE_KEYS[1])], wrong: WRONG_KEYS },
  listen_port: {
    right: ["51820", "1025", "65535", "51821", "0051822"],
    wrong: ["65536", "-1", "", "x", "1.5", " 51820", "0x50", "99999999999999999999"],
  },
  fwmark: {
    right: ["0", "1", "4294967295", "51820", "007"],
    wrong: ["4294967296", "-1", "", "0x10", "off"],
  },
  replace_peers: { right: ["true"], wrong: ["false", "", "True", "1"] },
};

export const PEER_KEYS: Readonly<Record<string, Values>> = {
  remove: { right: ["true"], wrong: ["false", "", "yes"] },
  update_only: { right: ["true"], wrong: ["false", "", "1"] },
  preshared_key: { right: [PRIVATE_KEYS[0], ZEROS, PUBLIC_KEYS[5]], wrong: WRONG_KEYS },
  endpoint: {
    right: ["192.0.2.1:51820", "[2001:db8::1]:51820", "192.0.2.2:1", "[::1]:65535"],
    wrong: [
      "",
      "192.0.2.1",
      "192.0.2.1:",
      ":51820",
      "192.0.2.1:65536",
      "192.0.2.1:x",
      "2001:db8::1:51820",
      "[2001:db8::1]",
      "[192.0.2.1]:5",
      "192.0.2.256:5",
      "192.0.02.1:5",
      "vpn.example.org:51820",
      "[vpn.example.org]:51820",
    ],
  },
  persistent_keepalive_interval: {
    right: ["0", "25", "65535", "007"],
    wrong: ["65536", "-1", "", "off", "25s"],
  },
  replace_allowed_ips: { right: ["true"], wrong: ["false", ""] },
  allowed_ip: {
    right: [
      "10.0.0.0/8",
      "10.1.2.3/32",
      "10.1.2.3/16",
      "0.0.0.0/0",
      "::/0",
      "fd00::/64",
      "fd00::1/128",
      "2001:db8::ffff/33",
      "192.168.4.0/24",
    ],
    wrong: [
      "",
      "10.0.0.0/33",
      "fd00::/129",
      "10.0.0.0/-1",
      "10.0.0/8",
      "10.0.0.0",
      "fd00::1",
      "10.0.0.0/",
      "/8",
      "10.0.0.0/8/8",
      "10.0.0.0/ 8",
      "fd00::%1/64",
      "x/8",
    ],
  },
  protocol_version: { right: ["1"], wrong: ["0", "2", "", "one"] },
};

/** Keys that the specification does not have, or not there. */
const UNKNOWN_LINES = ["colour=blue", "tx_bytes=5", "errno=0", "last_handshake_time_sec=1", "=1"];

/** A line that is wrong for certain. */
function wrongLine(chance: Chance, inPeer: boolean): string {
  const keys = inPeer ? PEER_KEYS : DEVICE_KEYS;
  const others = inPeer ? DEVICE_KEYS : PEER_KEYS;
  switch (chance.int(6)) {
    case 0:
      return chance.oneOf(UNKNOWN_LINES);
    case 1: {
      // A key of the interface after a peer, or of a peer before the first one.
      const key = chance.oneOf(Object.keys(others));
      return `${key}=${chance.oneOf(others[key].right)}`;
    }
    case 2:
      return inPeer ? `public_key=${chance.oneOf(WRONG_KEYS)}` : "no equals sign";
    default: {
      const key = chance.oneOf(Object.keys(keys));
      return `${key}=${chance.oneOf(keys[key].wrong)}`;
    }
  }
}

function rightLine(chance: Chance, keys: Readonly<Record<string, Values>>): string {
  const key = chance.oneOf(Object.keys(keys));
  return `${key}=${chance.oneOf(keys[key].right)}`;
}

/** The lines of a set, in any order and number, each of which is right. */
export function rightLines(chance: Chance): string[] {
  const lines = Array.from({ length: chance.int(4) }, () => rightLine(chance, DEVICE_KEYS));
  for (let peers = chance.int(5); peers > 0; peers--) {
    lines.push(`public_key=${chance.oneOf(PUBLIC_KEYS)}`);
    for (let more = chance.int(7); more > 0; more--) lines.push(rightLine(chance, PEER_KEYS));
  }
  return lines;
}

/** The lines of a set, one of which is wrong. */
export function wrongLines(chance: Chance): string[] {
  const lines = rightLines(chance);
  const at = chance.int(lines.length + 1);
  const inPeer = lines.slice(0, at).some((line) => line.startsWith("public_key="));
  return [...lines.slice(0, at), wrongLine(chance, inPeer), ...lines.slice(at)];
}
