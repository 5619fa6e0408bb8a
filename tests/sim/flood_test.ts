/**
 * Floods of initiations with a right mac1, from many addresses: without cookies, and with the
 * cookies that these addresses were sent. The tunnel connects all the same.
 */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import {
  COOKIE_SECRET_MAX_AGE_MS,
  HANDSHAKE_QUEUE_MAX,
  INITIATION_LENGTH,
  MESSAGE_INITIATION,
} from "../../lib/base/constants.ts";
import { type Endpoint } from "../../lib/base/endpoint.ts";
import { formatEndpoint } from "../../lib/base/ip_text.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { publicOf } from "../device/harness.ts";
import { Tunnel } from "./traffic.ts";
import { type Node, World } from "./world.ts";

/** Messages a millisecond: more than a node's control plane handles. */
const FLOOD_PER_MS = 20;
const FLOOD_MS = 14_000;

/** Somebody who sends initiations to node b, and hears what comes back to its address. */
class Attacker {
  readonly jar: CookieJar;
  readonly endpoint: Endpoint;
  cookies = 0;

  constructor(readonly world: World, host: number) {
    this.jar = new CookieJar(world.suite, publicOf(2), COOKIE_SECRET_MAX_AGE_MS);
    this.endpoint = { address: Uint8Array.of(10, 1, host >>> 8, host), port: 7_000, scope: 0 };
  }

  /** One whose mac1 is right. What is sealed in it is noise. */
  initiation(): Uint8Array {
    const message = new Uint8Array(INITIATION_LENGTH);
    for (let i = 4; i < message.length; i += 7) message[i] = this.world.random() * 256;
    message.fill(0, INITIATION_LENGTH - 32);
    message.set([MESSAGE_INITIATION, 0, 0, 0]);
    this.jar.seal(message, this.world.now);
    return message;
  }
}

/** A network in which attackers hear the answers. */
class HostileWorld extends World {
  attackers = new Map<string, Attacker>();

  override send(node: Node, bytes: Uint8Array, to: Endpoint): void {
    const attacker = this.attackers.get(formatEndpoint(to));
    if (attacker === undefined) super.send(node, bytes, to);
    else if (attacker.jar.consume(bytes, this.now)) attacker.cookies++;
  }
}

for (const [hears, count] of [[false, 2_000], [true, 50]] as const) {
  Deno.test(`a flood ${hears ? "with" : "without"} cookies: the tunnel connects and goes on`, () => {
    const world = new HostileWorld(101);
    const pair = new Tunnel(world);
    const attackers = Array.from({ length: count }, (_, i) => new Attacker(world, i));
    for (const attacker of hears ? attackers : []) {
      world.attackers.set(formatEndpoint(attacker.endpoint), attacker);
    }
    const end = milliseconds(world.now + FLOOD_MS);
    let next = 0;
    const burst = () => {
      for (let i = 0; i < FLOOD_PER_MS; i++) {
        const attacker = attackers[next++ % attackers.length];
        pair.b.arrive(attacker.initiation(), attacker.endpoint);
      }
      if (world.now < end) world.after(1, burst);
    };
    burst();
    world.run(100);
    assert.ok(pair.b.counts().handshake_under_load > 0, "under load");
    pair.assertConnected(6_000);
    const before = [...pair.arrived.keys()].length;
    for (let i = 0; i < 100; i++) {
      pair.packet("a");
      world.run(50);
    }
    assert.equal(pair.arrived.size - before, 100);
    const counts = pair.b.counts();
    assert.equal(counts.handshake_queue_full, 0);
    assert.ok(counts.handshake_initiation_forged < HANDSHAKE_QUEUE_MAX * FLOOD_MS / 1_000);
    if (!hears) {
      assert.ok(counts.handshake_mac2_wrong > 1_000, `${counts.handshake_mac2_wrong}`);
      return;
    }
    assert.ok(attackers.every(({ cookies }) => cookies > 0), "each was sent a cookie");
    assert.ok(counts.handshake_rate_limited > 1_000, `${counts.handshake_rate_limited}`);
  });
}
