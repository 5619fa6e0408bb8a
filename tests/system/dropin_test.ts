/**
 * In the place of wireguard-go: its ways of calling, its variables, its signals, and the names that
 * wg-quick(8) gives.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, traces, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");

async function dropInRoom(): Promise<Room> {
  const room = await wgRoom();
  await room.install(WG, ["wireguard-go", "wireguard"]);
  return room;
}

async function nothingLeft(room: Room): Promise<void> {
  await eventually("the end", async () => (await traces(room)).length === 0);
  const links = await must(room, "ip -o link show");
  equal(links.trimEnd().split("\n").length, 1, links);
}

const isThere = (room: Room, name: string) => async () =>
  (await may(room, `ip link show ${name}`)).code === 0;
const answers = (room: Room, name: string) => async () =>
  (await may(room, `ifconfig ${name}`)).stdout.includes("\twgport ");

Deno.test("wireguard-go's command line: NAME, -f NAME, --version, usage", NEEDED, async () => {
  await using room = await dropInRoom();
  const version = await must(room, "wireguard-go --version");
  match(version, /^wireguard-go v[0-9]+\.[0-9]+\.[0-9]+\n\n[^\n]+\n$/);
  match(await must(room, `${WG} --version`), /^wg [0-9.]+ \(/);
  for (const words of ["", "-f", "--foreground", "-h", "--help", "a b", "-f a b"]) {
    const { code, stdout, stderr } = await may(room, `wireguard-go ${words}`.trim());
    deepEqual([code, stdout], [2, ""], words);
    match(
      stderr,
      /^wireguard-go: usage: wireguard-go \[-f \| --foreground\] interface \[--config file\]\n$/,
      words,
    );
  }
  deepEqual(await traces(room), []);
  for (const program of ["wireguard-go", "wireguard", WG]) {
    await must(room, `${program} wg7`);
    await must(room, "ifconfig wg7 destroy");
    await nothingLeft(room);
  }
});

Deno.test(
  "WG_PROCESS_FOREGROUND=1 stays, and LOG_LEVEL says how much is told",
  NEEDED,
  async () => {
    await using room = await dropInRoom();
    const levels: readonly [string | undefined, RegExp, boolean][] = [
      [undefined, /^wg1: wg [^\n]* is up/, false],
      ["verbose", /^wg1: wg [^\n]* is up/, true],
      ["debug", /^wg1: wg [^\n]* is up/, true],
      ["error", /^$/, false],
      ["silent", /^$/, false],
    ];
    for (const [level, said, debug] of levels) {
      const env: Record<string, string> = level === undefined ? {} : { LOG_LEVEL: level };
      const running = room.spawn(["wireguard-go", "wg1"], {
        env: { ...env, WG_PROCESS_FOREGROUND: "1" },
      });
      await eventually(`wg1, ${level}`, answers(room, "wg1"));
      match(running.output(), said, level);
      equal((await must(room, "ifconfig wg1")).includes("DEBUG"), debug, level);
      match(await must(room, `${WG} dmesg wg1`), /is up/);
      running.signal("SIGTERM");
      equal((await running.status).code, 0);
      await nothingLeft(room);
      // In the background it is handed on.
      await room.output(["wireguard-go", "wg1"], { env });
      equal((await must(room, "ifconfig wg1")).includes("DEBUG"), debug, level);
      await must(room, "ifconfig wg1 destroy");
    }
    // The variable of some other program changes nothing of interfaces that ifconfig makes.
    await room.output(["ifconfig", "wg1", "create"], {
      env: { LOG_LEVEL: "debug", WG_PROCESS_FOREGROUND: "1" },
    });
    equal((await must(room, "ifconfig wg1")).includes("DEBUG"), false);
    await must(room, "ifconfig wg1 destroy");
    await nothingLeft(room);
  },
);

Deno.test(
  "no signal but those of faults and SIGKILL leaves a socket, a file or a TUN device behind",
  NEEDED,
  async () => {
    await using room = await dropInRoom();
    const ending = ["TERM", "INT", "QUIT", "ABRT", "XCPU"];
    const harmless = [
      "USR1",
      "USR2",
      "PIPE",
      "ALRM",
      "STKFLT",
      "XFSZ",
      "VTALRM",
      "PROF",
      "IO",
      "PWR",
      "34",
      "50",
      "64",
    ];
    const pidOf = async (name: string) =>
      /^pid=(\d+)$/m.exec(await must(room, `cat /run/wireguard/${name}.public`))?.[1];
    for (const foreground of [true, false]) {
      for (const signal of [...ending, ...(foreground ? ["HUP"] : [])]) {
        const running = foreground ? room.spawn(["wireguard-go", "-f", "wg1"]) : undefined;
        if (!foreground) await must(room, "wireguard-go wg1");
        await eventually("wg1", answers(room, "wg1"));
        await must(room, `kill -${signal} ${await pidOf("wg1")}`);
        if (running !== undefined) {
          equal((await running.status).code, 0, `${signal}: ${running.output()}`);
        }
        await nothingLeft(room);
      }
      const running = foreground ? room.spawn(["wireguard-go", "-f", "wg1"]) : undefined;
      if (!foreground) await must(room, "wireguard-go wg1");
      await eventually("wg1", answers(room, "wg1"));
      const pid = await pidOf("wg1");
      for (const signal of [...harmless, ...(foreground ? [] : ["HUP"])]) {
        await must(room, `kill -${signal} ${pid}`);
        // It would be made anew by any word, so it has to be the same one.
        match(await must(room, "ifconfig wg1 hwfeatures"), new RegExp(`\tpid ${pid}\n`), signal);
      }
      await must(room, "ifconfig wg1 destroy");
      if (running !== undefined) equal((await running.status).code, 0);
      await nothingLeft(room);
    }
  },
);

Deno.test(
  "a word that is nearly a command is not taken as an interface, whatever the environment is",
  NEEDED,
  async () => {
    await using room = await dropInRoom();
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    const words: readonly [string, string][] = [
      ["shwo", "did you mean show?"],
      ["sho", "did you mean show?"],
      ["show1", "did you mean show?"],
      ["dmseg", "did you mean dmesg?"],
      ["deamon", "did you mean daemon?"],
      ["hepl", "did you mean help?"],
      ["ifconfg", "did you mean ifconfig?"],
      ["netstar", "did you mean netsta"],
      ["pubkye", "did you mean pubkey?"],
      ["-x", "`wg help` lists the commands"],
    ];
    for (const [word, said] of words) {
      const { code, stdout, stderr } = await room.run([WG, word], { env });
      deepEqual([code, stdout], [1, ""], word);
      equal(stderr.startsWith(`wg: ${word}: unknown command; ${said}`), true, stderr);
      deepEqual(await traces(room), [], word);
    }
    equal((await may(room, `${WG} home`)).code, 1);
    match((await may(room, `${WG} home`)).stderr, /`wg -f home`/);
    // -f, a link named wireguard-go and `daemon` say that it is meant.
    await must(room, "wireguard-go shwo");
    await must(room, "ifconfig shwo destroy");
    const running = room.spawn([WG, "-f", "show"]);
    await eventually("show", answers(room, "show"));
    await must(room, "ifconfig show destroy");
    equal((await running.status).code, 0);
    await nothingLeft(room);
  },
);

Deno.test(
  "every name that the kernel accepts is accepted, and every name that it refuses is refused",
  NEEDED,
  async () => {
    await using room = await dropInRoom();
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    const good = ["wg+x", "home", "...", "ä€ß", "$(id);'\"*", "x".repeat(15), "wg0.sock"];
    for (const name of good) {
      await room.output([WG, name], { env });
      equal((await room.run(["ip", "link", "show", name])).code, 0, name);
      match(await room.output(["ifconfig", name]), /\twgport /, name);
      await room.output(["ifconfig", name, "10.9.0.1/24", "mtu", "1300", "wgport", "7111"]);
      match(await room.output([WG, "show", name]), /listening port: 7111/, name);
      equal((await room.output([WG, "show", "interfaces"])).trim(), name);
      match(await must(room, "ifconfig"), /\twgport 7111\n/, name);
      match(await room.output([WG, "dmesg", name]), /is up/, name);
      await room.output(["ifconfig", name, "destroy"]);
      await nothingLeft(room);
    }
    const dash = room.spawn([WG, "-f", "-x"]);
    await eventually("-x", isThere(room, "-x"));
    dash.signal("SIGTERM");
    equal((await dash.status).code, 0);
    for (
      const name of [
        "",
        ".",
        "..",
        "a/b",
        "a:b",
        "a b",
        "a\tb",
        "à",
        "x".repeat(16),
        "€€€€€x",
        "wg%d",
        "a\x1bb",
      ]
    ) {
      for (
        const line of [[WG, "-f", name], ["wireguard-go", name], ["ifconfig", name, "destroy"]]
      ) {
        const { code, stdout, stderr } = await room.run(line);
        deepEqual([code, stdout], [1, ""], line.join(" "));
        match(stderr, /^[^\n]+\n$/, name);
        equal(stderr.includes("\x1b"), false);
      }
    }
    // Somebody else's file in the folder is nobody's interface.
    const stranger =
      `Deno.listen({ transport: "unix", path: "/run/wireguard/a b.sock" }); Deno.exit(0)`;
    await must(room, "mkdir -p /run/wireguard");
    await room.output([Deno.execPath(), "eval", stranger]);
    equal((await may(room, "ifconfig")).code, 0);
  },
);
