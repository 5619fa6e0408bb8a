/** The ranges of the values of a change, to the last number, and what a refusal says. */
import assert from "node:assert/strict";
import type { DeviceChange, PeerChange } from "../../lib/base/config.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { milliseconds } from "../../lib/base/brands.ts";
import { checkChange, type Limits } from "../../lib/device/check_change.ts";
import { PeerRegistry } from "../../lib/device/peer_registry.ts";
import { TimerQueue } from "../../lib/timers/timer_queue.ts";
import { parseRange } from "../../lib/base/ip_text.ts";
import { endpointOf, publicOf } from "./harness.ts";

const registry = () => new PeerRegistry(new TimerQueue(STANDARD_TIMES, new PeerTable()));

function refusalOf(change: DeviceChange, peers = registry(), limits?: Limits): string | undefined {
  try {
    checkChange(change, peers, limits);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}

const peerWith = (peer: object): DeviceChange => ({
  peers: [{ publicKey: publicOf(1), ...peer } as PeerChange],
});

/** A value that has a range, and how it is put into a change. */
const NUMBERS: readonly (readonly [
  word: string,
  least: number,
  most: number,
  change: (value: number) => DeviceChange,
])[] = [
  ["wgport", 0, 65_535, (listenPort) => ({ listenPort })],
  ["fwmark", 0, 4_294_967_295, (fwmark) => ({ fwmark })],
  ["wgrtable", 0, 255, (rtable) => ({ rtable })],
  ["wgpka", 0, 65_535, (persistentKeepalive) => peerWith({ persistentKeepalive })],
  ["wgendpoint", 1, 65_535, (port) => peerWith({ endpoint: endpointOf(1, port) })],
  [
    "wgendpoint",
    1,
    65_535,
    (port) => peerWith({ endpointName: { host: "host.example", port } }),
  ],
  [
    "wgendpoint",
    0,
    4_294_967_295,
    (scope) => peerWith({ endpoint: { ...endpointOf(1), scope } }),
  ],
  [
    "wgaip",
    0,
    32,
    (prefix) => peerWith({ allowedIps: [{ address: new Uint8Array(4), prefix }] }),
  ],
  [
    "wgaip",
    0,
    128,
    (prefix) => peerWith({ allowedIps: [{ address: new Uint8Array(16), prefix }] }),
  ],
  [
    "wgaip",
    0,
    32,
    (prefix) => peerWith({ removeAllowedIps: [{ address: new Uint8Array(4), prefix }] }),
  ],
];

for (const [word, least, most, change] of NUMBERS) {
  Deno.test(`${word}: whole numbers from ${least} to ${most}`, () => {
    for (const value of [least, least + 1, most - 1, most]) {
      assert.equal(refusalOf(change(value)), undefined, `${value}`);
    }
    for (const value of [least - 1, most + 1, 1.5, NaN, Infinity]) {
      const refusal = refusalOf(change(value));
      assert.ok(refusal?.startsWith(`${word}: `), `${value}: ${refusal}`);
      assert.match(refusal ?? "", /out of range/);
    }
  });
}

Deno.test("keys have 32 bytes, addresses 4 or 16, and names are names", () => {
  const keys: readonly (readonly [string, (key: Uint8Array) => DeviceChange])[] = [
    ["wgkey", (key) => ({ privateKey: key as never })],
    ["wgpeer", (key) => peerWith({ publicKey: key })],
    ["wgpsk", (key) => peerWith({ presharedKey: key })],
  ];
  for (const [word, change] of keys) {
    assert.equal(refusalOf(change(new Uint8Array(32))), undefined);
    for (const length of [0, 31, 33]) {
      assert.equal(
        refusalOf(change(new Uint8Array(length))),
        `${word}: ${length} bytes; a key of 32 bytes is required`,
      );
    }
  }
  for (const length of [0, 3, 5, 15, 17]) {
    const address = new Uint8Array(length);
    for (
      const peer of [
        { endpoint: { address, port: 1, scope: 0 } },
        { allowedIps: [{ address, prefix: 0 }] },
        { removeAllowedIps: [{ address, prefix: 0 }] },
      ]
    ) assert.match(refusalOf(peerWith(peer)) ?? "", /an address of \d+ bytes; 4 or 16 bytes/);
  }
  const named = (host: string) => peerWith({ endpointName: { host, port: 1 } });
  assert.equal(refusalOf(named("host.example")), undefined);
  assert.match(refusalOf(named("not a host")) ?? "", /^wgendpoint: .*is not a host's name/);
});

Deno.test("as many peers as allowed, however the change gets there", () => {
  const peers = registry();
  for (const seed of [1, 2]) peers.add(publicOf(seed), milliseconds(0));
  const limits = { peers: 3, allowedIps: 100 };
  const change = (...list: readonly [seed: number, more?: object][]): DeviceChange => ({
    peers: list.map(([seed, more]) => ({ publicKey: publicOf(seed), ...more })),
  });
  const refused = "wgpeer: too many peers; at most 3 are allowed";
  assert.equal(refusalOf(change([3]), peers, limits), undefined);
  assert.equal(refusalOf(change([3], [4]), peers, limits), refused);
  assert.equal(refusalOf(change([1], [2], [3], [3]), peers, limits), undefined, "known ones");
  assert.equal(refusalOf(change([1, { remove: true }], [3], [4]), peers, limits), undefined);
  // In the order of the change.
  assert.equal(refusalOf(change([3], [4], [1, { remove: true }]), peers, limits), refused);
  const update = { updateOnly: true };
  assert.equal(refusalOf(change([3], [4, update], [5, update]), peers, limits), undefined);
  const replaced = { ...change([3], [4], [5]), replacePeers: true };
  assert.equal(refusalOf(replaced, peers, limits), undefined);
  assert.equal(
    refusalOf({ ...change([3], [4], [5], [1]), replacePeers: true }, peers, limits),
    refused,
  );
});

Deno.test("as many allowed IPs as allowed; those that go or move do not count twice", () => {
  const peers = registry();
  const [a, b] = [1, 2].map((seed) => peers.add(publicOf(seed), milliseconds(0)));
  const range = (n: number) => parseRange(`10.0.0.${n}/32`)!;
  for (const n of [1, 2]) peers.addRange(a, range(n));
  peers.addRange(b, range(3));
  const limits = { peers: 10, allowedIps: 4 };
  const give = (seed: number, ranges: readonly number[], more: object = {}): PeerChange => ({
    publicKey: publicOf(seed),
    allowedIps: ranges.map(range),
    ...more,
  });
  const refusal = (...list: readonly PeerChange[]) => refusalOf({ peers: list }, peers, limits);
  const refused = "wgaip: too many allowed IPs; at most 4 are allowed on an interface";
  assert.equal(refusal(give(1, [4])), undefined);
  assert.equal(refusal(give(1, [4, 5])), refused);
  assert.equal(refusal(give(1, [4, 4, 4])), undefined, "one range");
  assert.equal(refusal(give(1, [4, 3])), undefined, "one moves");
  const all = { replaceAllowedIps: true };
  assert.equal(refusal(give(1, [4, 5, 6], all)), undefined);
  assert.equal(refusal(give(1, [4, 5, 6, 7], all)), refused);
  assert.equal(refusal(give(1, [1, 2, 4], all)), undefined, "some stay");
  assert.equal(refusal({ publicKey: publicOf(1), remove: true }, give(2, [4, 5, 6])), undefined);
  assert.equal(refusal({ publicKey: publicOf(1), remove: true }, give(2, [4, 5, 6, 7])), refused);
  assert.equal(refusal(give(2, [4, 5, 6, 7, 8, 9], { remove: true })), undefined);
  const replacing = { replacePeers: true, peers: [give(3, [1, 2, 3, 4])] };
  assert.equal(refusalOf(replacing, peers, limits), undefined);
  const more = { replacePeers: true, peers: [give(3, [1, 2, 3, 4, 5])] };
  assert.equal(refusalOf(more, peers, limits), refused);
});
