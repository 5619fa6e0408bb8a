/**
 * The history of peers as a user has it: real interfaces that are stopped, killed and made again,
 * recorders that are killed, peers that go and come, quotas, and the next month.
 */
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { connect, create, may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";
import { walk } from "./tour.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
const FILE = "/run/usage/usage.sqlite";

interface Shown {
  readonly recording: boolean;
  readonly usage: {
    readonly interface: string;
    readonly publicKey: string;
    readonly description?: string;
    readonly day?: string;
    readonly month?: string;
    readonly received: number;
    readonly sent: number;
  }[];
  readonly quotas: { readonly bytes: number; readonly used: number; readonly per: string }[];
}

const show = async (room: Room, words = "") =>
  JSON.parse(
    await must(room, `${WG} usage --json --file ${FILE}${words === "" ? "" : ` ${words}`}`),
  ) as Shown;

async function record(room: Room): Promise<Running> {
  const recorder = room.spawn([WG, "usage", "--record", "--every", "1", "--file", FILE]);
  await recorder.wrote(`records in ${FILE}`);
  return recorder;
}

type Pair = readonly [received: number, sent: number];

const sum = ([a, b]: Pair, [c, d]: Pair): Pair => [a + c, b + d];

/** What wg1 has received from its peers and sent to them, by its own counters. */
async function counters(room: Room): Promise<Pair> {
  const lines = (await must(room, `${WG} show wg1 transfer`)).trim().split("\n");
  return lines.map((line) => line.split("\t")).map(([, a, b]): Pair => [Number(a), Number(b)])
    .reduce(sum);
}

/** What the history has of wg1. */
async function recorded(room: Room): Promise<Pair> {
  const { usage } = await show(room, "wg1");
  return usage.map(({ received, sent }): Pair => [received, sent]).reduce(sum, [0, 0]);
}

/** Waits until the history has what the counters have now, and what was there before them. */
async function follows(room: Room, before: Pair = [0, 0]): Promise<Pair> {
  return await eventually("the counters in the history", async () => {
    const now = sum(before, await counters(room));
    const then = await recorded(room);
    return now[0] === then[0] && now[1] === then[1] && now;
  });
}

Deno.test("bytes survive killed recorders, new processes and removed peers", NEEDED, async () => {
  await using room = await wgRoom();
  const { keys, publicKeys } = await tunnel(room, "10.0.0.2", "wgdescr office");
  const none = await may(room, `${WG} usage --file ${FILE}`);
  equal(none.code, 1);
  match(none.stderr, /nothing was recorded yet/);
  let recorder = await record(room);
  await ping(room, "left", "192.168.5.2");
  const first = await follows(room);
  ok(first[0] > 400 && first[1] > 400);
  match(await must(room, `stat -c %a ${FILE} ${FILE}.lock`), /^600\n600$/m);
  const second = await may(room, `${WG} usage --record --file ${FILE}`);
  equal(second.code, 1);
  match(second.stderr, /another process records in this file \(EBUSY\)/);

  // A killed recorder loses nothing: the counters go on.
  recorder.signal("SIGKILL");
  await recorder.status;
  await ping(room, "left", "192.168.5.2");
  equal((await show(room)).recording, false);
  recorder = await record(room);
  ok((await follows(room))[1] > first[1]);
  equal((await show(room)).recording, true);

  // The same interface with new counters, which soon have passed the old ones.
  const pid = /"pid": (\d+)/.exec(await must(room, "ifconfig wg1 hwfeatures --json"))?.[1];
  await must(room, `kill -KILL ${pid}`);
  await eventually("its end", async () => (await may(room, "ifconfig wg1")).code !== 0);
  const before = await recorded(room);
  await create(room, "wg1", "left", `wgport 7111 wgkey ${keys.left}`);
  await connect(room, "10.0.0.2", "wgdescr office");
  await must(room, "ping -n -c 50 -i 0.01 -w 60 192.168.5.2", "left");
  const after = await follows(room, before);
  ok(after[0] > 2 * before[0] && after[1] > 2 * before[1], `${before} ${after}`);

  // A peer that was removed and made again, likewise.
  await must(room, `ifconfig wg1 -wgpeer ${publicKeys.right}`);
  const removed = await recorded(room);
  await connect(room, "10.0.0.2", "wgdescr office");
  await must(room, "ping -n -c 100 -i 0.01 -w 60 192.168.5.2", "left");
  await follows(room, removed);

  // SIGTERM takes a last sample. What is gone stays in the history.
  await must(room, "ping -n -c 3 -i 0.01 -w 60 192.168.5.2", "left");
  const atLeast = sum(removed, await counters(room));
  recorder.signal("SIGTERM");
  equal((await recorder.status).code, 0);
  await must(room, "ifconfig wg1 destroy");
  const [received, sent] = await recorded(room);
  ok(received >= atLeast[0] && sent >= atLeast[1]);
  const shown = await may(room, `${WG} usage --month --file ${FILE}`);
  match(shown.stderr, /^wg: nobody records in /);
  match(shown.stdout, /^month +interface +peer +received +sent\n\d{4}-\d{2} +wg1 +office +/);
});

Deno.test(
  "a quota disables its peer until it is raised or the next month begins",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room, "10.0.0.2", "wgdescr office");
    await must(room, "mkdir /run/usage");
    const setDate = (date: string) => room.output(["sh", "-c", `echo ${date} >/run/date`]);
    await setDate("2026-11-30");
    const script = `${ROOT}tests/system/usage_recorder.ts`;
    const recorder = room.spawn([
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      "--no-check",
      script,
      FILE,
      "/run/date",
    ]);
    const quota = (words: string) => may(room, `${WG} usage wg1 ${words} --file ${FILE}`);
    const said = (text: RegExp) => recorder.wrote(text);
    const pings = async () => (await may(room, "ping -n -c 1 -W 2 192.168.5.2", "left")).code === 0;
    await ping(room, "left", "192.168.5.2");
    await eventually(
      "the first sample",
      async () => (await may(room, `test -e ${FILE}`)).code === 0,
    );
    for (
      const [words, problem] of [
        [
          "nobody --quota 5G",
          /^wg: --quota: "nobody": no peer has this name; the peers are office\n$/,
        ],
        ["office --quota 5", /^wg: nobody records in /],
      ] as const
    ) match((await quota(words)).stderr, problem);
    await said(/^wg1: office: its quota of 5 B a month is used up; it is disabled$/m);
    match(await must(room, "ifconfig wg1"), /quota/);
    equal(await pings(), false);
    equal((await quota(`${publicKeys.right} --quota 1G`)).code, 0);
    await said(/^wg1: office: it is enabled, within its quota$/m);
    await eventually("traffic", pings);
    deepEqual((await show(room)).quotas.map(({ bytes, per }) => [bytes, per]), [[1e9, "month"]]);

    // Used up again, then another month.
    const used = (await show(room)).quotas[0].used;
    equal((await quota(`office --quota ${used}`)).code, 0);
    await said(/used up[^]*enabled[^]*used up/);
    await setDate("2026-12-01");
    await said(/used up[^]*enabled[^]*used up[^]*enabled/);
    await eventually("traffic in the next month", pings);
    const months = await eventually("two months", async () => {
      const { usage } = await show(room, "--month");
      const ours = usage.filter((row) => row.interface === "wg1");
      return ours.length === 2 && ours;
    });
    deepEqual(months.map(({ month }) => month), ["2026-12", "2026-11"]);

    // Without a quota a peer is enabled, also while nobody records.
    equal((await quota("office --quota 1")).code, 0);
    await said(/used up[^]*enabled[^]*used up[^]*enabled[^]*used up/);
    recorder.signal("SIGTERM");
    await recorder.status;
    match(await must(room, "ifconfig wg1"), /quota/);
    equal((await quota("office --quota none")).code, 0);
    doesNotMatch(await must(room, "ifconfig wg1"), /quota/);
  },
);

Deno.test(
  "a recorder killed at any time leaves a file that is whole and right",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    const others = Array.from({ length: 40 }, () => `wgpeer ${randomKey()}`);
    await must(room, `ifconfig wg1 ${others.join(" ")}`);
    await must(room, "mkdir /run/usage");
    await room.output(["sh", "-c", "echo 2026-11-30 >/run/date"]);
    const script = `${ROOT}tests/system/usage_recorder.ts`;
    await ping(room, "left", "192.168.5.2");
    for (let i = 0; i < 6; i++) {
      const words = [
        Deno.execPath(),
        "run",
        "-A",
        "--quiet",
        "--no-check",
        script,
        FILE,
        "/run/date",
      ];
      const recorder = room.spawn(words);
      await eventually("the file", async () => (await may(room, `test -s ${FILE}`)).code === 0);
      await must(room, "ping -n -c 20 -i 0.01 -w 60 192.168.5.2", "left");
      recorder.signal("SIGKILL");
      await recorder.status;
    }
    const recorder = await record(room);
    await follows(room);
    recorder.signal("SIGTERM");
    equal((await recorder.status).code, 0);
  },
);

Deno.test("a full disk is told, and nothing is lost", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await must(room, "mkdir /run/usage");
  await must(room, "mount -t tmpfs -o size=128k tmpfs /run/usage");
  const recorder = await record(room);
  await ping(room, "left", "192.168.5.2");
  await follows(room);
  await room.run(["sh", "-c", "cat /dev/zero >/run/usage/filler 2>/dev/null"]);
  await must(room, "ping -n -c 20 -i 0.01 -w 60 192.168.5.2", "left");
  await recorder.wrote(/usage\.sqlite: sqlite: .*full/);
  await must(room, "rm /run/usage/filler");
  await follows(room);
  recorder.signal("SIGTERM");
  equal((await recorder.status).code, 0);
});

Deno.test("the tour of usage", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2", "wgdescr office");
  await ping(room, "left", "192.168.5.2");
  // The page has the file of its place.
  await room.output(["mount", "-t", "tmpfs", "tmpfs", "/var/lib"]);
  const recorder = room.spawn([WG, "usage", "--record", "--every", "1"]);
  await recorder.wrote("records in");
  await walk(room, "Usage");
  recorder.signal("SIGTERM");
  equal((await recorder.status).code, 0);
});
