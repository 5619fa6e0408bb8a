/**
 * Network namespaces that end: nothing of ours keeps one alive, and an interface goes with the
 * namespace it is in.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, traces, tunnel, WG, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

/** Starts the daemon of wg1 with so many Workers, in the room's own namespace. */
async function startDaemon(room: Room, workers: 1 | 2): Promise<void> {
  const daemon = room.spawn(["sh", "-c", `exec ${WG} daemon wg1 ${workers} </dev/null`]);
  await daemon.wrote("errno=0");
  await must(room, "ifconfig wg1 wgport 7111");
}

/**
 * A namespace without a name that lives as long as a process, and the process' number inside the
 * room.
 */
async function unnamedNamespace(
  room: Room,
): Promise<{ readonly holder: Running; readonly pid: string }> {
  const holder = room.spawn(["unshare", "-n", "sh", "-c", "echo $$; exec sleep 1000"]);
  const [, pid] = await holder.wrote(/^(\d+)\n/);
  return { holder, pid };
}

/** Everything of wg1 is gone, and may be there again. */
async function endsWhole(room: Room, left: readonly string[]): Promise<void> {
  await eventually("the end of wg1", async () => {
    const now = await traces(room);
    return now.length === left.length && now.every((line) => left.includes(line));
  });
  equal((await must(room, "netstat -ln")).includes(".7111 "), false);
  await must(room, "ifconfig wg1 create wgport 7111");
  await must(room, "ifconfig wg1 destroy");
}

for (const workers of [1, 2] as const) {
  Deno.test(
    `an interface in a container's namespace ends with its last process, ${workers} workers`,
    NEEDED,
    async () => {
      await using room = await wgRoom();
      const before = await traces(room);
      const { holder, pid } = await unnamedNamespace(room);
      await startDaemon(room, workers);
      await must(room, `ip link set wg1 netns ${pid}`);
      // Commands of all kinds went there meanwhile.
      await must(room, "ifconfig wg1 192.168.5.1/24");
      match(await must(room, "ifconfig wg1"), /\tinet 192\.168\.5\.1 /);
      await must(room, "ifconfig wg1 description inside");
      match(await must(room, `nsenter -t ${pid} -n ip link show dev wg1`), /alias inside/);
      holder.signal("SIGKILL");
      await holder.status;
      await endsWhole(room, before);
    },
  );
}

Deno.test("an interface in a named namespace ends when the name is deleted", NEEDED, async () => {
  await using room = await wgRoom();
  const before = await traces(room);
  await room.namespace("inside");
  await must(room, "ifconfig wg1 create wgport 7111");
  await must(room, "ip link set wg1 netns inside");
  await must(room, "ifconfig wg1 192.168.5.1/24");
  await must(room, "ip netns del inside");
  await endsWhole(room, before);
});

Deno.test(
  "an interface that moves from namespace to namespace is followed at once",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await room.namespace("first");
    await room.namespace("second");
    /** Less than the five seconds after which the daemon looks by itself. */
    const atOnce = async (what: string, shown: RegExp) => {
      const since = performance.now();
      await eventually(
        what,
        async () => shown.test(await must(room, "cat /run/wireguard/wg1.public")),
      );
      return performance.now() - since;
    };
    const times: number[] = [];
    let here = "left";
    for (const place of ["first", "second", "left", "second"]) {
      await must(room, `ip -n ${here} link set wg1 netns ${place}`);
      here = place;
      const inode = (await must(room, "readlink /proc/self/ns/net", place)).trim().replaceAll(
        /[[\]]/g,
        "\\$&",
      );
      times.push(await atOnce(`wg1 in ${place}`, new RegExp(`^netns=${inode}$`, "m")));
      await must(room, `ip -n ${here} link set wg1 mtu 1380`);
      times.push(await atOnce("mtu", /^mtu=1380$/m));
      await must(room, `ip -n ${here} link set wg1 mtu 1400 up`);
      times.push(await atOnce("up", /^mtu=1400$/m), await atOnce("up", /^up=true$/m));
      await must(room, `ip -n ${here} address add 192.168.5.1/24 dev wg1`);
      await ping(room, here, "192.168.5.2");
      await must(room, `ip -n ${here} link set wg1 down`);
      times.push(await atOnce("down", /^up=false$/m));
    }
    // One look every five seconds would find half of these changes later than this.
    const late = times.filter((time) => time > 2_500);
    equal(
      late.length < times.length / 4,
      true,
      `${late.length} of ${times.length} changes were seen late`,
    );
    deepEqual((await may(room, "ip -n second link del wg1")).code, 0);
  },
);

Deno.test(
  "a daemon with CAP_NET_ADMIN alone, which cannot enter namespaces, follows and ends as well",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    const { holder, pid } = await unnamedNamespace(room);
    const only = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin"];
    const daemon = room.spawn([...only, WG, "-f", "wg1"]);
    await eventually("wg1", async () => (await may(room, "ifconfig wg1")).code === 0);
    match(await must(room, "ip -d link show wg1"), / addrgenmode none /);
    await must(room, `ip link set wg1 netns ${pid}`);
    await must(room, `nsenter -t ${pid} -n ip link set wg1 name wg7`);
    await must(room, `nsenter -t ${pid} -n ip link set wg7 up`);
    await eventually("wg7", async () => (await may(room, "ifconfig wg7")).stdout.includes("<UP,"));
    await eventually(
      "up",
      async () => (await may(room, "cat /run/wireguard/wg7.public")).stdout.includes("\nup=true\n"),
    );
    await must(room, "ifconfig wg7 192.168.5.1/24");
    match(await must(room, "ifconfig wg7"), /\tinet 192\.168\.5\.1 /);
    await must(room, "ifconfig wg7 down");
    await eventually(
      "down",
      async () => (await must(room, "cat /run/wireguard/wg7.public")).includes("\nup=false\n"),
    );
    holder.signal("SIGKILL");
    await holder.status;
    equal((await daemon.status).code, 0);
    match(daemon.output(), /^wg7: stopped: deleted$/m);
  },
);

/** Longer than the daemons take to notice that a namespace lost its name. */
const NOTICED_MS = 7_000;

Deno.test(
  "interfaces end with the namespace they were made in, wherever they are",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const before = await traces(room);
    await room.namespace("birth");
    await room.namespace("stays");
    await must(room, "ifconfig wg1 create wgport 7111", "birth");
    await must(room, "ifconfig wg2 create wgport 7112", "birth");
    await must(room, "ip netns exec birth ifconfig wg3 create");
    // Processes that look up names are there too, with what they have started.
    await writeFile(room, "/run/getent", "#!/bin/sh\nexec sleep 1000\n", "755");
    await must(room, "mount --bind /run/getent /usr/bin/getent");
    for (const name of ["wg1", "wg2"]) {
      await must(room, `ifconfig ${name} wgpeer ${randomKey()} wgendpoint a.invalid 7`, "birth");
    }
    const lookUps = (await room.processes()).filter((line) => /wg-look-ups|sleep 1000/.test(line));
    ok(lookUps.length >= 4, lookUps.join("\n"));
    await must(room, "ip -n birth link set wg2 netns stays");
    await must(room, "ip netns del birth");
    await eventually(
      "their ends",
      async () => (await traces(room)).every((line) => [...before, "stays"].includes(line)),
    );
    equal((await may(room, "ip -n stays link show wg2")).code, 1);
  },
);

Deno.test(
  "a process in the namespace keeps the interface running after its name was deleted",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const inhabitant = room.spawn(["sleep", "1000"], { netns: "left" });
    await eventually(
      "sleep",
      async () => (await room.processes()).some((line) => line.endsWith(" sleep 1000")),
    );
    await must(room, "ip netns del left");
    await new Promise((resolve) => setTimeout(resolve, NOTICED_MS));
    await must(room, "ping -n -c 1 -w 60 -W 60 192.168.5.1", "right");
    inhabitant.signal("SIGKILL");
    await inhabitant.status;
    await eventually("the end of wg1", async () => !(await traces(room)).includes("wg1.sock"));
    match(await must(room, "ifconfig wg2", "right"), /\twgport 7222\n/);
  },
);

Deno.test("an interface ends with the rdomain that its sockets are in", NEEDED, async () => {
  await using room = await wgRoom();
  const before = await traces(room);
  const running = room.spawn([WG, "-f", "wg1"]);
  await eventually("wg1", async () => (await may(room, "ifconfig wg1")).code === 0);
  await must(room, "ifconfig wg1 wgport 7111 wgrtable 3");
  await must(room, "ip netns del rdomain3");
  equal((await running.status).code, 0);
  match(
    running.output(),
    /^wg1: stopped: \/run\/netns\/rdomain3 was deleted and nobody else is in that network namespace$/m,
  );
  deepEqual(await traces(room), before);
});
