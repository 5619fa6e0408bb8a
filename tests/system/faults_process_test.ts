/**
 * What happens to the process of an interface from outside, under traffic: it is killed, it is
 * stopped for longer than its sessions live, and its link goes down and up a hundred times.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, connect, may, must, ping, randomKey, traces, tunnel, WG, wgRoom } from "./peers.ts";
import { daemonOf, descriptorsOf, killDaemon, pinging, sleep, writtenMb } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
/** What garbage, caches and the stacks of threads may add. */
const KEPT_MAX_MB = 12;
/** Connections that commands have open, and watches of the runtime. */
const KEPT_MAX_DESCRIPTORS = 3;

Deno.test(
  "killed by SIGKILL under traffic, it is started again under its name, and the peer connects",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { keys, publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const pings = pinging(room, "right", "192.168.5.1");
    for (let round = 0; round < 3; round++) {
      await pings.goesOn(`traffic, round ${round}`);
      const pid = await killDaemon(room, "wg1");
      // The device ends with the process. The files stay, and are in nobody's way.
      equal((await may(room, "ip link show wg1", "left")).code, 1);
      ok((await must(room, "ls /run/wireguard")).includes("wg1.sock"));
      const shown = await may(room, "ifconfig wg1", "left");
      deepEqual([shown.code, shown.stdout], [1, ""]);
      match(shown.stderr, /^ifconfig: wg1: no such interface\n$/);
      match(await must(room, "ifconfig"), /^wg2: /m);
      // With the same key and port. The peer's session is dead, and its data starts no handshake
      // here: this side has to begin, or the other one after 15 s without an answer.
      const peer = `wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32`;
      await must(room, `ifconfig wg1 create wgport 7111 wgkey ${keys.left} ${peer}`, "left");
      await must(room, "ifconfig wg1 192.168.5.1/24", "left");
      ok(await daemonOf(room, "wg1") !== pid);
      if (round === 1) await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    }
    await pings.goesOn("traffic at the end");
    await pings.end();
    await must(room, "ifconfig wg1 destroy");
    await must(room, "ifconfig wg2 destroy");
    deepEqual(await traces(room), ["left", "right"]);
  },
);

Deno.test(
  "stopped under traffic for longer than its sessions and handshakes live, it goes on by itself",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    // Protocol times divided by forty: sessions live for 4.5 s, keys are erased after 13.5 s.
    const script = `${ROOT}scripts/soak/short_daemon.ts`;
    const argv = ["run", "-A", "--quiet", "--no-check", script, "wg1", "1"];
    const stopped = room.spawn(
      ["sh", "-c", 'exec "$@" </dev/null', "sh", Deno.execPath(), ...argv],
      {
        netns: "left",
        env: { HOME: Deno.env.get("HOME") ?? "/root" },
      },
    );
    await stopped.wrote("errno=0");
    await must(room, `ifconfig wg1 wgport 7111 wgkey ${randomKey()}`, "left");
    await must(room, `ifconfig wg2 create wgport 7222 wgkey ${randomKey()}`, "right");
    await connect(room);
    await ping(room, "left", "192.168.5.2");
    const pings = pinging(room, "left", "192.168.5.2");
    await pings.goesOn("traffic");
    const line = (await room.processes()).find((each) => each.endsWith("short_daemon.ts wg1 1"));
    const pid = Number(line?.split(" ")[0]);
    const before = { mb: writtenMb(pid), descriptors: descriptorsOf(pid) };
    for (const ms of [500, 6_000, 15_000]) {
      stopped.signal("SIGSTOP");
      await sleep(ms);
      stopped.signal("SIGCONT");
      await pings.goesOn(`traffic after ${ms} ms`);
      match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    }
    await pings.end();
    equal(new Set(pings.answered()).size, pings.answered().length, "none is answered twice");
    ok(writtenMb(pid) < before.mb + KEPT_MAX_MB);
    ok(descriptorsOf(pid) <= before.descriptors + KEPT_MAX_DESCRIPTORS);
    stopped.signal("SIGTERM");
    equal((await stopped.status).code, 0);
  },
);

Deno.test(
  "down and up a hundred times under traffic: memory and descriptors are as before",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const pid = await daemonOf(room, "wg1");
    const pings = pinging(room, "left", "192.168.5.2");
    const downAndUp = (times: number) =>
      room.output(["ip", "-n", "left", "-batch", "-"], {
        stdin: "link set wg1 down\nlink set wg1 up\n".repeat(times),
      });
    // While the link is down, ping would not start: it has no route.
    await pings.goesOn("traffic at first");
    // The first times fill caches.
    await downAndUp(20);
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 up", "left");
    await pings.goesOn("traffic");
    await sleep(2_000);
    const before = { mb: writtenMb(pid), descriptors: descriptorsOf(pid) };
    const threads = [...Deno.readDirSync(`/proc/${pid}/task`)].length;
    for (let round = 0; round < 10; round++) {
      await downAndUp(10);
      await pings.goesOn(`traffic, round ${round}`).catch(async (error) => {
        console.error(await must(room, "ifconfig wg1 hwfeatures", "left"));
        throw error;
      });
    }
    const settles = (what: string, now: () => number, max: number) =>
      eventually(what, () => now() <= max).catch((error) => {
        throw new Error(`${error.message}: ${now()}; ${max} at most`, { cause: error });
      });
    await settles("memory in MiB", () => writtenMb(pid), before.mb + KEPT_MAX_MB);
    const descriptorsMax = before.descriptors + KEPT_MAX_DESCRIPTORS;
    await settles("descriptors", () => descriptorsOf(pid), descriptorsMax);
    await settles("threads", () => [...Deno.readDirSync(`/proc/${pid}/task`)].length, threads);
    await pings.end();
  },
);

Deno.test("a process ends by itself when nobody takes its answer", NEEDED, async () => {
  await using room = await wgRoom();
  const before = await traces(room);
  // As after SIGKILL of the command that starts it, before or after the configuration is whole.
  for (const configuration of ["listen_port=7111\\n\\n", "listen_port=7111\\n", ""]) {
    const line = `printf '${configuration}' | ${WG} daemon wg3 2>/run/said | true`;
    equal((await room.run(["sh", "-c", line])).code, 0);
    deepEqual(await traces(room), before, configuration);
    equal((await may(room, "ip link show wg3")).code, 1);
  }
});
