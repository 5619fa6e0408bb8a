/**
 * * The same scenarios with every cryptographic implementation and every transport: two interfaces
 * in real time, whose packets are compared byte for byte.
 * @module
 */
import assert from "node:assert/strict";
import { openIpsecMb } from "../../ffi/ipsec_mb.ts";
import type { PresharedKey, PrivateKey, PublicKey } from "../../lib/base/brands.ts";
import type { PeerChange } from "../../lib/base/config.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { CipherChoice, SuiteChoice } from "../../lib/runtime/crypto.ts";
import { eventually } from "../../scripts/running.ts";
import { address4, address6, markOf, udpPacket } from "./packets.ts";
import { loopback, type Side, side, type TransportName } from "./transports.ts";

const TRANSPORTS: readonly TransportName[] = ["memory", "portable", "linux"];
const CRYPTO: readonly { readonly suite: SuiteChoice; readonly cipher: CipherChoice }[] = [
  { suite: "noble", cipher: "noble" },
  { suite: "libcrypto", cipher: "composed" },
  { suite: "libcrypto", cipher: "aead" },
  ...(openIpsecMb()?.fast ? [{ suite: "libcrypto", cipher: "ipsec-mb" }] as const : []),
];

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Two interfaces, 1 and 2, which are peers of each other. Only 1 has an endpoint of the other. */
class Pair {
  readonly keys = [random(32) as PrivateKey, random(32) as PrivateKey];
  readonly publics = this.keys.map((key) => nobleSuite.publicKey(key) as PublicKey);

  constructor(readonly one: Side, readonly two: Side, extra: Partial<PeerChange> = {}) {
    one.local.configure({
      privateKey: this.keys[0],
      peers: [{
        publicKey: this.publics[1],
        endpoint: loopback(two.port),
        allowedIps: [{ address: address4(2), prefix: 32 }, { address: address6(2), prefix: 128 }],
        ...extra,
      }],
    });
    two.local.configure({
      privateKey: this.keys[1],
      peers: [{
        publicKey: this.publics[0],
        allowedIps: [{ address: address4(1), prefix: 32 }, { address: address6(1), prefix: 128 }],
        ...extra,
      }],
    });
  }

  /** Sends a packet and waits until it is received unchanged. */
  async carries(from: Side, to: Side, packet: Uint8Array): Promise<void> {
    const before = to.delivered.length;
    assert.ok(from.tun.inject(packet));
    await eventually("the packet", () => to.delivered.length > before);
    assert.deepEqual(to.delivered[before], packet);
  }
}

type Scenario = (make: (times?: typeof STANDARD_TIMES) => Side) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "IPv4 and IPv6, both ways, every kind of size": async (make) => {
    const pair = new Pair(make(), make());
    const { one, two } = pair;
    let mark = 1;
    for (const length of [4, 5, 15, 16, 17, 100, 1371, 1372]) {
      await pair.carries(one, two, udpPacket(address4(1), address4(2), mark++, length));
      await pair.carries(two, one, udpPacket(address4(2), address4(1), mark++, length));
      await pair.carries(one, two, udpPacket(address6(1), address6(2), mark++, length));
      await pair.carries(two, one, udpPacket(address6(2), address6(1), mark++, length));
    }
    const [peer] = two.local.status().peers;
    assert.deepEqual(peer.endpoint, loopback(one.port), "the responder learnt where its peer is");
    assert.ok(
      peer.lastHandshakeUnixMs > Date.now() - 60_000 && peer.rxBytes > 0 && peer.txBytes > 0,
    );
  },

  "packets that wait for the handshake leave in order": async (make) => {
    const { one, two } = new Pair(make(), make());
    for (let mark = 0; mark < 100; mark++) {
      one.tun.inject(udpPacket(address4(1), address4(2), mark, 64));
    }
    await eventually("a hundred packets", () => two.delivered.length === 100);
    assert.deepEqual(two.delivered.map(markOf), [...Array(100).keys()]);
  },

  "a preshared key: the same on both sides, or no session": async (make) => {
    const presharedKey = random(32) as PresharedKey;
    const pair = new Pair(make(), make(), { presharedKey });
    await pair.carries(pair.one, pair.two, udpPacket(address4(1), address4(2), 1, 64));
    const other = new Pair(make(), make(), { presharedKey });
    other.two.local.configure({
      peers: [{ publicKey: other.publics[0], presharedKey: random(32) as PresharedKey }],
    });
    other.one.tun.inject(udpPacket(address4(1), address4(2), 2, 64));
    await pause(150);
    assert.equal(other.two.delivered.length, 0);
    assert.equal(other.one.local.status().peers[0].lastHandshakeUnixMs, 0);
  },

  "a source that is not the peer's is dropped; a destination that is nobody's is answered": async (
    make,
  ) => {
    const pair = new Pair(make(), make());
    const { one, two } = pair;
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 1, 64));
    one.tun.inject(udpPacket(address4(77), address4(2), 2, 64));
    one.tun.inject(udpPacket(address6(77), address6(2), 3, 64));
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 4, 64));
    assert.equal(two.delivered.length, 2, "only the packets with the peer's source came out");
    one.tun.inject(udpPacket(address4(1), address4(99), 5, 64));
    await eventually("the ICMP answer", () => one.delivered.length === 1);
    assert.deepEqual(
      [one.delivered[0][9], one.delivered[0][20]],
      [1, 3],
      "ICMP destination unreachable",
    );
  },

  "down: nothing passes; up: it goes on": async (make) => {
    const pair = new Pair(make(), make());
    const { one, two } = pair;
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 1, 64));
    one.local.link(false);
    one.tun.inject(udpPacket(address4(1), address4(2), 2, 64));
    await pause(50);
    assert.equal(two.delivered.length, 1);
    one.local.link(true);
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 3, 64));
  },

  "a removed peer is silent, and comes back as a new one": async (make) => {
    const pair = new Pair(make(), make());
    const { one, two } = pair;
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 1, 64));
    two.local.configure({ peers: [{ publicKey: pair.publics[0], remove: true }] });
    one.tun.inject(udpPacket(address4(1), address4(2), 2, 64));
    await pause(50);
    assert.equal(two.delivered.length, 1);
    assert.equal(two.local.status().peers.length, 0);
  },

  "sessions are renewed under traffic without a loss": async (make) => {
    const times = {
      ...STANDARD_TIMES,
      rekeyAfter: 150,
      // A busy machine may stop both sides for seconds.
      rejectAfter: 60_000,
      rekeyTimeout: 100,
      rekeyTimeoutJitter: 10,
    };
    const pair = new Pair(make(times), make(times));
    const { one, two } = pair;
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 0, 64));
    const first = one.local.status().peers[0].lastHandshakeUnixMs;
    for (let mark = 1; mark <= 60; mark++) {
      one.tun.inject(udpPacket(address4(1), address4(2), mark, 64));
      await pause(10);
    }
    await eventually("all packets", () => two.delivered.length === 61);
    assert.ok(
      one.local.status().peers[0].lastHandshakeUnixMs > first + 100,
      "there was a new handshake",
    );
  },

  "a persistent keepalive makes a session by itself": async (make) => {
    const { one, two } = new Pair(make(), make());
    const [peer] = one.local.status().peers;
    one.local.configure({ peers: [{ publicKey: peer.publicKey, persistentKeepalive: 25 }] });
    await eventually("the handshake", () => two.local.status().peers[0].lastHandshakeUnixMs > 0);
    assert.equal(two.delivered.length, 0);
  },

  "datagrams of any content and size change nothing": async (make) => {
    const pair = new Pair(make(), make());
    const { one, two } = pair;
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 1, 64));
    for (let i = 0; i < 400; i++) {
      const bytes = random([0, 1, 4, 31, 32, 64, 92, 148, 200, 1500][i % 10]);
      if (bytes.length >= 4) bytes.set([1 + (i >> 2) % 4, 0, 0, 0]);
      two.attack(bytes);
      if (i % 50 === 49) await pause(1);
    }
    await pair.carries(one, two, udpPacket(address4(1), address4(2), 2, 64));
    assert.deepEqual(two.delivered.map(markOf), [1, 2]);
  },
};

for (const transport of TRANSPORTS) {
  for (const primitives of CRYPTO) {
    Deno.test(`${transport}, ${primitives.suite} ${primitives.cipher}`, async (test) => {
      for (const [name, scenario] of Object.entries(SCENARIOS)) {
        await test.step(name, async () => {
          const sides: Side[] = [];
          try {
            await scenario((times) => {
              const made = side(transport, primitives, times);
              sides.push(made);
              return made;
            });
          } finally {
            for (const made of sides) made.close();
            await pause(5);
          }
        });
      }
    });
  }
}
