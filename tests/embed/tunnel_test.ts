/**
 * Tunnels of a program over real UDP on the loopback: packets, events, peers that come and go,
 * limits, and the end.
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  ConfigError,
  formatKey,
  makePresharedKey,
  makePrivateKey,
  OsError,
  publicKeyOf,
  Tunnel,
  type TunnelOptions,
} from "../../mod.ts";
import { markOf, udpPacket } from "../conformance/packets.ts";
import { eventually } from "../../scripts/running.ts";
import { address4, address6, Pair, side } from "./pair.ts";
import { reported } from "./reported.ts";

// Libraries of the machine that cryptography and clock use stay open for the life of the process:
// opened here, they are not
// taken for what a test left behind.
await side().tunnel.close();

const toRight = (mark: number, length = 64) => udpPacket(address4(1), address4(2), mark, length);
const toLeft = (mark: number, length = 64) => udpPacket(address4(2), address4(1), mark, length);

Deno.test("packets of both families pass both ways unchanged, and both sides hear of one handshake", async () => {
  await using pair = new Pair();
  const { left, right } = pair;
  const sent = [toRight(1), udpPacket(address6(1), address6(2), 2, 1000), toRight(3, 1300)];
  for (const packet of sent) ok(left.tunnel.send(packet));
  await eventually("three packets on the right", () => right.packets.length === 3);
  deepEqual(right.packets, sent);
  const answers = [toLeft(4), udpPacket(address6(2), address6(1), 5, 7)];
  for (const packet of answers) ok(right.tunnel.send(packet));
  await eventually("two packets on the left", () => left.packets.length === 2);
  deepEqual(left.packets, answers);

  const [leftKey, rightKey] = [left, right].map(({ tunnel }) => tunnel.status().publicKey);
  deepEqual(left.handshakes, [{ publicKey: rightKey, initiator: true }]);
  deepEqual(right.handshakes, [{ publicKey: leftKey, initiator: false }]);
  deepEqual(left.endpoints, [], "what the options say is no news");
  const endpoint = `127.0.0.1:${left.tunnel.port}`;
  deepEqual(right.endpoints, [{ publicKey: leftKey, endpoint, before: undefined }]);

  const { peers, counts, ...own } = right.tunnel.status();
  deepEqual([counts.rx_opened, counts.handshake_completed], [3, 1]);
  const { suite, cipher } = own;
  const listen = `127.0.0.1:${right.tunnel.port}`;
  deepEqual(own, { publicKey: rightKey, listen, mtu: 1420, suite, cipher, packetsDropped: 0 });
  const [{ txBytes, rxBytes, lastHandshake, ...peer }] = peers;
  ok(txBytes > 92 && rxBytes > 148 + 1400, `${txBytes} ${rxBytes}`);
  ok(lastHandshake !== undefined && Math.abs(Date.now() - lastHandshake.getTime()) < 60_000);
  deepEqual(peer, {
    publicKey: leftKey,
    endpoint,
    endpointName: undefined,
    endpointProblem: "",
    allowedIps: ["10.0.0.1/32", "fd00::1/128"],
    hasPresharedKey: false,
    persistentKeepalive: 0,
    description: "",
  });
});

Deno.test("on all addresses of both families: a peer on IPv4 and one on IPv6", async () => {
  await using pair = new Pair({ listen: 0 }, { listen: "127.0.0.1:0" });
  pair.left.tunnel.send(toRight(1));
  await eventually("the packet over IPv4", () => pair.right.packets.length === 1);
  equal(pair.left.tunnel.status().listen, `[::]:${pair.left.tunnel.port}`);
  await using six = new Pair({ listen: 0, peers: [] }, { listen: "[::1]:0" });
  const { publicKey, listen } = six.right.tunnel.status();
  six.left.tunnel.addPeer({ publicKey, endpoint: listen, allowedIps: ["10.0.0.2/32"] });
  six.left.tunnel.send(toRight(2));
  await eventually("the packet over IPv6", () => six.right.packets.length === 1);
  equal(six.right.endpoints[0].endpoint, `[::1]:${six.left.tunnel.port}`);
});

Deno.test("a peer that moves is followed, and said to have moved once", async () => {
  await using pair = new Pair();
  const { left, right } = pair;
  left.tunnel.send(toRight(1));
  await eventually("the first packet", () => right.packets.length === 1);
  const before = `127.0.0.1:${left.tunnel.port}`;
  // A tunnel with the same key on another port is, to its peer, the same one that moved.
  const [{ publicKey, endpoint }] = left.tunnel.status().peers;
  const privateKey = makePrivateKey();
  right.tunnel.addPeer({
    publicKey: publicKeyOf(privateKey),
    endpoint: before,
    allowedIps: ["10.0.0.9/32"],
  });
  await using moved = side({
    privateKey,
    peers: [{ publicKey, endpoint: endpoint ?? "", allowedIps: ["10.0.0.2/32"] }],
  });
  for (const mark of [2, 3]) {
    moved.tunnel.send(udpPacket(address4(9), address4(2), mark, 64));
    await eventually("a packet from the new place", () => right.packets.length === mark);
  }
  deepEqual(right.endpoints.slice(1), [
    {
      publicKey: formatKey(publicKeyOf(privateKey)),
      endpoint: `127.0.0.1:${moved.tunnel.port}`,
      before,
    },
  ]);
  // And packets go where it is.
  right.tunnel.send(udpPacket(address4(2), address4(9), 4, 64));
  await eventually("the answer", () => moved.packets.length === 1);
});

Deno.test("one on whose right there is nobody yet waits; an address that is nobody's is answered", async () => {
  await using alone = side();
  alone.tunnel.send(toRight(1));
  await eventually("the ICMP answer", () => alone.packets.length === 1);
  deepEqual([alone.packets[0][9], alone.packets[0][20]], [1, 3], "ICMP destination unreachable");
  // Neither is an IP packet.
  ok(alone.tunnel.send(new Uint8Array(0)));
  ok(alone.tunnel.send(new Uint8Array(40)));
  equal(alone.tunnel.send(new Uint8Array(65_536)), false);
  await alone.tunnel.drained();
});

Deno.test("peers are added, changed and removed while the tunnel runs", async () => {
  await using pair = new Pair({ peers: [] });
  const { left, right } = pair;
  const { publicKey } = right.tunnel.status();
  const presharedKey = makePresharedKey();
  left.tunnel.addPeer({
    publicKey,
    presharedKey,
    endpoint: `127.0.0.1:${right.tunnel.port}`,
    allowedIps: ["10.0.0.7/32"],
    persistentKeepalive: 25,
    description: "the right one",
  });
  const peer = () => left.tunnel.status().peers[0];
  equal(peer().hasPresharedKey, true);
  left.tunnel.changePeer(publicKey, {
    allowedIps: ["10.0.0.2/31", "10.9.9.9"],
    presharedKey: null,
    description: "",
  });
  const { allowedIps, hasPresharedKey, persistentKeepalive, description } = peer();
  deepEqual(
    { allowedIps, hasPresharedKey, persistentKeepalive, description },
    {
      allowedIps: ["10.0.0.2/31", "10.9.9.9/32"],
      hasPresharedKey: false,
      persistentKeepalive: 25,
      description: "",
    },
  );
  left.tunnel.send(toRight(1));
  await eventually("the packet", () => right.packets.length === 1);
  const handshakes = left.handshakes.length;
  left.tunnel.changePeer(publicKey, { persistentKeepalive: 0 });
  left.tunnel.send(toRight(2));
  await eventually("the next packet", () => right.packets.length === 2);
  equal(left.handshakes.length, handshakes, "the session went on");

  left.tunnel.removePeer(publicKey);
  deepEqual(left.tunnel.status().peers, []);
  left.tunnel.send(toRight(3));
  await eventually("the ICMP answer", () => left.packets.length === 1);
});

Deno.test("another private key ends the sessions, and a handshake is made with it", async () => {
  await using pair = new Pair();
  const { left, right } = pair;
  left.tunnel.send(toRight(1));
  await eventually("the packet", () => right.packets.length === 1);
  const privateKey = makePrivateKey();
  const publicKey = formatKey(publicKeyOf(privateKey));
  right.tunnel.removePeer(left.tunnel.status().publicKey);
  right.tunnel.addPeer({ publicKey, allowedIps: ["10.0.0.1/32"] });
  left.tunnel.setPrivateKey(privateKey);
  equal(left.tunnel.status().publicKey, publicKey);
  left.tunnel.send(toRight(2));
  await eventually("the packet under the new key", () => right.packets.length === 2);
  equal(left.handshakes.length, 2);
});

const KEY = formatKey(makePrivateKey());
const PEER = { publicKey: formatKey(publicKeyOf(makePrivateKey())) };
const OWN = formatKey(publicKeyOf(KEY));
const shortPeer = { publicKey: "short" };

/** Options that are wrong, and what is said of them. */
const WRONG: readonly (readonly [Record<string, unknown>, string | RegExp])[] = [
  [{ privateKey: "c2hvcnQ=" }, "privateKey: 8 characters; 44 characters of base64 are required"],
  [
    { peers: [PEER, shortPeer] },
    "peers[1].publicKey: 5 characters; 44 characters of base64 are required",
  ],
  [
    { peers: [{ ...PEER, presharedKey: "x" }] },
    "peers[0].presharedKey: 1 characters; 44 characters of base64 are required",
  ],
  [
    { peers: [{ ...PEER, endpoint: "vpn example.com:51820" }] },
    'peers[0].endpoint: "vpn example.com:51820" is not an endpoint; one as 192.0.2.1:51820, [2001:db8::1]:51820 or vpn.example.com:51820 is required',
  ],
  [
    { peers: [{ ...PEER, endpoint: "192.0.2.1:0" }] },
    'peers[0].endpoint: "192.0.2.1:0" has port 0; a port from 1 to 65535 is required',
  ],
  [
    { peers: [{ ...PEER, endpoint: "[fe80::1%3]:7" }] },
    'peers[0].endpoint: "[fe80::1%3]:7" has a zone; an address without a zone is required',
  ],
  [
    { listen: "127.0.0.1:0", peers: [{ ...PEER, endpoint: "[2001:db8::1]:7" }] },
    /^peers\[0\]\.endpoint: \[2001:db8::1\]:7 cannot be reached from 127\.0\.0\.1:\d+; an IPv4 address is required$/,
  ],
  [
    { listen: "[::1]:0", peers: [{ ...PEER, endpoint: "192.0.2.1:7" }] },
    /^peers\[0\]\.endpoint: 192\.0\.2\.1:7 cannot be reached from \[::1\]:\d+; an IPv6 address is required$/,
  ],
  [
    { peers: [{ ...PEER, allowedIps: ["10.0.0.1/32", "10.0.0.0/33"] }] },
    'peers[0].allowedIps[1]: "10.0.0.0/33" is not a range; one as 10.0.0.2/32 or fd00::/64 is required',
  ],
  [
    { peers: [{ ...PEER, persistentKeepalive: 65_536 }] },
    "peers[0].persistentKeepalive: 65536 is out of range; a whole number from 0 to 65535 is required",
  ],
  [
    { peers: [{ ...PEER, description: "é".repeat(32) }] },
    "peers[0].description: 64 bytes are too many; at most 63 bytes of UTF-8 are allowed",
  ],
  [
    { peers: [PEER, PEER] },
    `peers[1].publicKey: ${PEER.publicKey} is already a peer; each peer may be given once`,
  ],
  [
    { peers: [{ publicKey: OWN }] },
    `peers[0].publicKey: ${OWN} is this tunnel's own key; the key of another host is required`,
  ],
  [
    { listen: "localhost:7" },
    'listen: "localhost:7" is invalid; a port from 0 to 65535, or ADDRESS:PORT as 127.0.0.1:51820, is required',
  ],
  [
    { listen: 65_536 },
    "listen: 65536 is invalid; a port from 0 to 65535, or ADDRESS:PORT as 127.0.0.1:51820, is required",
  ],
  [{ mtu: 67 }, "mtu: 67 is out of range; a whole number from 68 to 65475 is required"],
  [{ onPacket: undefined }, "onPacket: a function is required"],
];

Deno.test("a wrong option is refused with its word, its value and what is required; nothing is left open", () => {
  for (const [wrong, message] of WRONG) {
    const options = { privateKey: KEY, onPacket: () => {}, ...wrong } as TunnelOptions;
    throws(() => new Tunnel(options), { name: "ConfigError", message });
  }
});

Deno.test("a port that is taken, an address of another machine: the operating system's error", async () => {
  await using taken = side();
  const wrong = (listen: string, code: string) =>
    throws(() => side({ listen }), (error) => {
      ok(error instanceof OsError, String(error));
      equal(error.code, code);
      return true;
    });
  wrong(`127.0.0.1:${taken.tunnel.port}`, "EADDRINUSE");
  wrong("192.0.2.77:0", "EADDRNOTAVAIL");
});

Deno.test("a wrong change of peers is refused and changes nothing", async () => {
  await using pair = new Pair();
  const { tunnel } = pair.left;
  const before = tunnel.status();
  const [{ publicKey }] = before.peers;
  const own = before.publicKey;
  for (
    const [act, message] of [
      [
        () => tunnel.addPeer({ publicKey }),
        `publicKey: ${publicKey} is already a peer; each peer may be given once`,
      ],
      [
        () => tunnel.addPeer({ publicKey: own }),
        `publicKey: ${own} is this tunnel's own key; the key of another host is required`,
      ],
      [
        () => tunnel.changePeer(publicKey, { description: "x", endpoint: "[::1]:7" }),
        `endpoint: [::1]:7 cannot be reached from 127.0.0.1:${tunnel.port}; an IPv4 address is required`,
      ],
      [
        () => tunnel.changePeer(publicKey, { description: "x", allowedIps: ["10.0.0.300"] }),
        'allowedIps[0]: "10.0.0.300" is not a range; one as 10.0.0.2/32 or fd00::/64 is required',
      ],
      [
        () => tunnel.changePeer(own, {}),
        "publicKey: no peer has this key; the public key of one of the tunnel's peers is required",
      ],
      [
        () => tunnel.removePeer(PEER.publicKey),
        "publicKey: no peer has this key; the public key of one of the tunnel's peers is required",
      ],
    ] as const
  ) {
    throws(act, { name: "ConfigError", message });
    deepEqual(tunnel.status(), before);
  }
});

Deno.test("a private key of one of the peers is refused", async () => {
  const privateKey = makePrivateKey();
  await using one = side({ peers: [{ publicKey: publicKeyOf(privateKey) }] });
  const before = one.tunnel.status();
  throws(() => one.tunnel.setPrivateKey(privateKey), {
    name: "ConfigError",
    message:
      "privateKey: the key belongs to one of the peers; a key of this tunnel's own is required",
  });
  deepEqual(one.tunnel.status(), before);
});

Deno.test("a full queue refuses a packet; when it is drained there is room again", async () => {
  await using pair = new Pair();
  const { left, right } = pair;
  left.tunnel.send(toRight(0));
  await eventually("a session", () => right.packets.length === 1);
  let taken = 0;
  while (left.tunnel.send(toRight(1))) taken++;
  equal(taken, 1024);
  await left.tunnel.drained();
  ok(left.tunnel.send(toRight(2)));
  await left.tunnel.drained();
});

Deno.test("a slow onPacket: what waits is bounded, the tunnel goes on, and later packets come", async () => {
  const gate = Promise.withResolvers<void>();
  const marks: number[] = [];
  await using pair = new Pair({}, {
    onPacket: (packet) => {
      marks.push(markOf(packet));
      return marks.length === 1 ? undefined : gate.promise;
    },
  });
  const { left, right } = pair;
  left.tunnel.send(toRight(0));
  await eventually("a session", () => marks.length === 1);
  const dropped = () => right.tunnel.status().packetsDropped;
  for (let mark = 1; dropped() < 50; mark++) {
    left.tunnel.send(toRight(mark));
    if (mark % 64 === 63) await left.tunnel.drained();
    if (mark % 256 === 255) await new Promise((resolve) => setTimeout(resolve, 2));
    ok(mark < 100_000, "nothing is dropped although nothing is taken");
  }
  deepEqual(marks, [0, 1], "one packet is with the callback");
  // Handshakes are not in its way.
  right.tunnel.send(toLeft(7));
  await eventually("a packet the other way", () => left.packets.length === 1);
  gate.resolve();
  await eventually("those that waited", () => marks.length >= 1026);
  deepEqual(marks, [...marks].sort((a, b) => a - b), "in order");
  const last = dropped();
  left.tunnel.send(toRight(1_000_000));
  await eventually("a later packet", () => marks.at(-1) === 1_000_000);
  equal(dropped(), last);
});

Deno.test("an error of a callback is the program's, and the tunnel goes on", async () => {
  let count = 0;
  const messages = await reported(async () => {
    await using pair = new Pair({
      onHandshake: () => {
        throw new Error("in onHandshake");
      },
    }, {
      onPacket: () => {
        count++;
        throw new Error(`in onPacket ${count}`);
      },
    });
    for (const wanted of [1, 2]) {
      pair.left.tunnel.send(toRight(wanted));
      await eventually("the packet", () => count === wanted);
    }
  });
  deepEqual(messages.toSorted(), ["in onHandshake", "in onPacket 1", "in onPacket 2"]);
});

Deno.test("debug messages are wg(4)'s, only when somebody gets them", async () => {
  const lines: string[] = [];
  await using pair = new Pair({ onLog: (line) => lines.push(line) });
  pair.left.tunnel.send(toRight(1));
  await eventually("the packet", () => pair.right.packets.length === 1);
  const { port } = pair.right.tunnel;
  deepEqual(lines.slice(0, 2), [
    `Sending handshake initiation to peer 1 (127.0.0.1:${port})`,
    `Receiving handshake response from peer 1 (127.0.0.1:${port})`,
  ]);
});

Deno.test("closed: nothing is called any more, waiting packets are dropped, the port is free, a second close is harmless", async () => {
  await using pair = new Pair();
  const { left, right } = pair;
  left.tunnel.send(toRight(1));
  await eventually("the packet", () => right.packets.length === 1);
  for (let mark = 0; mark < 500; mark++) left.tunnel.send(toRight(mark));
  const drained = left.tunnel.drained();
  const closing = right.tunnel.close();
  const { length } = right.packets;
  await Promise.all([closing, left.tunnel.close(), left.tunnel.close(), drained]);
  equal(right.packets.length, length);
  equal(left.tunnel.send(toRight(2)), false);
  await left.tunnel.drained();
  deepEqual(left.tunnel.status().peers, []);
  for (
    const act of [
      () => left.tunnel.addPeer(PEER),
      () => left.tunnel.changePeer(PEER.publicKey, {}),
      () => left.tunnel.removePeer(PEER.publicKey),
      () => left.tunnel.setPrivateKey(KEY),
    ]
  ) {
    throws(act, {
      name: "ConfigError",
      message: "tunnel: the tunnel is closed; an open one is required",
    });
  }
  const again = side({ listen: `127.0.0.1:${right.tunnel.port}` });
  await again.tunnel.close();
});

Deno.test("a callback may close its own tunnel", async () => {
  let seen = 0;
  const closed = Promise.withResolvers<void>();
  await using pair = new Pair({}, {
    onPacket: () => {
      seen++;
      pair.right.tunnel.close().then(closed.resolve);
    },
  });
  for (let mark = 0; mark < 20; mark++) pair.left.tunnel.send(toRight(mark));
  await closed.promise;
  equal(seen, 1);
});

Deno.test("a tunnel that is busy leaves the event loop to others", async () => {
  await using pair = new Pair();
  const { left } = pair;
  left.tunnel.send(toRight(0));
  await eventually("a session", () => pair.right.packets.length === 1);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  try {
    for (let round = 0; ticks < 5; round++) {
      ok(round < 100_000, "no timer ran");
      for (let mark = 0; mark < 64; mark++) left.tunnel.send(toRight(mark));
      await left.tunnel.drained();
    }
  } finally {
    clearInterval(ticking);
  }
});

Deno.test("without --allow-net: the runtime's error, and nothing is left", {
  permissions: { net: false, ffi: "inherit", read: "inherit" },
}, () => {
  throws(() => side(), Deno.errors.NotCapable);
});

Deno.test("ConfigError has the word apart from the problem", () => {
  throws(() => side({ mtu: 1 }), (error) => error instanceof ConfigError && error.word === "mtu");
});
