import assert from "node:assert/strict";
import type { PresharedKey, PrivateKey, PublicKey } from "../../lib/base/brands.ts";
import type { DeviceStatus, PeerStatus } from "../../lib/base/config.ts";
import { COUNTERS, type Counts, PEER_COUNTERS } from "../../lib/base/counters.ts";
import { parseIp } from "../../lib/base/ip_text.ts";
import type { ShownAddress, ShownInterface } from "../../lib/cli/ifconfig/status_text.ts";
import {
  formatFlags,
  formatInterface,
  interfaceJson,
  openbsdFlags,
} from "../../lib/cli/ifconfig/status_text.ts";
import { KEY, KEY2, KEY3 } from "./sources.ts";

/** Linux's flags of a TUN device that is up: UP POINTOPOINT RUNNING NOARP MULTICAST LOWER_UP. */
const TUN_UP = 0x110d1;

const ip = (text: string) => parseIp(text)!;
const address = (text: string, prefix: number, rest: Partial<ShownAddress> = {}): ShownAddress => ({
  family: text.includes(":") ? "inet6" : "inet",
  address: ip(text),
  prefix,
  broadcast: undefined,
  destination: undefined,
  flags: [],
  ...rest,
});

function shown(change: Partial<ShownInterface> = {}): ShownInterface {
  return {
    name: "wg1",
    link: { index: 5, flags: TUN_UP, mtu: 1420, description: "", lladdr: new Uint8Array(0) },
    place: 0,
    debug: false,
    priority: 0,
    mtuAuto: false,
    groups: ["wg"],
    wg: { listenPort: 7111, rtable: 0, publicKey: undefined, peers: [] },
    engine: {
      pid: 12,
      suite: "noble",
      cipher: "noble",
      offloads: "",
      offloadsOff: "",
      privileges: "",
      privilegesMissing: "",
      lookUpsPid: 0,
      workers: 2,
      fwmark: 0x10,
    },
    addresses: [],
    ...change,
  };
}

const all = { peers: true, nowSeconds: 1_700_000_030.9 };

function peer(key: string): PeerStatus {
  return {
    publicKey: Uint8Array.fromBase64(key) as PublicKey,
    presharedKey: new Uint8Array(32) as PresharedKey,
    endpoint: undefined,
    persistentKeepalive: 0,
    allowedIps: [],
    description: "",
    txBytes: 0,
    rxBytes: 0,
    lastHandshakeUnixMs: 0,
  };
}

/** Everything set, the private key too, as the daemon tells it to root. */
function fullInterface(): DeviceStatus {
  const full: PeerStatus = {
    ...peer(KEY2),
    presharedKey: Uint8Array.fromBase64(KEY3) as PresharedKey,
    persistentKeepalive: 25,
    endpoint: { address: ip("127.0.0.1"), port: 7222, scope: 0 },
    txBytes: 532,
    rxBytes: 2 ** 40,
    lastHandshakeUnixMs: 1_700_000_000_000.005,
    description: "the other one",
    allowedIps: [{ address: ip("192.168.5.2"), prefix: 32 }, { address: ip("::"), prefix: 0 }],
  };
  return {
    listenPort: 7111,
    rtable: 4,
    fwmark: 0,
    debug: false,
    publicKey: Uint8Array.fromBase64(KEY) as PublicKey,
    privateKey: Uint8Array.fromBase64(KEY3) as PrivateKey,
    peers: [full, peer(KEY3)],
  };
}

Deno.test("everything set, byte for byte", () => {
  const text = formatInterface(
    shown({
      place: 1,
      debug: true,
      priority: 20,
      groups: ["wg", "office"],
      link: {
        index: 5,
        flags: TUN_UP,
        mtu: 1380,
        description: "my tunnel",
        lladdr: new Uint8Array(0),
      },
      wg: fullInterface(),
      addresses: [
        address("192.168.5.1", 24, { broadcast: ip("192.168.5.255") }),
        address("10.0.0.1", 32, { destination: ip("10.0.0.2") }),
        address("fe80::1", 64),
        address("fd00::1", 64, { flags: ["tentative"] }),
      ],
    }),
    all,
  );
  assert.equal(
    text,
    `wg1: flags=80c7<UP,BROADCAST,DEBUG,RUNNING,NOARP,MULTICAST> rdomain 1 mtu 1380
\tdescription: my tunnel
\tindex 5 priority 20 llprio 3
\twgport 7111
\twgrtable 4
\twgpubkey ${KEY}
\twgpeer ${KEY2}
\t\twgdescr: the other one
\t\twgpsk (present)
\t\twgpka 25 (sec)
\t\twgendpoint 127.0.0.1 7222
\t\ttx: 532, rx: 1099511627776
\t\tlast handshake: 30 seconds ago
\t\twgaip 192.168.5.2/32
\t\twgaip ::/0
\twgpeer ${KEY3}
\t\ttx: 0, rx: 0
\tgroups: wg office
\tinet 192.168.5.1 netmask 0xffffff00 broadcast 192.168.5.255
\tinet 10.0.0.1 --> 10.0.0.2 netmask 0xffffffff
\tinet6 fe80::1%wg1 prefixlen 64 scopeid 0x5
\tinet6 fd00::1 prefixlen 64 tentative
`,
  );
});

Deno.test("a disabled peer is shown with the reason, the time and its date", () => {
  const wg = fullInterface();
  const [first, second] = wg.peers;
  const disabled = { reason: "quota", sinceUnixMs: 1_798_675_200_000 } as const;
  const peers = [{ ...first, disabled }, { ...second, expiresUnixMs: 1_798_675_200_000 }];
  const text = formatInterface(shown({ wg: { ...wg, peers } }), all);
  assert.match(
    text,
    /wgdescr: the other one\n\t\twgdisabled \(its quota is used up, since 2026-12-31T00:00:00Z\)\n/,
  );
  assert.match(text, /\t\twgexpires 2026-12-31T00:00:00Z\n/);
  const json = interfaceJson(shown({ wg: { ...wg, peers } }), all);
  const [one, two] = json.wgpeers as Record<string, unknown>[];
  assert.deepEqual(one.wgdisabled, { reason: "quota", sinceUnix: 1_798_675_200 });
  assert.deepEqual([two.wgdisabled, two.wgexpiresUnix], [undefined, 1_798_675_200]);
});

Deno.test("the header that the manual's readers know", () => {
  assert.equal(
    formatInterface(shown(), all),
    "wg1: flags=80c3<UP,BROADCAST,RUNNING,NOARP,MULTICAST> mtu 1420\n\tindex 5 priority 0 llprio 3\n\twgport 7111\n\tgroups: wg\n",
  );
  assert.match(
    formatInterface(shown({ place: "blue" }), all),
    /^wg1: flags=\S+ netns blue mtu 1420\n/,
  );
});

Deno.test("flags: a wg link is a broadcast interface, every other shows what it is", () => {
  assert.equal(openbsdFlags(TUN_UP, { wg: true, debug: false }), 0x80c3);
  assert.equal(openbsdFlags(0x1090, { wg: true, debug: false }), 0x8082);
  assert.equal(openbsdFlags(TUN_UP, { wg: false, debug: false }), 0x80d1);
  assert.equal(
    formatFlags(openbsdFlags(0x10049, { wg: false, debug: false })),
    "49<UP,LOOPBACK,RUNNING>",
  );
  assert.equal(formatFlags(0), "0");
});

Deno.test("peers are shown only when they are asked for, addresses of one family when it is named", () => {
  const whole = shown({
    wg: fullInterface(),
    addresses: [address("10.0.0.1", 8), address("fd00::1", 64)],
  });
  assert.ok(!formatInterface(whole, { ...all, peers: false }).includes("wgpeer"));
  const inet6 = formatInterface(whole, { ...all, family: "inet6" });
  assert.ok(inet6.includes("inet6 fd00::1") && !inet6.includes("inet 10"));
});

Deno.test("hwfeatures adds what runs", () => {
  const text = formatInterface(shown(), { ...all, features: true });
  assert.match(
    text,
    /\n\tcrypto: noble, packets noble\n\toffloads: none\n\tworkers: 2, one each way\n\tfwmark 0x10\n\tpid 12\n$/,
  );
});

Deno.test("offloads: those that run and those that were switched off, in both forms", () => {
  const { engine } = shown();
  const one = shown({ engine: { ...engine!, offloads: "tso gso", offloadsOff: "uso gro" } });
  assert.match(
    formatInterface(one, { ...all, features: true }),
    /\n\toffloads: tso gso; switched off: uso gro\n/,
  );
  assert.ok(!formatInterface(one, all).includes("tso"));
  assert.deepEqual(interfaceJson(one, all).engine, one.engine);
  const none = shown({ engine: { ...engine!, offloadsOff: "tso uso gso gro" } });
  assert.match(
    formatInterface(none, { ...all, features: true }),
    /\n\toffloads: none; switched off: tso uso gso gro\n/,
  );
});

Deno.test("counters: those that are not 0 with hwfeatures, all of them as values", () => {
  const wg = fullInterface();
  const counters = { tx_no_peer: 2 ** 53, tun_reads: 0, rx_replayed: 3 };
  const one = shown({
    wg: { ...wg, peers: [{ ...wg.peers[0], counters: { rx_replayed: 3 } }, wg.peers[1]] },
    counters,
  });
  const text = formatInterface(one, { ...all, features: true });
  assert.match(text, /\n\tpid 12\n\ttx_no_peer 9007199254740992\n\trx_replayed 3\n$/);
  assert.match(
    text,
    /\n\t\twgaip ::\/0\n\t\trx_replayed 3\n\twgpeer [^\n]+\n(\t\t(?!rx_)[^\n]+\n)+\tgroups/,
  );
  assert.ok(!formatInterface(one, all).includes("rx_replayed"));

  const json = interfaceJson(one, all);
  const told = json.counters as Counts;
  assert.deepEqual(Object.keys(told), COUNTERS.map(([name]) => name));
  assert.deepEqual([told.tx_no_peer, told.tun_reads, told.rx_opened], [2 ** 53, 0, 0]);
  const [first, second] = (json.wgpeers as { counters: Counts }[]).map((peer) => peer.counters);
  for (const counters of [first, second]) assert.deepEqual(Object.keys(counters), PEER_COUNTERS);
  assert.deepEqual([first.rx_replayed, second.rx_replayed, first.rx_expired], [3, 0, 0]);
  assert.equal(
    interfaceJson(shown(), all).counters,
    undefined,
    "another implementation's daemon tells none",
  );
});

Deno.test("a clock that was set back shows no handshake in the future", () => {
  assert.match(
    formatInterface(shown({ wg: fullInterface() }), { peers: true, nowSeconds: 5 }),
    /last handshake: 0 seconds ago/,
  );
});

Deno.test("the name of an endpoint is on a line of its own, which can be pasted", () => {
  const endpointName = { host: "vpn.example.org", port: 7222, addresses: [ip("::1")], problem: "" };
  const endpoint = { address: ip("192.0.2.1"), port: 7222, scope: 0 };
  const problem = "Temporary failure in name resolution";
  const cases: [Partial<PeerStatus>, string][] = [
    [{ endpoint, endpointName }, "address: 192.0.2.1 7222"],
    [{ endpointName }, "address: being looked up"],
    [
      { endpointName: { ...endpointName, problem } },
      `address: none; the name does not resolve: ${problem}`,
    ],
    [
      { endpoint, endpointName: { ...endpointName, problem } },
      `address: 192.0.2.1 7222; the name does not resolve: ${problem}`,
    ],
  ];
  for (const [change, line] of cases) {
    const wg = { ...fullInterface(), peers: [{ ...peer(KEY2), ...change }] };
    const text = formatInterface(shown({ wg }), all);
    assert.ok(text.includes(`\t\twgendpoint vpn.example.org 7222\n\t\t${line}\n`), text);
  }
  const wg = { ...fullInterface(), peers: [{ ...peer(KEY2), endpoint, endpointName }] };
  const [json] = interfaceJson(shown({ wg }), all).wgpeers as Record<string, unknown>[];
  assert.deepEqual(json.wgendpoint, { address: "192.0.2.1", port: 7222 });
  assert.deepEqual(json.wgendpointName, {
    host: "vpn.example.org",
    port: 7222,
    addresses: ["::1"],
  });
});

Deno.test("who is not root sees port and rtable", () => {
  const wg = { listenPort: 7111, rtable: 2, publicKey: undefined, peers: [] };
  const text = formatInterface(shown({ wg, place: undefined }), all);
  assert.match(text, /^wg1: flags=\S+ mtu 1420\n/);
  assert.match(text, /\twgport 7111\n\twgrtable 2\n\tgroups/);
});

Deno.test("neither form holds a private or preshared key", () => {
  const secret = shown({ wg: { ...fullInterface(), peers: [fullInterface().peers[0]] } });
  const json = JSON.stringify(interfaceJson(secret, all));
  for (const text of [formatInterface(secret, { ...all, features: true }), json]) {
    assert.ok(!text.includes(KEY3.slice(0, 12)));
  }
  assert.deepEqual(JSON.parse(json).wgpeers[0], {
    wgpeer: KEY2,
    wgdescr: "the other one",
    wgpsk: true,
    wgpka: 25,
    wgendpoint: { address: "127.0.0.1", port: 7222 },
    tx: 532,
    rx: 2 ** 40,
    lastHandshakeUnix: 1_700_000_000,
    wgaip: ["192.168.5.2/32", "::/0"],
  });
});
