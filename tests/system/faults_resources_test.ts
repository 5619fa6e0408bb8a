/**
 * What a running interface needs runs out under traffic: room in /run, the right to write there,
 * descriptors, memory. What runs goes on, or ends and is started again, and a command says in a
 * line what it could not do.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { descriptorsFor } from "../../lib/daemon/descriptors.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { memoryLimit } from "./memory_limit.ts";
import { needs } from "./needs.ts";
import { may, must, ping, traces, tunnel, WG, wgRoom } from "./peers.ts";
import { daemonOf, descriptorsOf, pinging, residentMb, sleep } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
const FOLDER = "/run/wireguard";
/** Descriptors that the packed program requires. */
const DESCRIPTORS_MIN = descriptorsFor(1);
const LIMIT_BYTES = 8 << 20;

const shell = (room: Room, script: string, netns?: string) =>
  room.run(["sh", "-c", script], netns === undefined ? {} : { netns });

/** Changes a limit of a running process, e.g. "--nofile=3:". */
async function setLimit(pid: number, limit: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("prlimit", { args: [`--pid=${pid}`, limit] })
    .output();
  ok(success, new TextDecoder().decode(stderr));
}

Deno.test("the control folder gets full", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, `mkdir ${FOLDER}`);
  await must(room, `mount -t tmpfs -o size=64k,nr_inodes=32,mode=755 tmpfs ${FOLDER}`);
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const fill =
    `cd ${FOLDER}; i=0; while true >full$i; do i=$((i + 1)); done 2>/dev/null; [ $i -gt 0 ]`;
  equal((await shell(room, fill)).code, 0);
  const pings = pinging(room, "left", "192.168.5.2");
  await pings.goesOn("traffic");
  // A running interface is changed and renamed all the same.
  await must(room, "ifconfig wg1 wgport 7112", "left");
  await must(room, "ip -n left link set wg1 name wg5");
  await eventually("wg5", async () => (await may(room, "ls /run/wireguard/wg5.sock")).code === 0);
  match(await must(room, "ifconfig wg5", "left"), /\twgport 7112\n/);
  await pings.goesOn("traffic with a full folder");
  const refused = await may(room, "ifconfig wg3 create");
  equal(refused.code, 1);
  match(refused.stderr, /^ifconfig: [^\n]*wg3[^\n]*(ENOSPC|No space left)[^\n]*\n$/);
  equal((await may(room, "ip link show wg3")).code, 1);
  await shell(room, `rm ${FOLDER}/full*`);
  await must(room, "ifconfig wg3 create");
  // What could not be written is written without another change.
  await eventually(
    "the public file",
    async () => (await may(room, `grep -x listen_port=7112 ${FOLDER}/wg5.public`)).code === 0,
  );
  await pings.end();
  for (const name of ["wg3", "wg5", "wg2"]) await must(room, `ifconfig ${name} destroy`);
  deepEqual(await traces(room), ["left", "right"]);
});

Deno.test("a folder that takes the sockets and no more text", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, `mkdir ${FOLDER}`);
  await must(room, `mount -t tmpfs -o size=64k,mode=755 tmpfs ${FOLDER}`);
  // All pages are taken, and inodes are left.
  await shell(room, `cat /dev/zero >${FOLDER}/full 2>/dev/null`);
  const { code, stderr } = await may(room, "ifconfig wg3 create");
  equal(code, 0);
  const told = /wg3\.public: write: No space left on device \(ENOSPC\); it is tried again\n/;
  match(stderr, told);
  match(await must(room, `${WG} dmesg wg3`), told);
  await must(room, `rm ${FOLDER}/full`);
  await eventually(
    "the public file",
    async () => (await may(room, `grep -c listen_port ${FOLDER}/wg3.public`)).code === 0,
  );
  await must(room, "ifconfig wg3 destroy");
});

Deno.test("the control folder becomes read-only", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, `mkdir ${FOLDER}`);
  await must(room, `mount -t tmpfs -o mode=755 tmpfs ${FOLDER}`);
  await tunnel(room);
  const pings = pinging(room, "left", "192.168.5.2");
  await pings.goesOn("traffic");
  await must(room, `mount -o remount,ro ${FOLDER}`);
  await must(room, "ifconfig wg1 wgport 7112", "left");
  match(await must(room, "ifconfig wg1", "left"), /\twgport 7112\n/);
  await must(room, "ip -n left link set wg1 name wg5");
  await pings.goesOn("traffic with a folder that is read-only");
  const refused = await may(room, "ifconfig wg3 create");
  equal(refused.code, 1);
  match(refused.stderr, /^ifconfig: [^\n]*wg3[^\n]*(EROFS|Read-only)[^\n]*\n$/);
  // An end leaves its files, which are in nobody's way later.
  equal((await may(room, "ifconfig wg2 destroy")).code, 0);
  equal((await may(room, "ip -n right link show wg2")).code, 1);
  await must(room, `mount -o remount,rw ${FOLDER}`);
  await eventually("wg5", async () => (await may(room, "ls /run/wireguard/wg5.sock")).code === 0);
  await must(room, "ifconfig wg2 create", "right");
  for (const name of ["wg5", "wg2"]) await must(room, `ifconfig ${name} destroy`);
  await pings.end();
  deepEqual(await traces(room), ["left", "right"]);
});

Deno.test("descriptors run out under traffic", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const pid = await daemonOf(room, "wg1");
  const before = descriptorsOf(pid);
  const pings = pinging(room, "left", "192.168.5.2");
  await pings.goesOn("traffic");
  await setLimit(pid, "--nofile=3:");
  // Nobody can be served, which commands say in a line. Packets and handshakes go on.
  const { code, stderr } = await may(room, "ifconfig wg1");
  equal(code, 1);
  match(stderr, /^ifconfig: wg1: [^\n]+\n$/);
  await must(room, "ip -n left link set wg1 mtu 1300");
  await must(room, "ifconfig wg2 down", "right");
  await must(room, "ifconfig wg2 up", "right");
  // Otherwise it takes 15 s until the left side begins a handshake.
  await may(room, "ping -n -c 3 -i 0.2 -W 1 192.168.5.1", "right");
  await pings.goesOn("traffic with new sessions");
  await setLimit(pid, "--nofile=1024:");
  match(await must(room, "ifconfig wg1"), / mtu 1300\n/);
  await eventually("the descriptors of before", () => descriptorsOf(pid) <= before + 3);
  await pings.end();
});

Deno.test("clients take the last descriptors: others are told so at once", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const pid = await daemonOf(room, "wg1");
  const highest = Math.max(
    ...[...Deno.readDirSync(`/proc/${pid}/fd`)].map((entry) => Number(entry.name)),
  );
  const pings = pinging(room, "left", "192.168.5.2");
  await setLimit(pid, `--nofile=${highest + 4}:`);
  const path = `/proc/${room.pid}/root${FOLDER}/wg1.sock`;
  const clients: Deno.UnixConn[] = [];
  const refused = async () => {
    const shown = await may(room, "ifconfig wg1");
    return shown.code === 1 && /^ifconfig: wg1: [^\n]*EMFILE[^\n]*\n$/.test(shown.stderr);
  };
  await eventually("a refusal", async () => {
    for (let i = 0; i < 10; i++) clients.push(await Deno.connect({ transport: "unix", path }));
    return await refused();
  });
  // Again, and packets move meanwhile.
  ok(await refused());
  await pings.goesOn("traffic");
  for (const client of clients) client.close();
  await eventually("an answer", async () => (await may(room, "ifconfig wg1")).code === 0);
  await setLimit(pid, "--nofile=1024:");
  await pings.end();
});

Deno.test("too few descriptors at the start are said in a line", NEEDED, async () => {
  await using room = await wgRoom();
  for (const few of [20, DESCRIPTORS_MIN - 1]) {
    const { code, stdout, stderr } = await shell(room, `ulimit -n ${few}; ifconfig wg1 create`);
    deepEqual([code, stdout], [1, ""]);
    equal(
      stderr,
      `wg: only ${few} files may be open at once (ulimit -n); ${DESCRIPTORS_MIN} are required\n`,
    );
  }
  deepEqual(await traces(room), []);
  // A soft limit is raised.
  equal((await shell(room, "ulimit -S -n 20; ifconfig wg1 create")).code, 0);
  equal((await shell(room, `ulimit -n ${DESCRIPTORS_MIN}; ifconfig wg2 create`)).code, 0);
  for (const name of ["wg1", "wg2"]) await must(room, `ifconfig ${name} destroy`);
});

Deno.test("descriptors are required for all Workers, before anything is made", NEEDED, async () => {
  await using room = await wgRoom();
  for (const workers of [4, 32]) {
    const required = descriptorsFor(workers);
    for (
      const [word, line] of [
        ["wgworkers", `ifconfig wg1 create wgworkers ${workers}`],
        ["WG_WORKERS", `WG_WORKERS=${workers} ${WG} wg1`],
        ["WG_WORKERS", `WG_WORKERS=${workers} ${WG} -f wg1`],
      ]
    ) {
      const { code, stdout, stderr } = await shell(room, `ulimit -n ${required - 1}; ${line}`);
      deepEqual([code, stdout], [1, ""]);
      equal(
        stderr,
        `${line.includes("ifconfig") ? "ifconfig" : "wg"}: ${word}: ${workers} Workers require ` +
          `${required} open files; only ${required - 1} are allowed (ulimit -n)\n`,
      );
    }
    deepEqual(await traces(room), []);
    const soft = `ulimit -n ${required}; ulimit -S -n 64; ifconfig wg1 create wgworkers ${workers}`;
    equal((await shell(room, soft)).code, 0);
    // A dozen are left for clients.
    const pid = await daemonOf(room, "wg1");
    ok(required - descriptorsOf(pid) >= 12);
    await must(room, "ifconfig wg1 destroy");
  }
});

/** Has the process allocate: the answers for many peers, and the peers. */
async function makeItAllocate(room: Room): Promise<void> {
  const peers = Array.from({ length: 20_000 }, (_, i) => {
    const key = crypto.getRandomValues(new Uint8Array(32)).toHex();
    return `public_key=${key}\nallowed_ip=10.${100 + (i >> 8)}.${i & 255}.1/32\n`;
  });
  const path = `/proc/${room.pid}/root${FOLDER}/wg1.sock`;
  const text = new TextEncoder().encode(`set=1\n${peers.join("")}\nget=1\n\n`);
  try {
    using client = await Deno.connect({ transport: "unix", path });
    for (let at = 0; at < text.length;) at += await client.write(text.subarray(at));
    const piece = new Uint8Array(65_536);
    for (let answers = ""; !/errno=-?\d+\n\n[^]*errno=-?\d+\n\n/.test(answers);) {
      const count = await client.read(piece);
      if (count === null) return;
      answers = answers.slice(-200) + new TextDecoder().decode(piece.subarray(0, count));
    }
  } catch {
    // It ended meanwhile.
  }
}

Deno.test("memory runs out: it goes on, or it ends and is started again", NEEDED, async (t) => {
  const exhaust = async (limit: (pid: number) => Promise<unknown>): Promise<string> => {
    await using room = await wgRoom();
    const { keys, publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const pid = await daemonOf(room, "wg1");
    const pings = pinging(room, "right", "192.168.5.1");
    await pings.goesOn("traffic");
    await limit(pid);
    await makeItAllocate(room);
    await sleep(500);
    const isAlive = (await may(room, "ip -n left link show wg1")).code === 0;
    if (!isAlive) {
      // The device went with the process, and nothing is in the way of another one.
      await eventually(
        "its end",
        async () => !(await room.processes()).some((line) => line.includes("daemon wg1")),
      );
      const peer = `wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32`;
      await must(room, `ifconfig wg1 create wgport 7111 wgkey ${keys.left} ${peer}`, "left");
      await must(room, "ifconfig wg1 192.168.5.1/24", "left");
      await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    }
    match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    await pings.goesOn("traffic afterwards");
    await pings.end();
    for (const name of ["wg1", "wg2"]) await must(room, `ifconfig ${name} destroy`);
    await eventually("the end", async () => (await traces(room)).length === 2);
    return isAlive ? "it went on" : "it ended";
  };

  await t.step("address space", async () => {
    const how = await exhaust(async (pid) => {
      const pages = Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[0]);
      await setLimit(pid, `--as=${pages * 4_096 + (1 << 20)}`);
    });
    console.log(`        ${how}`);
  });

  using limit = memoryLimit(LIMIT_BYTES);
  await t.step({
    name: "a cgroup",
    ignore: limit === undefined,
    fn: async () => {
      const how = await exhaust(async (pid) => {
        // What it has stays charged elsewhere. The limit is for what it takes from now on.
        await Deno.writeTextFile(limit!.procs, String(pid));
        ok(residentMb(pid) > 0);
      });
      console.log(`        ${how}`);
      equal(how, "it ended");
    },
  });
});
