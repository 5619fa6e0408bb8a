/**
 * Floods as fast as a second process sends: memory stays bounded, also for who has only 160 MiB,
 * the tunnel and the control socket live on, and a stranger is served meanwhile.
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { FLOODS } from "../../scripts/bench/flood_load.ts";
import { memoryLimit } from "./memory_limit.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, traces, tunnel, wgRoom } from "./peers.ts";
import { daemonOf, residentMb } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

/** What the process of an interface may take under any flood. */
const RESIDENT_MAX_MB = 120;
const LIMIT_BYTES = 160 << 20;
/** What it may keep of what it had before the floods. */
const KEPT_MAX_MB = 15;

/** What a counter of wg2 shows; 0 when it is not shown. */
async function counter(room: Room, name: string): Promise<number> {
  const shown = await must(room, "ifconfig wg2 hwfeatures");
  return Number(new RegExp(`\\t${name} (\\d+)\\n`).exec(shown)?.[1] ?? 0);
}

/** Lets the floods' sources be answered. */
async function openSources(room: Room): Promise<void> {
  await must(room, "ip -n left route add local 10.1.0.0/16 dev lo");
  await must(room, "ip -n right route add 10.1.0.0/16 via 10.0.0.1");
  await must(room, "ip -n left route add local fd10::/112 dev lo");
  await must(room, "ip -n right route add fd10::/112 via fd00::1");
}

/** Starts a flood, as fast as the sender can or at `rate` datagrams a second. */
function flood(
  room: Room,
  kind: string,
  key: string,
  seconds: number,
  rate = Infinity,
  address = "10.0.0.2",
): Running {
  const script = ["run", "-A", `--config=${ROOT}deno.json`, `${ROOT}scripts/bench/flood_load.ts`];
  const words = [kind, address, "7222", key, String(seconds), String(rate)];
  return room.spawn(["setsid", Deno.execPath(), ...script, ...words], {
    netns: "left",
    env: { HOME: Deno.env.get("HOME") ?? "/root" },
  });
}

for (const workers of [1, 2] as const) {
  Deno.test(
    `floods of every kind, with ${workers} Workers: memory stays bounded`,
    NEEDED,
    async () => {
      await using room = await wgRoom();
      const { publicKeys } = await tunnel(room, "10.0.0.2", "", workers);
      await ping(room, "left", "192.168.5.2");
      await openSources(room);
      const pid = await daemonOf(room, "wg2");
      const before = residentMb(pid);
      let most = before;
      for (const kind of Object.keys(FLOODS)) {
        const sender = flood(room, kind, publicKeys.right, 1.5);
        let over = false;
        sender.status.then(() => over = true);
        while (!over) {
          most = Math.max(most, residentMb(pid));
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        ok(Number(sender.output()) > 1_000, `${kind}: ${sender.output()}`);
        ok(most < RESIDENT_MAX_MB, `${kind}: ${most} MB`);
        await ping(room, "left", "192.168.5.2");
      }
      for (
        const name of [
          "handshake_mac1_wrong",
          "handshake_unknown_index",
          "cookie_unknown_index",
          "rx_no_session",
        ]
      ) {
        ok(await counter(room, name) > 0, name);
      }
      console.log(`      resident: ${before.toFixed()} MB, under floods ${most.toFixed()} MB`);
      await eventually(
        "that it is as small as before",
        () => residentMb(pid) < before + KEPT_MAX_MB,
      );
      await must(room, "ifconfig wg2 destroy");
      await must(room, "ifconfig wg1 destroy");
      deepEqual(await traces(room), ["left", "right"]);
    },
  );
}

Deno.test("floods of every kind at once within 160 MiB", NEEDED, async (t) => {
  using limit = memoryLimit(LIMIT_BYTES);
  await t.step({
    name: "with a cgroup of its own",
    ignore: limit === undefined,
    fn: async () => {
      await using room = await wgRoom();
      const { publicKeys } = await tunnel(room);
      await ping(room, "left", "192.168.5.2");
      await openSources(room);
      await must(room, "ifconfig wg2 destroy");
      // Another one in its place, from its first byte on within the limit.
      const key = randomKey();
      const words =
        `create wgport 7222 wgkey ${key} wgpeer ${publicKeys.left} wgaip 192.168.5.1/32`;
      const line =
        `echo $$ >${limit?.procs} && ifconfig wg2 ${words} && ifconfig wg2 192.168.5.2/24`;
      await room.output(["sh", "-c", line], { netns: "right" });
      const pid = await daemonOf(room, "wg2");
      ok(
        Deno.readTextFileSync(limit!.procs).split("\n").includes(String(pid)),
      );
      const ours = await publicKey(room, "wg2");
      await must(
        room,
        `ifconfig wg1 -wgpeerall wgpeer ${ours} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32`,
      );
      await ping(room, "left", "192.168.5.2");
      const senders = Object.keys(FLOODS).map((kind) => flood(room, kind, ours, 3));
      for (const sender of senders) {
        await sender.status;
        ok(Number(sender.output()) > 1_000, sender.output());
      }
      equal(await daemonOf(room, "wg2"), pid);
      await ping(room, "left", "192.168.5.2");
    },
  });
});

Deno.test(
  "a new peer connects and a tunnel goes on during a flood of initiations",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    await openSources(room);
    await room.namespace("stranger");
    await room.link(
      { netns: "stranger", name: "cable", addresses: ["10.0.9.1/24"] },
      { netns: "right", name: "other", addresses: ["10.0.9.2/24"] },
    );
    // Many times what the control plane can answer.
    const sender = flood(room, "initiations", publicKeys.right, 100, 60_000);
    await eventually("load", async () => await counter(room, "cookie_sent") > 1_000);
    await must(room, `ifconfig wg3 create wgport 7333 wgkey ${randomKey()}`, "stranger");
    await must(
      room,
      `ifconfig wg2 wgpeer ${await publicKey(room, "wg3")} wgaip 192.168.5.3/32`,
      "right",
    );
    await must(
      room,
      `ifconfig wg3 wgpeer ${publicKeys.right} wgendpoint 10.0.9.2 7222 wgaip 192.168.5.2/32`,
      "stranger",
    );
    await must(room, "ifconfig wg3 192.168.5.3/24", "stranger");
    // It takes six seconds: the second initiation has the cookie. Where other programs use the
    // processors too, the kernel may drop one or the other, and each costs five seconds more.
    const patience = ["-w", "60", "-W", "60"];
    await room.output(["ping", "-n", "-c", "1", ...patience, "192.168.5.2"], {
      netns: "stranger",
      timeoutMs: 90_000,
    });
    // Some of a running tunnel's packets may be lost in the flood; the tunnel is not.
    equal((await may(room, "ping -n -c 10 -i 0.05 -W 20 192.168.5.2", "left")).code, 0);
    equal(sender.output(), "", "the flood goes on");
    sender.signal("SIGKILL");
    await sender.status;
  },
);

for (
  const [tunnelled, outer, flooded, workers] of [
    ["IPv4", "10.0.0.2", "fd00::2", 1],
    ["IPv6", "fd00::2", "10.0.0.2", 2],
  ] as const
) {
  Deno.test(
    `a flood of the other family leaves a tunnel over ${tunnelled} alone, with ${workers} Workers`,
    NEEDED,
    async () => {
      await using room = await wgRoom();
      const { publicKeys } = await tunnel(room, outer, "", workers);
      await ping(room, "left", "192.168.5.2");
      await openSources(room);
      const senders = [1, 2].map(() =>
        flood(room, "mac2s", publicKeys.right, 100, Infinity, flooded)
      );
      await eventually(
        "that more comes than is read",
        async () => await counter(room, "udp_overflowed") > 1_000,
      );
      const { stdout } = await may(room, "ping -n -c 20 -i 0.1 -W 5 192.168.5.2", "left");
      // Where other programs use the processors too, the kernel may drop some.
      ok(Number(/(\d+) received/.exec(stdout)?.[1]) >= 15, stdout);
      const key = randomKey();
      await must(room, `ifconfig wg3 create wgport 7333 wgkey ${key}`, "left");
      const newcomer = await publicKey(room, "wg3");
      await must(room, `ifconfig wg2 wgpeer ${newcomer} wgaip fd05::3/128`, "right");
      const peer = `wgpeer ${publicKeys.right} wgendpoint ${outer} 7222 wgaip fd05::2/128 wgpka 25`;
      await must(room, `ifconfig wg3 ${peer} up`, "left");
      await eventually(
        "that a new peer connects",
        async () => (await must(room, "ifconfig wg3", "left")).includes("last handshake"),
      );
      for (const sender of senders) {
        equal(sender.output(), "", "the flood goes on");
        sender.signal("SIGKILL");
        await sender.status;
      }
    },
  );
}
