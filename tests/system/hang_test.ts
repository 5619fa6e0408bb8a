/**
 * A daemon that does not answer: stopped, stuck, or with more clients than it takes. Commands say
 * so soon, and `destroy` ends it all the same.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, traces, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");
/**
 * Commands give up after 2.4 s. An endless loop has 5 s of processor time, and 20 s in all, until
 * then. Busy machines take longer for everything.
 */
const SOON_MS = 40_000;

const pidOf = async (room: Room, name: string) =>
  Number(/^pid=(\d+)$/m.exec(await must(room, `cat /run/wireguard/${name}.public`))?.[1]);

async function nothingLeft(room: Room): Promise<void> {
  await eventually("the end", async () => (await traces(room)).length === 0);
  equal((await must(room, "ip -o link show type tun")).trim(), "");
}

/**
 * Runs a script of Deno's that listens at a control socket's path in its own way, until it says
 * `ready`.
 */
async function impostor(room: Room, name: string, then: string) {
  await must(room, "mkdir -p /run/wireguard");
  const script =
    `Deno.listen({ transport: "unix", path: "/var/run/wireguard/${name}.sock" }); console.log("ready"); ${then}`;
  const running = room.spawn([Deno.execPath(), "eval", script]);
  await running.wrote("ready");
  return running;
}

/** Clients that fill the queue of an interface's control socket, until they are disposed of. */
async function crowd(room: Room, name: string): Promise<AsyncDisposable> {
  const script = `const path = "/var/run/wireguard/${name}.sock"; const all = [];
    try { while (true) all.push(await Deno.connect({ transport: "unix", path })); } catch { console.log("full"); }
    setInterval(() => all.length, 1000);`;
  const clients = room.spawn([Deno.execPath(), "eval", script]);
  await clients.wrote("full");
  return {
    async [Symbol.asyncDispose]() {
      clients.signal("SIGKILL");
      await clients.status;
    },
  };
}

Deno.test(
  "a stopped daemon: every command says so, the other interfaces are shown, and it goes on where it was",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    await must(room, "ifconfig wg2 create wgport 7222");
    const pid = await pidOf(room, "wg1");
    await must(room, `kill -STOP ${pid}`);
    const said = new RegExp(
      `^(ifconfig|wg): wg1: [^\\n]*process ${pid}, which is stopped, does not answer[^\\n]*\\n$`,
    );
    const lines: readonly [string, RegExp][] = [
      ["ifconfig wg1", /^$/],
      ["ifconfig", /\nwg2: [^]*\twgport 7222\n/],
      ["ifconfig -A", /\nwg2: [^]*\twgport 7222\n/],
      ["ifconfig wg1 mtu 1300", /^$/],
      ["ifconfig wg1 wgport 7112", /^$/],
      [`${WG} show`, /^interface: wg2\n/],
      [`${WG} show wg1`, /^$/],
      [`${WG} show all dump`, /^wg2\t/],
      [`${WG} dmesg wg1`, /^$/],
      [`${WG} dmesg`, /^[^\n]* wg2: /],
    ];
    for (const [line, shown] of lines) {
      const before = performance.now();
      const { code, stdout, stderr } = await may(room, line);
      equal(code, 1, line);
      match(stderr, said, line);
      match(stdout, shown, line);
      ok(performance.now() - before < SOON_MS, line);
    }
    equal((await may(room, "ifconfig wg1 create")).code, 1);
    await must(room, `kill -CONT ${pid}`);
    // The process may carry out now what was asked for meanwhile.
    match(await must(room, "ifconfig wg1"), / mtu 1420\n[^]*\twgport 711[12]\n/);
    for (const name of ["wg1", "wg2"]) await must(room, `ifconfig ${name} destroy`);
    await nothingLeft(room);
  },
);

Deno.test(
  "destroy ends a stopped daemon, with its device, files and rdomains",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111 rdomain 3 wgrtable 4");
    await must(room, "ifconfig wg2 create");
    await must(room, `kill -STOP ${await pidOf(room, "wg1")}`);
    const { code, stdout, stderr } = await may(room, "ifconfig wg1 destroy");
    deepEqual([code, stdout, stderr], [0, "", ""]);
    match(await must(room, "ifconfig"), /^wg2: /m);
    equal((await may(room, "ip link show wg1")).code, 1);
    deepEqual(
      (await traces(room)).filter((line) => line.includes("rdomain") || line.includes("wg1")),
      [],
    );
    await must(room, "ifconfig wg1 create wgport 7111");
    for (const name of ["wg1", "wg2"]) await must(room, `ifconfig ${name} destroy`);
    await nothingLeft(room);
  },
);

Deno.test(
  "more waiting clients than the kernel keeps: commands say so, and destroy ends it",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    await must(room, `kill -STOP ${await pidOf(room, "wg1")}`);
    const clients = await crowd(room, "wg1");
    for (const line of ["ifconfig wg1", "ifconfig"]) {
      const { code, stderr } = await may(room, line);
      equal(code, 1);
      match(
        stderr,
        /^ifconfig: wg1: [^\n]*process \d+, which is stopped, does not answer[^\n]*\n$/,
        line,
      );
    }
    const { code, stderr } = await may(room, "ifconfig wg1 destroy");
    deepEqual([code, stderr], [0, ""]);
    await clients[Symbol.asyncDispose]();
    await nothingLeft(room);
  },
);

Deno.test(
  "the same for an interface that was renamed, when another one has its old name",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    const pid = await pidOf(room, "wg1");
    await must(room, "ip link set wg1 name wg7");
    await eventually("wg7", async () => (await may(room, "ifconfig wg7 hwfeatures")).code === 0);
    await must(room, "ifconfig wg1 create");
    await must(room, `kill -STOP ${pid}`);
    await using _ = await crowd(room, "wg7");
    const { stderr } = await may(room, "ifconfig wg7");
    match(stderr, new RegExp(`^ifconfig: wg7: [^\n]*process ${pid}, which is stopped, `));
    equal((await may(room, "ifconfig wg7 destroy")).stderr, "");
    match(await must(room, "ifconfig wg1"), /^wg1: /);
    await must(room, "ifconfig wg1 destroy");
    equal((await must(room, "ls -A /run/wireguard")).trim(), "");
  },
);

Deno.test(
  "a daemon in an endless loop, and one that accepts and never answers",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    for (
      const then of [
        "while (true);",
        "setInterval(() => {}, 1000);",
        "setInterval(() => {}, 1000); Deno.addSignalListener('SIGTERM', () => {});",
      ]
    ) {
      const running = await impostor(room, "wg9", then);
      const before = performance.now();
      const { code, stderr } = await may(room, "ifconfig wg9");
      equal(code, 1);
      match(stderr, /^ifconfig: wg9: [^\n]*process \d+ does not answer[^\n]*\n$/, then);
      ok(performance.now() - before < SOON_MS, then);
      equal((await may(room, "ifconfig wg9 destroy")).stderr, "", then);
      equal((await running.status).success, false);
      await nothingLeft(room);
    }
  },
);

Deno.test("no process is ended because a file names it", NEEDED, async () => {
  await using room = await wgRoom();
  const bystander = room.spawn(["sh", "-c", "echo $$; exec sleep 600"]);
  const [, pid] = await bystander.wrote(/^(\d+)\n/);
  const name = `printf 'listen_port=7\\npid=${pid}\\n' >/run/wireguard/wg9.public`;
  const running = await impostor(room, "wg9", "setInterval(() => {}, 1000);");
  await room.output(["sh", "-c", name]);
  equal((await may(room, "ifconfig wg9 destroy")).stderr, "");
  equal((await running.status).success, false);
  // Only the files are left of a daemon that is gone.
  const gone = await impostor(room, "wg9", "Deno.exit(0);");
  await gone.status;
  await room.output(["sh", "-c", name]);
  match((await may(room, "ifconfig wg9 destroy")).stderr, /^ifconfig: wg9: no such interface\n$/);
  await must(room, `kill -0 ${pid}`);
  bystander.signal("SIGKILL");
  await bystander.status;
  await nothingLeft(room);
});

Deno.test(
  "destroy ends wireguard-go, which does not know the operation",
  needs("namespaces", "tun", "ip", "wireguard-go"),
  async () => {
    await using room = await wgRoom();
    await room.output(["wireguard-go", "wg5"]);
    match(await must(room, "ifconfig wg5"), /^wg5: /);
    equal((await may(room, "ifconfig wg5 destroy")).stderr, "");
    await nothingLeft(room);
  },
);
