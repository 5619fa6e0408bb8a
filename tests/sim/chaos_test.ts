import { keyOf, publicOf } from "../device/harness.ts";
import { endpoint, Tunnel } from "./traffic.ts";
import { CALM, type Node, ROUGH, World } from "./world.ts";

/** Everything that may happen to a tunnel, picked by the seed. */
function disturb(pair: Tunnel): void {
  const { world } = pair;
  const pick = <T>(...choices: readonly T[]): T =>
    choices[Math.floor(world.random() * choices.length)];
  const side = pick<"a" | "b">("a", "b");
  const node: Node = pair[side];
  const { now } = world;
  const other = publicOf(side === "a" ? pair.keySeeds.b : pair.keySeeds.a);
  switch (Math.floor(world.random() * 11)) {
    case 0:
      world.faults = pick(CALM, ROUGH, { ...ROUGH, loss: 0.5 }, { ...CALM, delayMax: 3_000 });
      return;
    case 1: {
      const { faults } = world;
      world.faults = { ...CALM, loss: 1 };
      world.after(pick(2_000, 20_000, 100_000), () => world.faults = faults);
      return;
    }
    case 2:
      node.endpoint = endpoint(
        `${pick("192.0.2.", "203.0.113.")}${pick(3, 4, 5)}:${side === "a" ? 1 : 2}`,
      );
      return;
    case 3:
      node.endpoint = endpoint(`[2001:db8::${side}]:${pick(1, 2, 3)}`);
      return;
    case 4:
      node.device.link(false, 1420, now);
      world.after(
        pick(10, 1_000, 30_000),
        () => node.device.link(true, pick(1280, 1420), world.now),
      );
      return;
    case 5: {
      node.device.configure({ peers: [{ publicKey: other, remove: true }] }, now);
      world.after(
        pick(1, 50, 5_000),
        () => node.device.configure({ peers: [pair.peerOf(side, true)] }, world.now),
      );
      return;
    }
    case 6: {
      const seed = Math.floor(world.random() * 1e6) + 10;
      node.device.configure({ privateKey: keyOf(seed) }, now);
      const stale = publicOf(pair.keySeeds[side]);
      pair.keySeeds[side] = seed;
      const there = side === "a" ? "b" : "a";
      world.after(pick(1, 500, 10_000), () => {
        pair[there].device.configure(
          { peers: [{ publicKey: stale, remove: true }, pair.peerOf(there, true)] },
          world.now,
        );
      });
      return;
    }
    case 7:
      node.wallOffsetNs += BigInt(Math.floor((world.random() - 0.5) * 1e9)) * 1_000_000n;
      return;
    case 8:
      node.pretendWaiting = pick(0, 600);
      return;
    case 9:
      node.device.configure(
        { peers: [{ publicKey: other, persistentKeepalive: pick(0, 5, 25) }] },
        now,
      );
      return;
    default:
      node.device.configure({ peers: [pair.peerOf(side, true)] }, now);
  }
}

const seeds = (Deno.env.get("SIM_SEEDS") ?? "1001,1002,1003,1004").split(",").map(Number);

for (const seed of seeds) {
  Deno.test(`ten minutes of everything at once, then calm: connected again, seed ${seed}`, () => {
    const world = new World(seed);
    const pair = new Tunnel(world);
    pair.flow(5);
    let disturbing = true;
    world.every(8_000, () => {
      if (disturbing) disturb(pair);
    });
    world.run(600_000);
    disturbing = false;
    world.run(101_000);
    world.faults = CALM;
    for (const side of ["a", "b"] as const) {
      pair[side].pretendWaiting = 0;
      pair[side].device.configure(
        { replacePeers: false, peers: [pair.peerOf(side, true)] },
        world.now,
      );
    }
    pair.assertConnected(20_000);
    world.run(5_000);
    pair.assertConnected(500);
  });
}
