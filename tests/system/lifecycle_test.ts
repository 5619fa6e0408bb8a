/**
 * How an interface ends, moves, and begins: nothing is left half made, nothing is lost.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, traces, tunnel, WG, wgRoom } from "./peers.ts";
import { daemonOf, killDaemon } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

async function nothingLeft(room: Room): Promise<void> {
  await eventually("that nothing is left", async () => (await traces(room)).length === 0);
  equal((await must(room, "ip -o link")).trim().split("\n").length, 1);
}

Deno.test(
  "destroy ends the process and removes socket and link, before it returns",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    equal((await traces(room)).length > 0, true);
    await must(room, "ifconfig wg1 destroy");
    deepEqual(await traces(room), []);
    deepEqual(await may(room, "ifconfig wg1 destroy"), {
      code: 1,
      signal: null,
      stdout: "",
      stderr: (await may(room, "ifconfig wg1 destroy")).stderr,
    });
  },
);

Deno.test("kill -TERM ends the process and removes the same", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create wgport 7111");
  Deno.kill(await daemonOf(room, "wg1"), "SIGTERM");
  await nothingLeft(room);
});

Deno.test(
  "an interface whose starter is gone before it is ready ends as cleanly",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    // Nobody reads the answer.
    await room.output(["sh", "-c", `${WG} daemon wg1 </dev/null | true`]);
    await nothingLeft(room);
  },
);

Deno.test("an rdomain ends with its last interface, however that ends", NEEDED, async () => {
  await using room = await wgRoom();
  /** The process may not remove the name. The next command that changes something does. */
  const nothingLeftAfterNext = async () => {
    await eventually("the end", async () => !(await traces(room)).includes("wg1.sock"));
    await must(room, "ifconfig wg2 create");
    await must(room, "ifconfig wg2 destroy");
    await nothingLeft(room);
  };
  await must(room, "ifconfig wg1 create rdomain 1 wgport 7111");
  Deno.kill(await daemonOf(room, "wg1"), "SIGTERM");
  await nothingLeftAfterNext();
  await must(room, "ifconfig wg1 create rdomain 1 wgport 7111");
  await must(room, "ip -n rdomain1 link del wg1");
  await nothingLeftAfterNext();
});

Deno.test(
  "the socket of a killed daemon is replaced",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    await killDaemon(room, "wg1");
    equal((await may(room, "ip link show wg1")).code, 1);
    match((await may(room, "ifconfig wg1")).stderr, /^ifconfig: wg1: [^\n]+\n$/);
    await must(room, "ifconfig wg1 create wgport 7112");
    match(await must(room, "ifconfig wg1"), /\twgport 7112\n/);
    await must(room, "ifconfig wg1 destroy");
    await nothingLeft(room);
  },
);

Deno.test("ip link del ends the process", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create wgport 7111");
  await must(room, "ip link del wg1");
  await nothingLeft(room);
});

Deno.test("in the foreground every requested end has exit status 0", NEEDED, async (t) => {
  await using room = await wgRoom();
  const ends: readonly [string, (signal: (name: Deno.Signal) => void) => unknown][] = [
    ["SIGTERM", (signal) => signal("SIGTERM")],
    ["SIGINT", (signal) => signal("SIGINT")],
    ["destroy", () => must(room, "ifconfig wg1 destroy")],
    ["ip link del", () => must(room, "ip link del wg1")],
  ];
  for (const [name, end] of ends) {
    await t.step(name, async () => {
      const running = room.spawn([WG, "-f", "wg1"]);
      // The link is there before the process has opened everything; the port is told at the end.
      await eventually(
        "wg1",
        async () => (await may(room, "ifconfig wg1")).stdout.includes("wgport"),
      );
      await end((signal) => running.signal(signal));
      equal((await running.status).code, 0, running.output());
      await nothingLeft(room);
    });
  }
});

Deno.test(
  "an interface moved to another namespace by ip(8) is followed there",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    await room.namespace("elsewhere");
    await must(room, "ip -n left link set wg1 netns elsewhere");
    match(await must(room, "ifconfig wg1", "left"), /\twgport 7111\n/);
    await must(room, "ifconfig wg1 192.168.5.1/24", "left");
    // The sockets stayed where they were; the tunnel's inner side is elsewhere now.
    await ping(room, "elsewhere", "192.168.5.2");
    await ping(room, "right", "192.168.5.1");
    match(await must(room, "netstat -ln", "left"), /\*\.7111/);
    await must(room, "ip -n elsewhere link set wg1 down");
    equal((await may(room, "ping -n -c 1 -W 1 192.168.5.1", "right")).code, 1);
    await must(room, "ip -n elsewhere link set wg1 up");
    await ping(room, "elsewhere", "192.168.5.2");
    await must(room, "ip -n elsewhere link del wg1");
    await eventually("the end of wg1", async () => (await may(room, "ifconfig wg1")).code === 1);
  },
);

Deno.test("an MTU set by ip(8) or by ifconfig is what ifconfig shows", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create");
  match(await must(room, "ifconfig wg1"), / mtu 1420\n/);
  await must(room, "ip link set wg1 mtu 1300");
  match(await must(room, "ifconfig wg1"), / mtu 1300\n/);
  await must(room, "ifconfig wg1 mtu 1280");
  match(await must(room, "ip -o link show wg1"), / mtu 1280 /);
});

Deno.test("down and up: no packets, then packets", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  await must(room, "ifconfig wg2 down");
  equal((await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left")).code, 1);
  await must(room, "ifconfig wg2 up");
  // The right side forgot its session, the left one will notice after 15 s: so the right one
  // begins.
  await ping(room, "right", "192.168.5.1");
  await ping(room, "left", "192.168.5.2");
});

Deno.test("a port in use gives EADDRINUSE and leaves nothing behind", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create wgport 7111");
  const before = await traces(room);
  const refused = await may(room, `ifconfig wg2 create wgport 7111 wgkey ${randomKey()}`);
  equal(refused.code, 1);
  match(refused.stderr, /^ifconfig: [^\n]*7111[^\n]*\(EADDRINUSE\)\n$/);
  deepEqual(await traces(room), before);
  equal((await may(room, "ip link show wg2")).code, 1);

  await must(room, "ifconfig wg2 create wgport 7222");
  const shown = await must(room, "ifconfig wg2");
  const moved = await may(room, "ifconfig wg2 wgport 7111 mtu 1300");
  equal(moved.code, 1);
  match(moved.stderr, /\(EADDRINUSE\)\n$/);
  equal(await must(room, "ifconfig wg2"), shown);
  match(await must(room, "netstat -ln"), /\*\.7222/);
});

Deno.test("no secret is in the argv or environment of the daemon", NEEDED, async () => {
  await using room = await wgRoom();
  const [key, psk] = [randomKey(), randomKey()];
  await must(
    room,
    `ifconfig wg1 create wgport 7111 wgkey ${key} wgpeer ${randomKey()} wgpsk ${psk}`,
  );
  const pid = await daemonOf(room, "wg1");
  for (const file of ["cmdline", "environ"]) {
    const text = await Deno.readTextFile(`/proc/${pid}/${file}`);
    for (const secret of [key, psk]) {
      equal(text.includes(secret), false);
      equal(text.includes(Uint8Array.fromBase64(secret).toHex()), false);
    }
  }
  // No terminal, no inherited descriptors.
  const afterName = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "");
  const [, , , session, terminal] = afterName.split(" ");
  equal(terminal, "0", session);
  // Right behind the word that it is ready, which goes over one of them.
  await eventually(
    "standard descriptors on /dev/null",
    () =>
      [0, 1, 2].every((descriptor) =>
        Deno.readLinkSync(`/proc/${pid}/fd/${descriptor}`) === "/dev/null"
      ),
  );
});
