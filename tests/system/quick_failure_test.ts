/** `wg quick` when a step fails or a signal comes: everything is undone, whichever step it is. */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { randomKey, WG } from "./peers.ts";
import { CONF, machine, quick, quickly, quickRoom, sameMachine, write } from "./quick_room.ts";

const NEEDED = needs("namespaces", "tun", "ip", "nft", "ipv6");
const PEER = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
const OTHER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

Deno.test("each step of up and reload may fail, or be interrupted: nothing is left", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const key = randomKey();
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nAddress = 10.7.0.1/24, fd07::1/64\n` +
      "DNS = 10.7.0.53, example.org\nPreUp = true\nPostUp = true\n" +
      `[Peer]\nPublicKey = ${PEER}\nEndpoint = 10.0.0.2:7222\n` +
      "AllowedIPs = 0.0.0.0/0, ::/0, 10.0.0.0/8\n",
  );
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nAddress = 10.7.1.1/24, fd07::1/64\n` +
      "DNS = 10.7.0.54, example.org\nFwMark = 77\n" +
      `[Peer]\nPublicKey = ${OTHER}\nEndpoint = 10.0.0.2:7223\n` +
      "AllowedIPs = 0.0.0.0/0, 10.0.0.0/16, fd08::/64\n",
    "/run/changed.conf",
  );
  const argv = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check"];
  const { code, stdout, stderr } = await room.run(
    [...argv, `${ROOT}tests/system/quick_failing.ts`, CONF, "/run/changed.conf"],
    {
      netns: "left",
      env: { HOME: Deno.env.get("HOME") ?? "/root" },
      timeoutMs: 300_000,
    },
  );
  equal(code, 0, stdout + stderr);
  const [done, again] = stdout.split("up\n");
  const kinds = new Set(done.split("\n").map((line) => line.split(" ")[1]));
  for (
    const type of "hook create address link dns fwmark route rule suppress sysctl nft".split(" ")
  ) {
    equal(kinds.has(type), true, type);
  }
  match(again, /dns[^]*route[^]*rule[^]*suppress[^]*nft\nreload\ndown\n$/);
});

/** Files whose `up` fails on a real machine, the number of their step's line, and the message. */
const FAILING: readonly (readonly [what: string, lines: string, message: RegExp])[] = [
  ["a command before", "PreUp = exit 3", /^wg: PreUp: ended with status 3$/m],
  ["a command that is not there", "PreUp = no-such-command", /no-such-command.*not found/],
  ["an address that is there twice", "Address = 10.7.0.1/24", /10\.7\.0\.1\/24: RTM_NEWADDR/],
  ["a port that is taken", "ListenPort = 7999", /7999.*Address already in use/],
  ["a table that is unknown", "Table = nowhere", /wg1\.conf:5: Table: "nowhere" is not a table/],
  ["a route that is there", "Table = 4711", /route 10\.66\.0\.0\/16: RTM_NEWROUTE: File exists/],
  ["a command after", "PostUp = true\nPostUp = echo no; false", /PostUp: ended with status 1/],
];

Deno.test("a machine that refuses a step is as before, and the message says why", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const left = { netns: "left" };
  await room.output([WG, "ifconfig", "wg9", "create", "wgport", "7999"], left);
  const route = "ip route add 10.66.0.0/16 dev cable table 4711";
  await room.output(route.split(" "), left);
  const before = await machine(room);
  for (const [what, lines, message] of FAILING) {
    await write(
      room,
      `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\nDNS = 10.7.0.53\n${lines}\n` +
        `[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 0.0.0.0/0, 10.66.0.0/16\n`,
    );
    const { code, stderr } = await quick(room, "up wg1");
    equal(code, 1, what);
    match(stderr, message, what);
    await room.output(["rm", CONF]);
    await sameMachine(room, before, what);
  }
});

Deno.test("signals undo a run, also while a command of the file runs", NEEDED, async () => {
  await using room = await quickRoom();
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\n` +
      `PostUp = touch /run/waits\nPostUp = sleep 1000\n` +
      `[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 0.0.0.0/0\n`,
  );
  const before = await machine(room);
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    const up = room.spawn([WG, "quick", "up", "wg1"], { netns: "left" });
    await eventually(
      "the command runs",
      async () => (await room.run(["test", "-e", "/run/waits"])).code === 0,
    );
    up.signal(signal);
    equal((await up.status).code, status);
    match(up.output(), new RegExp(`PostUp: ended by SIG|interrupted by ${signal}`));
    await room.output(["rm", "/run/waits"]);
    await sameMachine(room, before, signal);
  }
  deepEqual((await room.processes()).filter((line) => line.includes("sleep")), []);
});

Deno.test("a signal ends down before PreDown is over, and the exit status tells it", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const text = `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\n`;
  await write(room, `${text}PreDown = touch /run/waits\nPreDown = sleep 1000\n`);
  await quickly(room, "up wg1");
  const down = room.spawn([WG, "quick", "down", "wg1"], { netns: "left" });
  await eventually(
    "the command runs",
    async () => (await room.run(["test", "-e", "/run/waits"])).code === 0,
  );
  down.signal("SIGTERM");
  equal((await down.status).code, 143);
  match((await quick(room, "status wg1")).stdout, /^wg1: up /);
  await write(room, text);
  await quickly(room, "down wg1");
});

Deno.test("refused lines are all told, and nothing is done", NEEDED, async () => {
  await using room = await quickRoom();
  const before = await machine(room);
  await write(
    room,
    `[Interface]\nAddress = 10.7.0.1/33\nPreUp = touch /run/done\nJc = 4\nMTU = 1\n`,
  );
  for (const action of ["up", "up -n"]) {
    const { code, stderr, stdout } = await quick(room, `${action} wg1`);
    equal(code, 1);
    equal(stdout, "");
    match(stderr, /^wg: \/etc\/wireguard\/wg1\.conf:2: Address: "10\.7\.0\.1\/33" is not/m);
    match(stderr, /wg1\.conf:4: Jc: .*AmneziaWG[^\n]*\n.*wg1\.conf:5: MTU: 1 is out of range/);
  }
  equal((await room.run(["test", "-e", "/run/done"])).code, 1);
  await room.output(["rm", CONF]);
  await sameMachine(room, before, "refused");
});
