/**
 * Events of an interface in the isolate whose other side has short times: renewals, and handshakes
 * that nobody answers.
 * @module
 */
import { deepEqual, ok } from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { Arena } from "../../lib/base/arena.ts";
import { STANDARD_TIMES, type Times } from "../../lib/base/times.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { formatKey, makePrivateKey, publicKeyOf } from "../../lib/embed/keys.ts";
import { type LocalEvent, LocalInterface } from "../../lib/embed/local.ts";
import { MemoryTun } from "../../lib/embed/memory_tun.ts";
import { PortableUdp } from "../../lib/embed/portable_udp.ts";
import { fillRandom } from "../../lib/runtime/entropy.ts";
import { udpPacket } from "../conformance/packets.ts";
import { eventually } from "../../scripts/running.ts";
import { address4, side } from "./pair.ts";

await side().tunnel.close();

/** An interface with other times. Its own address is 10.0.0.1. */
function interfaceWith(times: Times) {
  const arena = new Arena(DATAPLANE_ARENA_BYTES + 65_536);
  const udp = new PortableUdp(arena, 0, "127.0.0.1");
  const tun = new MemoryTun(arena, () => {});
  const events: LocalEvent[] = [];
  const local = new LocalInterface({
    arena,
    suite: nobleSuite,
    cipher: nobleCipher(arena),
    tun,
    udp,
    send: ({ bytes, endpoint }) => udp.sendDatagram(bytes, endpoint),
    listenPort: udp.port,
    now: () => milliseconds(performance.now() + 1),
    wallClock: () => BigInt(Date.now()) * 1_000_000n,
    random: fillRandom,
    event: (event) => events.push(event),
    times,
  });
  tun.wake = udp.wake = () => local.wake();
  return {
    local,
    tun,
    udp,
    events,
    async [Symbol.asyncDispose](): Promise<void> {
      local.close();
      tun.close();
      await udp.close();
    },
  };
}

Deno.test("a tunnel hears of each renewal of its session, without losing a packet", async () => {
  const keys = [makePrivateKey(), makePrivateKey()];
  await using right = side({
    privateKey: keys[1],
    peers: [{ publicKey: publicKeyOf(keys[0]), allowedIps: ["10.0.0.1/32"] }],
  });
  const times = { ...STANDARD_TIMES, rekeyAfter: 60, rekeyTimeout: 30, rekeyTimeoutJitter: 1 };
  await using left = interfaceWith(times);
  const endpoint = { address: address4(0), port: right.tunnel.port, scope: 0 };
  endpoint.address.set([127, 0, 0, 1]);
  const allowedIps = [{ address: address4(2), prefix: 32 }];
  left.local.configure({
    privateKey: keys[0],
    peers: [{ publicKey: publicKeyOf(keys[1]), endpoint, allowedIps }],
  });
  let sent = 0;
  await eventually("three renewals", () => {
    if (right.packets.length === sent) {
      left.tun.inject(udpPacket(address4(1), address4(2), sent++, 64));
    }
    return right.handshakes.length >= 4;
  });
  await eventually("all packets", () => right.packets.length === sent);
  const publicKey = formatKey(publicKeyOf(keys[0]));
  for (const event of right.handshakes) deepEqual(event, { publicKey, initiator: false });
  deepEqual(right.endpoints.length, 1, "a renewal is no move");
  const own = left.events.filter(({ kind }) => kind === "handshake");
  ok(own.length >= 4, `${own.length}`);
  deepEqual(own[0], {
    kind: "handshake",
    peer: { publicKey: publicKeyOf(keys[1]), description: "" },
    endpoint,
    initiator: true,
  });
});

Deno.test("a peer that does not answer: its handshake fails once, and is tried anew when there is something to send", async () => {
  const nobody = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    const times = { ...STANDARD_TIMES, rekeyTimeout: 20, rekeyTimeoutJitter: 1, rekeyAttempt: 100 };
    await using left = interfaceWith(times);
    const publicKey = publicKeyOf(makePrivateKey());
    const { port } = nobody.addr as Deno.NetAddr;
    const endpoint = { address: Uint8Array.of(127, 0, 0, 1), port, scope: 0 };
    const allowedIps = [{ address: address4(2), prefix: 32 }];
    left.local.configure({
      privateKey: makePrivateKey(),
      peers: [{ publicKey, endpoint, allowedIps }],
    });
    const told = () => left.events.filter(({ kind }) => kind !== "up" && kind !== "log");
    for (const failures of [1, 2]) {
      left.tun.inject(udpPacket(address4(1), address4(2), failures, 64));
      await eventually("the failure", () => told().length === failures);
    }
    const failed = { kind: "unanswered", peer: { publicKey, description: "" }, endpoint };
    deepEqual(told(), [failed, failed]);
  } finally {
    nobody.close();
  }
});
