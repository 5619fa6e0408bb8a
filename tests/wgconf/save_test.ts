/** A running interface written into its file: what is the same stays, byte by byte. */
import assert from "node:assert/strict";
import type { DeviceStatus, PeerStatus } from "../../lib/base/config.ts";
import { parseRange } from "../../lib/base/ip_text.ts";
import { parseQuickConfig } from "../../lib/wgconf/quick.ts";
import { savedText, type SavedValues } from "../../lib/wgconf/save.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const text = (byte: number) => key(byte).toBase64();
const range = (words: string) => parseRange(words) ?? assert.fail(words);

const FILE = `# my file
[Interface] # of this machine
Address = 10.0.0.1/24   # first
PrivateKey = ${text(1)}
ListenPort = 7111
PostUp = echo %i

# Ann
[Peer]
publickey=${text(2)}
AllowedIPs = 10.0.0.2/32
AllowedIPs = 10.0.1.0/24, 10.0.2.0/24
Endpoint = ann.example.org:51820

# Bob
[Peer]
PublicKey = ${text(3)}
PresharedKey = ${text(9)} # shared
AllowedIPs = 0.0.0.0/0, !128.0.0.0/1
# the end
`;

const NONE = key(0);
const peer = (byte: number, more: Partial<PeerStatus>): PeerStatus => ({
  publicKey: key(byte) as PeerStatus["publicKey"],
  presharedKey: NONE as PeerStatus["presharedKey"],
  endpoint: undefined,
  persistentKeepalive: 0,
  allowedIps: [],
  description: "",
  txBytes: 0,
  rxBytes: 0,
  lastHandshakeUnixMs: 0,
  ...more,
});
const ANN = peer(2, {
  allowedIps: ["10.0.2.0/24", "10.0.0.2/32", "10.0.1.0/24"].map(range),
  endpoint: { address: Uint8Array.of(192, 0, 2, 1), port: 51820, scope: 0 },
  endpointName: { host: "Ann.example.org", port: 51820, addresses: [], problem: "" },
});
const BOB = peer(3, {
  presharedKey: key(9) as PeerStatus["presharedKey"],
  allowedIps: [range("0.0.0.0/1")],
});

function saved(
  change: Partial<SavedValues>,
  status: Partial<DeviceStatus> = {},
  file = FILE,
): string {
  const bytes = new TextEncoder().encode(file);
  const config = parseQuickConfig(bytes, { file: "wg0.conf" });
  assert.deepEqual(config.problems, []);
  const whole = {
    privateKey: key(1),
    publicKey: undefined,
    listenPort: 7111,
    fwmark: 0,
    rtable: 0,
    debug: false,
    peers: [ANN, BOB],
    ...status,
  } as DeviceStatus;
  const crlf = file.includes("\r\n") ? "\r\n" : "\n";
  const addresses = [{ address: Uint8Array.of(10, 0, 0, 1), prefix: 24 }];
  const values = { status: whole, addresses, mtu: 1420, fwmark: 0, ...change };
  return new TextDecoder().decode(savedText(config, values, crlf));
}

Deno.test("an interface as in its file leaves the file as it is", () => {
  assert.equal(saved({}), FILE);
  // The interface reports its private key without the bits that Curve25519 ignores.
  const clamped = key(1).with(0, 0).with(31, 0x41) as DeviceStatus["privateKey"];
  assert.equal(saved({}, { privateKey: clamped }), FILE);
  assert.equal(saved({}, {}, FILE.replaceAll("\n", "\r\n")), FILE.replaceAll("\n", "\r\n"));
});

Deno.test("only lines whose values differ are written anew, in their place", () => {
  assert.equal(
    saved({ fwmark: 0x51 }, {
      listenPort: 7222,
      privateKey: key(5) as DeviceStatus["privateKey"],
      peers: [{ ...ANN, persistentKeepalive: 25, allowedIps: [range("10.0.0.2/32")] }, {
        ...BOB,
        presharedKey: key(8) as PeerStatus["presharedKey"],
        endpoint: { address: Uint8Array.of(192, 0, 2, 3), port: 9, scope: 0 },
      }],
    }),
    FILE.replace("ListenPort = 7111", "ListenPort = 7222").replace(text(1), text(5))
      .replace("PostUp = echo %i\n", "PostUp = echo %i\nFwMark = 0x51\n")
      .replace(/AllowedIPs = 10.0.0.2.*\n.*\n/, "AllowedIPs = 10.0.0.2/32\n")
      .replace("Endpoint = ann.example.org:51820\n", "$&PersistentKeepalive = 25\n")
      .replace(`${text(9)} # shared`, `${text(8)} # shared`)
      .replace("!128.0.0.0/1\n", "$&Endpoint = 192.0.2.3:9\n"),
  );
});

Deno.test("the name of an endpoint stays until another endpoint was set", () => {
  const { endpointName: _, ...byAddress } = ANN;
  const name = "Endpoint = ann.example.org:51820";
  const address = FILE.replace(name, "Endpoint = 192.0.2.1:51820");
  assert.equal(saved({}, { peers: [byAddress, BOB] }), address);
  const named = FILE.replace(name, "Endpoint = Ann.example.org:51820");
  assert.equal(saved({}, {}, address), named);
});

Deno.test("addresses and an MTU that differ replace those of the file", () => {
  const two = [
    { address: Uint8Array.of(10, 0, 0, 7), prefix: 24 },
    { address: Uint8Array.of(10, 9, 0, 1), prefix: 32 },
  ];
  const first = "Address = 10.0.0.7/24 # first\nAddress = 10.9.0.1/32 # first\n";
  assert.equal(saved({ addresses: two }), FILE.replace(/Address = .*\n/, first));
  // A file without an MTU has it chosen at every `up`.
  assert.equal(saved({ mtu: 1300 }), FILE);
  const withMtu = FILE.replace("ListenPort", "MTU = 1400\nListenPort");
  assert.equal(saved({ mtu: 1300 }, {}, withMtu), withMtu.replace("1400", "1300"));
});

Deno.test("a peer that is gone goes with its comment, a new one stands at the end", () => {
  assert.equal(
    saved({}, { peers: [BOB, peer(4, { allowedIps: [range("fd00::/64")], description: "Cy" })] }),
    FILE.replace(/# Ann\n[^]*(?=# Bob)/, "") +
      `\n[Peer] # Cy\nPublicKey = ${text(4)}\nAllowedIPs = fd00::/64\n`,
  );
});

Deno.test("a file without [Interface] gets one, and the result is read back", () => {
  const result = saved({}, {}, `[Peer]\nPublicKey = ${text(2)}\n`);
  const again = parseQuickConfig(new TextEncoder().encode(result), { file: "wg0.conf" });
  assert.deepEqual(again.problems, []);
  assert.equal(again.interface.listenPort, 7111);
  assert.equal(again.peers.length, 2);
  assert.equal(saved({}, {}, result), result);
});
