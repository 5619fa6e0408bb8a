/** An error in the program itself: the interface ends whole, and says why. */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { needs } from "./needs.ts";
import { eventually } from "../../scripts/netlab.ts";
import { may, must, traces, wgRoom } from "./peers.ts";

const PROGRAM = `${ROOT}tests/system/failing_interface.ts`;
const ARGV = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check", PROGRAM];
const ENV = { HOME: Deno.env.get("HOME") ?? "/root" };

Deno.test(
  "an error that nothing catches ends the interface with a message, and leaves nothing",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    const { code, stdout, stderr } = await room.run([...ARGV, "wg1"], { env: ENV });
    match(stdout + stderr, /failed: internal error: a planted fault/);
    equal(code, 1);
    deepEqual(await traces(room), []);
    equal((await must(room, "ip -o link")).includes("wg1"), false);
  },
);

Deno.test(
  "an error in the Worker ends the interface with a message, and leaves nothing",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    const running = room.spawn([...ARGV, "wg1", "worker"], { env: ENV });
    await eventually(
      "wg1",
      async () => (await may(room, "ls /run/wireguard/wg1.public")).code === 0,
    );
    await must(room, "ip address add 10.7.0.1/24 dev wg1");
    await must(room, "ip link set wg1 up");
    // Packets make the Worker take turns, and the tenth one fails.
    const pings = room.spawn(["ping", "-n", "-i", "0.05", "10.7.0.2"]);
    equal((await running.status).code, 1);
    match(running.output(), /failed: [^\n]*a fault planted in the Worker/);
    pings.signal("SIGKILL");
    await pings.status;
    deepEqual(await traces(room), []);
    equal((await must(room, "ip -o link")).includes("wg1"), false);
    // The name is free.
    await must(room, "ifconfig wg1 create");
    await must(room, "ifconfig wg1 destroy");
  },
);
