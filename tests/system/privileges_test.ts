/**
 * The rights of an interface's process: every thread has CAP_NET_ADMIN alone, system calls are
 * filtered, and files are restricted. What an administrator does later works all the same.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import {
  may,
  must,
  ownEtc,
  ping,
  randomKey,
  traces,
  tunnel,
  WG,
  wgRoom,
  writeFile,
} from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");
const NET_ADMIN = "0000000000001000";
const NET_ADMIN_AND_BIND = "0000000000001400";
const NONE = "0000000000000000";

/** The threads of a process that a room runs, by the fields of /proc/PID/task/TID/status. */
async function threadsOf(room: Room, name: string): Promise<ReadonlyMap<string, string>[]> {
  const facts = await must(room, `cat /run/wireguard/${name}.public`);
  const pid = /^pid=(\d+)$/m.exec(facts)![1];
  const text = await room.output([
    "sh",
    "-c",
    `for t in /proc/${pid}/task/*; do cat $t/status; done`,
  ]);
  return text.split(/^(?=Name:)/m).filter((part) => part !== "").map((part) =>
    new Map([...part.matchAll(/^(\w+):\t(.*)$/gm)].map(([, key, value]) => [key, value]))
  );
}

/** Checks the rights of all threads, and returns how many there are. */
async function checkThreads(
  room: Room,
  name: string,
  { held = NET_ADMIN, bounding = NONE } = {},
): Promise<number> {
  const threads = await threadsOf(room, name);
  for (const thread of threads) {
    const of = (field: string) => thread.get(field);
    const about = [...thread].map((field) => field.join("=")).join(" ");
    equal(of("CapPrm"), held, about);
    equal(of("CapEff"), held, about);
    equal(of("CapAmb"), of("CapAmb") === NONE ? NONE : held, about);
    equal(of("CapBnd"), bounding, about);
    // The runtime's threads begin before the program can empty this set, which only execve uses.
    ok([NONE, held].includes(of("CapInh")!), about);
    equal(of("NoNewPrivs"), "1", about);
    equal(of("Seccomp"), "2", about);
  }
  const main = threads.find((thread) => thread.get("Pid") === thread.get("Tgid"))!;
  equal(main.get("CapInh"), NONE);
  equal(main.get("CapAmb"), NONE);
  return threads.length;
}

const privileges = async (room: Room, name: string): Promise<string> =>
  /^\tprivileges: (.*)$/m.exec(await must(room, `ifconfig ${name} hwfeatures`))![1];

for (const workers of [1, 2] as const) {
  Deno.test(`all threads have CAP_NET_ADMIN alone, ${workers} Workers`, NEEDED, async () => {
    await using room = await wgRoom();
    const daemon = room.spawn(["sh", "-c", `exec ${WG} daemon wg1 ${workers} </dev/null`]);
    await daemon.wrote("errno=0");
    ok(await checkThreads(room, "wg1") > 4);
    match(await privileges(room, "wg1"), /^net_admin no_new_privs .*no_dump.* seccomp\(\d+\)/);
    const [{ engine }] = JSON.parse(await must(room, "ifconfig --json wg1"));
    match(engine.privileges, /^net_admin /);
  });
}

Deno.test("a process whose starter was not limited limits itself", NEEDED, async () => {
  await using room = await wgRoom();
  const told = JSON.stringify({ words: ["no_new_privs"], missing: [], kept: "net_admin" });
  const program = `${Deno.execPath()} run -A --quiet ${ROOT}main.ts`;
  for (const [name, wrap] of [["wg1", ""], ["wg2", "setpriv --no-new-privs"]]) {
    const daemon = room.spawn([
      "sh",
      "-c",
      `export WG_CONFINED='${told}'; exec ${wrap} ${program} daemon ${name} </dev/null`,
    ]);
    await daemon.wrote("errno=0");
    ok(await checkThreads(room, name) > 4);
  }
});

Deno.test("everything that an administrator does later works, as root", NEEDED, async () => {
  await using room = await wgRoom();
  await worksLater(room);
});

Deno.test("the same in a user namespace", needs("namespaces", "tun", "ip"), async () => {
  await using room = await Room.open("user");
  await room.install(`${ROOT}wg`, ["ifconfig", "route", "netstat"]);
  await worksLater(room);
});

/** An interface from its creation to its end, with all changes that touch its rights. */
async function worksLater(room: Room): Promise<void> {
  const before = await traces(room);
  await must(room, "ifconfig wg1 create wgport 7111 192.168.5.1/24");
  await checkThreads(room, "wg1");
  const shows = async (what: RegExp) => match(await must(room, "ifconfig wg1"), what);
  for (const port of [7112, 500, 7113, 501]) {
    await must(room, `ifconfig wg1 wgport ${port}`);
    await shows(new RegExp(`\\twgport ${port}\\n`));
    match(await must(room, "netstat -ln"), new RegExp(`\\*\\.${port} `));
  }
  await must(room, "ifconfig wg1 wgrtable 3");
  match(await must(room, "route -T3 exec netstat -ln"), /\*\.501 /);
  await must(room, "ifconfig wg1 wgport 7114");
  match(await must(room, "route -T3 exec netstat -ln"), /\*\.7114 /);
  await must(room, "ifconfig wg1 inet6 fd05::1/64 rdomain 4");
  await must(room, "ip -n rdomain4 route add 10.9.0.0/16 dev wg1");
  match(await must(room, "ip -n rdomain4 -d link show wg1"), / addrgenmode none /);
  await must(room, "ifconfig wg1 down");
  await shows(/flags=8082</);
  await must(room, "ifconfig wg1 up");
  match(await must(room, "ip -n rdomain4 route"), /10\.9\.0\.0\/16 dev wg1/);
  match(await must(room, "ip -n rdomain4 address show wg1"), /fd05::1/);
  await must(room, "ifconfig wg1 mtu 1300");
  await shows(/ mtu 1300\n/);
  await must(room, "ip -n rdomain4 link set wg1 down");
  await must(room, "ip -n rdomain4 link set wg1 name wg7");
  await eventually("wg7", async () => (await may(room, "ifconfig wg7")).code === 0);
  // With the name, the sockets that commands use have moved.
  await must(room, "ifconfig wg7 wgport 502 wgrtable 0 rdomain 0 up");
  match(await must(room, "netstat -ln"), /\*\.502 /);
  equal(await must(room, "ls /run/netns"), "");
  await must(room, `ifconfig wg7 wgpeer ${randomKey()} wgaip 10.1.0.0/16 debug`);
  await must(room, "ifconfig wg7 -tso");
  await must(room, "ifconfig wg7 tso");
  await checkThreads(room, "wg7");
  // What others see of it goes on: written anew, with its mode, and without chmod(2).
  const facts = "/run/wireguard/wg7.public";
  equal((await must(room, `stat -c %a ${facts}`)).trim(), "644");
  match(await must(room, `cat ${facts}`), /^listen_port=502$/m);
  match(await must(room, `${WG} dmesg wg7`), /renamed to wg7/);
  await must(room, "ifconfig wg7 destroy");
  deepEqual(await traces(room), before);
  equal((await must(room, "ls -A /run/wireguard")).trim(), "");
}

Deno.test("a port below 1024 and an rdomain from the beginning", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create wgport 500 wgrtable 3 rdomain 4");
  await checkThreads(room, "wg1");
  match(await must(room, "route -T3 exec netstat -ln"), /\*\.500 /);
  const taken = await may(room, "ifconfig wg2 create wgport 500 wgrtable 3");
  equal(taken.code, 1);
  match(taken.stderr, /^ifconfig: wgport: 500: [^\n]+ \(EADDRINUSE\)\n$/);
  // It ends by a signal, and may not remove names of rdomains. The next command does.
  const pid = /^pid=(\d+)$/m.exec(await must(room, "cat /run/wireguard/wg1.public"))![1];
  await must(room, `kill -TERM ${pid}`);
  await eventually(
    "the end",
    async () => !(await must(room, "ls -A /run/wireguard")).includes("wg1"),
  );
  await must(room, "ifconfig wg3 create");
  equal(await must(room, "ls /run/netns"), "");
});

Deno.test(
  "wg NAME keeps CAP_NET_BIND_SERVICE for the port that wg(8) sets later",
  needs(
    "namespaces",
    "tun",
    "ip",
    "wg",
  ),
  async () => {
    await using room = await wgRoom();
    await must(room, `${WG} wg1`);
    await checkThreads(room, "wg1", { held: NET_ADMIN_AND_BIND });
    await must(room, "wg set wg1 listen-port 500");
    match(await must(room, "ifconfig wg1"), /\twgport 500\n/);
    // An interface of ifconfig's has it not. wg(8) cannot hand over a socket.
    await must(room, "ifconfig wg2 create");
    equal((await may(room, "wg set wg2 listen-port 501")).code, 1);
    await must(room, "ifconfig wg2 wgport 501");
  },
);

Deno.test("with CAP_NET_ADMIN alone, as in containers, the rest is said", NEEDED, async () => {
  await using room = await wgRoom();
  const only = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin"];
  await room.output([...only, "/run/bin/ifconfig", "wg1", "create", "wgport", "7111"]);
  await checkThreads(room, "wg1", { bounding: NET_ADMIN });
  match(await privileges(room, "wg1"), /^net_admin .*; missing: .*bounding set \(EPERM\)/);
  match(await must(room, `${WG} dmesg wg1`), /rights that could not be given up: bounding set/);
  await room.output([...only, "/run/bin/ifconfig", "wg1", "wgport", "7112", "192.168.5.1/24"]);
  await room.output([...only, "/run/bin/ifconfig", "wg1", "down"]);
  await room.output([...only, "/run/bin/ifconfig", "wg1", "up"]);
  const low = await room.run([...only, "/run/bin/ifconfig", "wg1", "wgport", "500"]);
  match(low.stderr, /^ifconfig: udp port 500: bind: [^\n]+ \(EACCES\)\n$/);
  // A process that hangs is found and ended, although its descriptors may not be read.
  const pid = /^pid=(\d+)$/m.exec(await must(room, "cat /run/wireguard/wg1.public"))![1];
  await must(room, `kill -STOP ${pid}`);
  await room.output([...only, "/run/bin/ifconfig", "wg1", "destroy"]);
  await eventually("nothing", async () => (await traces(room)).length === 0);
});

Deno.test("the switch for debugging leaves all rights, and says so", NEEDED, async () => {
  await using room = await wgRoom();
  await room.output(["ifconfig", "wg1", "create"], { env: { WG_SANDBOX: "off" } });
  const [main] = await threadsOf(room, "wg1");
  equal(main.get("Seccomp"), "0");
  equal(main.get("NoNewPrivs"), "0");
  match(await privileges(room, "wg1"), /^unconfined; missing: all \(WG_SANDBOX=off\)$/);
});

Deno.test(
  "what an intruder would try is refused, and ptrace ends the process",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const script = `${ROOT}tests/system/confined_interface.ts`;
    const argv = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check", script];
    // The room has no network: the packages are those of the caller's cache.
    const cache = Deno.env.get("DENO_DIR");
    const environment = {
      env: {
        HOME: Deno.env.get("HOME") ?? "/root",
        ...cache === undefined ? {} : { DENO_DIR: cache },
      },
    };
    await ownEtc(room);
    await must(room, "mkdir -m 700 /run/wg");
    for (const path of ["/etc/shadow", "/etc/wireguard/wg1.conf"]) {
      await writeFile(room, path, "secret\n");
    }
    const running = room.spawn([...argv, "wg1"], environment);
    await running.wrote("tried\n");
    const result = (what: string) => new RegExp(`^${what}: (.*)$`, "m").exec(running.output())?.[1];
    const [EPERM, EINVAL, ENOSYS, ENOTSOCK, EAFNOSUPPORT] = [1, 22, 38, 88, 97];
    equal(result("a program"), "EPERM");
    equal(result("a raw packet socket"), `errno ${EAFNOSUPPORT}`);
    match(result("the mode of a file")!, /\(os error 38\)/);
    equal(result("the mode of an open file"), `errno ${ENOSYS}`);
    equal(result("a connection of MPTCP"), `errno ${EAFNOSUPPORT}`);
    equal(result("nf_tables"), `errno ${EAFNOSUPPORT}`);
    equal(result("a connection to another program's socket"), `errno ${EAFNOSUPPORT}`);
    equal(result("a TCP socket"), `errno ${EAFNOSUPPORT}`);
    equal(result("TCP to a port by fast open"), `errno ${ENOTSOCK}`);
    equal(result("an ear for TCP"), `errno ${ENOSYS}`);
    equal(result("a signal to process 1"), `errno ${EPERM}`);
    equal(result("a terminal's input"), `errno ${EPERM}`);
    equal(result("dumpable"), `errno ${EINVAL}`);
    equal(result("another filter"), `errno ${ENOSYS}`);
    equal(result("mount"), `errno ${EPERM}`);
    equal(result("another namespace"), `errno ${EPERM}`);
    if (/landlock\(/.test(await privileges(room, "wg1"))) {
      const refused = [
        "read /usr/bin",
        "list /root",
        "write /etc",
        "write /run",
        "write /run/wg",
        "list /etc",
      ];
      const files = ["shadow", "wireguard/wg1.conf", "resolv.conf", "hosts"];
      for (const what of [...refused, ...files.map((path) => `read /etc/${path}`)]) {
        equal(result(what), "EACCES", what);
      }
    }
    // All of that was not the end of it.
    match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    await must(room, "ifconfig wg1 destroy");
    await running.status;
    const killed = await room.run([...argv, "wg1", "kill"], environment);
    ok(killed.code !== 0);
    equal(killed.stdout.includes("alive after ptrace"), false);
    match(killed.stdout, /^tried$/m);
  },
);

Deno.test(
  "a tunnel carries packets between confined processes of both forms",
  needs(
    "namespaces",
    "tun",
    "ip",
    "ping",
  ),
  async () => {
    await using room = await wgRoom();
    await tunnel(room, "10.0.0.2", "", 2);
    await ping(room, "left", "192.168.5.2");
    await checkThreads(room, "wg1");
    await checkThreads(room, "wg2");
  },
);

Deno.test("it starts in a folder of another mount namespace", NEEDED, async () => {
  await using room = await wgRoom();
  const start = `cd /etc; unshare -m sh -c "cd /proc/$$/cwd && ${WG} -f wg6"; exit $?`;
  const running = room.spawn(["sh", "-c", start]);
  const isUp = async () => (await may(room, "ifconfig wg6")).code === 0;
  await eventually("wg6", isUp).catch((error) => {
    throw new Error(running.output(), { cause: error });
  });
  await must(room, "ifconfig wg6 destroy");
  equal((await running.status).code, 0);
  deepEqual(await traces(room), []);
});
