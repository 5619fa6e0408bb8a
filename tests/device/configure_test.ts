import assert from "node:assert/strict";
import { milliseconds, peerSlot, type PublicKey } from "../../lib/base/brands.ts";
import type { DeviceChange, PeerChange } from "../../lib/base/config.ts";
import { PEERS_MAX } from "../../lib/base/constants.ts";
import type { AllowedIp } from "../../lib/base/endpoint.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { formatRange, parseRange } from "../../lib/base/ip_text.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { checkChange } from "../../lib/device/check_change.ts";
import { PeerRegistry } from "../../lib/device/peer_registry.ts";
import { TimerQueue } from "../../lib/timers/timer_queue.ts";
import { Bench, endpointOf, keyOf, pair, publicOf, shake } from "./harness.ts";
import { fractions, SEED } from "../random.ts";

const range = (text: string): AllowedIp => parseRange(text)!;
const ranges = (bench: Bench) =>
  bench.device.status().peers.map((peer) => peer.allowedIps.map((allowed) => formatRange(allowed)));
const set = (bench: Bench, change: DeviceChange) => {
  bench.device.configure(change, bench.now);
  return bench.collect();
};
const numbered = (i: number): PublicKey => {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, i + 1);
  return key as PublicKey;
};

Deno.test("the same private key set again changes nothing", () => {
  const { a, b } = pair();
  shake(a, b);
  const before = a.device.status();
  a.clear();
  set(a, { privateKey: keyOf(1) });
  assert.deepEqual(a.commands, []);
  assert.deepEqual(a.device.status(), before);
});

Deno.test("a private key is kept and shown clamped; its other forms are the same key", () => {
  const { a, b } = pair();
  shake(a, b);
  const given = keyOf(1);
  const shown = a.device.status().privateKey!;
  assert.deepEqual([shown[0], shown[31]], [given[0] & 0xf8, given[31] & 0x7f | 0x40]);
  assert.deepEqual(shown.subarray(1, 31), given.subarray(1, 31));
  assert.deepEqual(a.device.status().publicKey, publicOf(1));
  a.clear();
  for (let form = 0; form < 32; form++) {
    const key = keyOf(1);
    key[0] = key[0] & 0xf8 | form & 7;
    key[31] = key[31] & 0x3f | (form >> 3) << 6;
    set(a, { privateKey: key });
  }
  assert.deepEqual(a.commands, []);
  assert.deepEqual(a.device.status().privateKey, shown);
});

Deno.test("a new private key wipes sessions and handshakes, and removes a peer with our own public key", () => {
  const { a, b } = pair();
  const { initiator } = shake(a, b);
  set(a, { peers: [{ publicKey: publicOf(9), allowedIps: [range("10.9.0.0/16")] }] });
  a.pass(121_000);
  a.want();
  const late = a.datagrams.at(-1)!.bytes;
  a.clear();
  const keysBefore = a.handshakes.keys.version;
  set(a, { privateKey: keyOf(9) });
  assert.deepEqual(a.of("session-retire").map((retire) => retire.localIndex), [
    initiator.localIndex,
  ]);
  assert.equal(a.of("peer-remove").length, 1);
  assert.notEqual(a.handshakes.keys.version, keysBefore);
  assert.deepEqual(a.device.status().peers.map((peer) => peer.publicKey), [publicOf(2)]);
  assert.deepEqual(a.device.status().publicKey, publicOf(9));
  b.pass(121_000);
  b.clear().receive(late, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_mac1_wrong", "made for the key before");
});

Deno.test("a peer with our own public key is ignored", () => {
  const a = new Bench(1).start();
  set(a, { peers: [{ publicKey: publicOf(1) }] });
  assert.equal(a.device.status().peers.length, 0);
  const both = new Bench(2);
  set(both, {
    privateKey: keyOf(2),
    peers: [{ publicKey: publicOf(2) }, { publicKey: publicOf(3) }],
  });
  assert.deepEqual(both.device.status().peers.map((peer) => peer.publicKey), [publicOf(3)]);
});

Deno.test("a change of one thing merges into the live peer", () => {
  const { a, b } = pair();
  shake(a, b);
  set(a, {
    peers: [{
      publicKey: publicOf(2),
      presharedKey: keyOf(5) as never,
      description: "office",
      persistentKeepalive: 25,
      allowedIps: [range("10.0.0.0/8")],
    }],
  });
  a.clear();
  const [peer] = a.device.status().peers;
  assert.equal(peer.description, "office");
  assert.deepEqual(peer.presharedKey, keyOf(5));
  set(a, { peers: [{ publicKey: publicOf(2), description: "home" }] });
  assert.deepEqual(a.device.status().peers, [{ ...peer, description: "home" }]);
  assert.deepEqual(a.commands, [], "sessions go on");
  set(a, {
    peers: [{ publicKey: publicOf(2), description: "", presharedKey: new Uint8Array(32) as never }],
  });
  assert.deepEqual(a.device.status().peers, [{
    ...peer,
    description: "",
    presharedKey: new Uint8Array(32),
  }]);
});

Deno.test("peers keep the order in which they were made", () => {
  const a = new Bench(1).start();
  set(a, { peers: [3, 1, 2].map((i) => ({ publicKey: numbered(i) })) });
  set(a, { peers: [{ publicKey: numbered(1), description: "x" }, { publicKey: numbered(0) }] });
  set(a, { peers: [{ publicKey: numbered(3), remove: true }, { publicKey: numbered(3) }] });
  assert.deepEqual(
    a.device.status().peers.map((peer) => peer.publicKey),
    [1, 2, 0, 3].map(numbered),
  );
});

Deno.test("replace, remove and update-only", () => {
  const a = new Bench(1).start();
  set(a, { peers: [{ publicKey: numbered(1) }, { publicKey: numbered(2) }] });
  set(a, {
    peers: [
      { publicKey: numbered(7), updateOnly: true, description: "nobody" },
      { publicKey: numbered(8), remove: true },
      { publicKey: numbered(2), updateOnly: true, description: "two" },
    ],
  });
  assert.deepEqual(a.device.status().peers.map((peer) => peer.description), ["", "two"]);
  a.clear();
  set(a, { replacePeers: true, peers: [{ publicKey: numbered(2) }] });
  assert.equal(a.of("peer-remove").length, 2);
  assert.deepEqual(a.device.status().peers.map((peer) => peer.description), [""]);
});

Deno.test("ranges: added, removed, replaced, moved, host bits cut", () => {
  const a = new Bench(1).start();
  const [one, two] = [numbered(1), numbered(2)];
  const host = { address: Uint8Array.of(10, 1, 2, 3), prefix: 8 };
  set(a, {
    peers: [{ publicKey: one, allowedIps: [host, range("fd00::/8"), range("10.0.0.0/8")] }],
  });
  assert.deepEqual(ranges(a), [["10.0.0.0/8", "fd00::/8"]]);
  set(a, {
    peers: [{ publicKey: two, allowedIps: [range("10.0.0.0/8"), range("192.168.1.0/24")] }],
  });
  assert.deepEqual(ranges(a), [["fd00::/8"], ["10.0.0.0/8", "192.168.1.0/24"]]);
  set(a, {
    peers: [{ publicKey: one, removeAllowedIps: [range("10.0.0.0/8"), range("fd00::/8")] }],
  });
  assert.deepEqual(
    ranges(a),
    [[], ["10.0.0.0/8", "192.168.1.0/24"]],
    "another peer's range is not removed",
  );
  set(a, {
    peers: [{ publicKey: two, replaceAllowedIps: true, allowedIps: [range("0.0.0.0/0")] }],
  });
  assert.deepEqual(ranges(a), [[], ["0.0.0.0/0"]]);
  a.clear();
  set(a, { peers: [{ publicKey: two, replaceAllowedIps: true }] });
  assert.deepEqual(a.of("allowed-ips"), [
    { type: "allowed-ips", peer: peerSlot(1), replace: true, remove: [], add: [] },
  ]);
  set(a, {
    peers: [{ publicKey: two, allowedIps: [range("::/0")] }, { publicKey: two, remove: true }],
  });
  set(a, { peers: [{ publicKey: one, allowedIps: [range("::/0")] }] });
  assert.deepEqual(ranges(a), [["::/0"]]);
});

Deno.test("every host bit of a range is cut, and none of its network", () => {
  const a = new Bench(1).start();
  for (const bits of [32, 128]) {
    for (let prefix = 0; prefix <= bits; prefix++) {
      for (const bit of [0, prefix - 9, prefix - 1, prefix, prefix + 1, prefix + 8, bits - 1]) {
        if (bit < 0 || bit >= bits) continue;
        const address = new Uint8Array(bits / 8);
        address[bit >> 3] = 0x80 >> (bit & 7);
        set(a, {
          peers: [{
            publicKey: publicOf(2),
            replaceAllowedIps: true,
            allowedIps: [{ address, prefix }],
          }],
        });
        const network = bit < prefix ? address : new Uint8Array(bits / 8);
        const [kept] = a.device.status().peers[0].allowedIps;
        assert.deepEqual([kept.address, kept.prefix], [network, prefix], `/${prefix}, bit ${bit}`);
        const command = a.commands.findLast(({ type }) => type === "allowed-ips");
        assert.ok(command?.type === "allowed-ips");
        assert.deepEqual(command.add, [{ address: network, prefix }]);
      }
    }
  }
});

Deno.test("the slot of a removed peer serves another after ten seconds, and not before", () => {
  const registry = new PeerRegistry(new TimerQueue(STANDARD_TIMES, new PeerTable()));
  const at = (ms: number) => milliseconds(1_000 + ms);
  const first = registry.add(numbered(1), at(0));
  const second = registry.add(numbered(2), at(0));
  registry.remove(first, at(0));
  const third = registry.add(numbered(3), at(9_999));
  assert.deepEqual([first.slot, second.slot, third.slot], [0, 1, 2]);
  const fourth = registry.add(numbered(4), at(10_000));
  assert.equal(fourth.slot, 0);
  assert.equal(registry.at(peerSlot(0)), fourth);
  assert.equal(registry.find(numbered(1)), undefined);
  // Thousands come and go in the slots of a few.
  for (let i = 0; i < 5_000; i++) {
    const peer = registry.add(numbered(10 + i), at(20_000 * (i + 1)));
    assert.ok(peer.slot <= 3, `${peer.slot}`);
    registry.remove(peer, at(20_000 * (i + 1)));
  }
});

Deno.test("interface values are kept and shown", () => {
  const a = new Bench(1);
  set(a, { listenPort: 7111, fwmark: 0xca6c, rtable: 3, debug: true });
  const { listenPort, fwmark, rtable, debug, privateKey, publicKey } = a.device.status();
  assert.deepEqual([listenPort, fwmark, rtable, debug, privateKey, publicKey], [
    7111,
    0xca6c,
    3,
    true,
    undefined,
    undefined,
  ]);
  assert.deepEqual(a.of("debug"), [{ type: "debug", on: true }]);
  set(a, { debug: true });
  assert.equal(a.of("debug").length, 1);
});

Deno.test("a wrong value is named, and nothing of the change is applied", () => {
  const a = new Bench(1).start([{ publicKey: numbered(1), allowedIps: [range("10.0.0.0/8")] }])
    .clear();
  const before = a.device.status();
  const wrongPeers: [string, Partial<PeerChange>][] = [
    ["wgpeer", { publicKey: new Uint8Array(31) as never }],
    ["wgpsk", { presharedKey: new Uint8Array(33) as never }],
    ["wgpka", { persistentKeepalive: 65_536 }],
    ["wgpka", { persistentKeepalive: -1 }],
    ["wgpka", { persistentKeepalive: 1.5 }],
    ["wgpka", { persistentKeepalive: NaN }],
    ["wgaip", { allowedIps: [{ address: new Uint8Array(5), prefix: 1 }] }],
    ["wgaip", { allowedIps: [{ address: new Uint8Array(4), prefix: 33 }] }],
    ["wgaip", { removeAllowedIps: [{ address: new Uint8Array(16), prefix: 129 }] }],
    ["wgendpoint", { endpoint: { address: new Uint8Array(4), port: 0, scope: 0 } }],
    ["wgendpoint", { endpoint: { address: new Uint8Array(4), port: 65_536, scope: 0 } }],
    ["wgendpoint", { endpoint: { address: new Uint8Array(6), port: 1, scope: 0 } }],
    ["wgdescr", { description: "ü".repeat(32) }],
    ["wgdescr", { description: "a\0b" }],
  ];
  const wrong: [string, DeviceChange][] = [
    ["wgkey", { privateKey: new Uint8Array(16) as never }],
    ["wgport", { listenPort: 65_536 }],
    ["wgrtable", { rtable: 256 }],
    ["fwmark", { fwmark: 2 ** 32 }],
    ...wrongPeers.map(([word, peer]): [string, DeviceChange] => [word, {
      listenPort: 9,
      replacePeers: true,
      privateKey: keyOf(8),
      debug: false,
      peers: [{ publicKey: numbered(2), remove: true }, { publicKey: numbered(3), ...peer }],
    }]),
  ];
  for (const [word, change] of wrong) {
    assert.throws(() => a.device.configure(change, a.now), (error) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.equal(error.word, word);
      return true;
    });
    assert.deepEqual(a.device.status(), before);
    assert.deepEqual(a.collect().commands, []);
  }
  set(a, { peers: [{ publicKey: numbered(1), description: "ü".repeat(31) + "x" }] });
});

Deno.test("too many peers are refused, and removed peers do not count", () => {
  const a = new Bench(1);
  const many = Array.from({ length: PEERS_MAX + 1 }, (_, i) => ({ publicKey: numbered(i) }));
  assert.throws(() => a.device.configure({ peers: many }, a.now), /wgpeer: too many/);
  set(a, { peers: many.slice(1) });
  assert.throws(() => a.device.configure({ peers: many.slice(0, 1) }, a.now), /wgpeer: too many/);
  set(a, { peers: [{ publicKey: numbered(1), remove: true }, ...many.slice(0, 1)] });
  set(a, { peers: many.slice(2, 4) });
  assert.equal(a.device.status().peers.length, PEERS_MAX);
});

Deno.test("ranges are counted as they will be: random changes against a plain map", () => {
  const seed = SEED;
  const random = fractions(seed);
  const max = 12;
  const pick = (n: number) => Math.floor(random() * n);
  let refused = 0;
  const registry = new PeerRegistry(new TimerQueue(STANDARD_TIMES, new PeerTable()));
  const now = milliseconds(1);
  for (let round = 0; round < 5_000; round++) {
    const keys = [1, 2, 3, 4].filter(() => random() < 0.5);
    const change: DeviceChange = {
      replacePeers: random() < 0.05,
      peers: keys.map((i) => ({
        publicKey: numbered(i),
        remove: random() < 0.1,
        replaceAllowedIps: random() < 0.3,
        allowedIps: Array.from(
          { length: pick(6) },
          () => ({ address: Uint8Array.of(10, 0, 0, pick(20)), prefix: 32 }),
        ),
      })),
    };
    // The twin applies the change to a map and counts its entries.
    let owned = new Map<number, number>();
    if (!change.replacePeers) {
      for (const peer of registry.all()) {
        for (const { address } of registry.rangesOf(peer)) owned.set(address[3], peer.publicKey[3]);
      }
    }
    const without = (key: number) => new Map([...owned].filter(([, owner]) => owner !== key));
    for (const { publicKey, remove, replaceAllowedIps } of change.peers!) {
      if (remove || replaceAllowedIps) owned = without(publicKey[3]);
    }
    for (const { publicKey, remove, allowedIps } of change.peers!) {
      if (remove) continue;
      for (const { address } of allowedIps!) owned.set(address[3], publicKey[3]);
    }
    let accepted = true;
    try {
      checkChange(change, registry, { peers: 100, allowedIps: max });
    } catch (error) {
      assert.match(String(error), /wgaip: too many/);
      accepted = false;
      refused++;
    }
    assert.equal(accepted, owned.size <= max, `seed ${seed}, round ${round}`);
    if (!accepted) continue;
    if (change.replacePeers) { for (const peer of [...registry.all()]) registry.remove(peer, now); }
    for (const { publicKey, remove, replaceAllowedIps, allowedIps } of change.peers!) {
      const peer = registry.find(publicKey);
      if (remove) {
        if (peer !== undefined) registry.remove(peer, now);
        continue;
      }
      if (replaceAllowedIps && peer !== undefined) registry.clearRanges(peer);
      for (const range of allowedIps!) {
        registry.addRange(peer ?? registry.find(publicKey) ?? registry.add(publicKey, now), range);
      }
    }
    assert.ok(registry.rangeCount <= max);
  }
  assert.ok(refused > 100 && refused < 4_900, `${refused}`);
});

Deno.test("a new port, mark or rdomain clears the local addresses of peers", () => {
  const { a } = pair();
  const local = { address: Uint8Array.of(10, 0, 0, 1), interfaceIndex: 2 };
  const changes: DeviceChange[] = [{ listenPort: 5 }, { fwmark: 6 }, { rtable: 7 }];
  for (const change of changes) {
    a.table.writeEndpoint(peerSlot(0), endpointOf(2), local);
    set(a, change);
    assert.deepEqual(a.table.readEndpoint(peerSlot(0)), {
      endpoint: endpointOf(2),
      local: undefined,
    });
    a.table.writeEndpoint(peerSlot(0), endpointOf(2), local);
    set(a, change);
    assert.deepEqual(
      a.table.readEndpoint(peerSlot(0)).local,
      local,
      "the same again changes nothing",
    );
  }
});

Deno.test("ten thousand peers: configured in one change, shown, changed and replaced; the times are printed", () => {
  const random = fractions(1);
  const peers: PeerChange[] = Array.from({ length: 10_000 }, (_, i) => ({
    publicKey: numbered(Math.floor(random() * 2 ** 20) * 4096 + i),
    endpoint: endpointOf(i),
    persistentKeepalive: i % 2 * 25,
    replaceAllowedIps: true,
    allowedIps: [{ address: Uint8Array.of(10, i >> 16, i >> 8, i), prefix: 32 }, {
      address: Uint8Array.of(0xfd, 0, i >> 8, i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      prefix: 64,
    }],
  }));
  const a = new Bench(1);
  set(a, { privateKey: keyOf(1) });
  const times: Record<string, number> = {};
  const measure = (name: string, work: () => void) => {
    const from = performance.now();
    work();
    times[name] = Math.round(performance.now() - from);
  };
  measure("configure", () => a.device.configure({ peers }, a.now));
  assert.equal(a.collect().of("peer-add").length, 10_000);
  measure("status", () => assert.equal(a.device.status().peers.length, 10_000));
  measure("again", () => a.device.configure({ peers }, a.now));
  measure("new key", () => a.device.configure({ privateKey: keyOf(2) }, a.now));
  measure("replace", () => a.device.configure({ replacePeers: true, peers }, a.now));
  assert.equal(a.device.status().peers.length, 10_000);
  console.log("10,000 peers, ms:", times);
});
