/** `wg quick` with a real peer: up, reload, save, down, its commands, and Debian's wg-quick. */
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, WG, writeFile } from "./peers.ts";
import {
  CONF,
  machine,
  quick,
  quickly,
  quickRoom,
  rightPeer,
  sameLines,
  sameMachine,
  write,
} from "./quick_room.ts";

const NEEDED = needs("namespaces", "tun", "ip", "nft", "ping", "ipv6");
const BESIDE_DEBIAN = needs("namespaces", "tun", "ip", "nft", "wg-quick");
const OTHER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

/** The values of wg1 that `wg show dump` has for a peer. */
async function dumpOf(room: Room, peer: string) {
  const lines = (await must(room, `${WG} show wg1 dump`, "left")).split("\n");
  const [, , endpoint, allowed, handshake, rx, tx] =
    lines.find((line) => line.startsWith(peer))?.split("\t") ?? [];
  return { endpoint, allowed, handshake: Number(handshake), rx: Number(rx), tx: Number(tx) };
}

const left = async (room: Room, line: string) => await must(room, line, "left");

Deno.test("a file comes up, follows changes without a new session, and goes down", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const { key, peer } = await rightPeer(room);
  const before = await machine(room);
  const file = (address: string, dns: string, other: string) =>
    `[Interface]\nPrivateKey = ${key}\nAddress = 10.7.0.1/24, ${address}\nDNS = ${dns}\n` +
    `PostUp = ip address add 10.7.99.1/32 dev %i; ip route add 10.99.0.0/16 dev %i\n\n` +
    `# the right side\n[Peer]\nPublicKey = ${peer}\nAllowedIPs = 10.7.0.2/32, fd07::2/128\n` +
    `AllowedIPs = 10.70.0.0/16\nEndpoint = 10.0.0.2:7222\n\n` +
    `[Peer] # another\nPublicKey = ${OTHER}\nAllowedIPs = ${other}\n`;
  await write(room, file("fd07::1/64", "10.7.0.53, example.org", "10.71.0.0/16"));

  const planned = (await quickly(room, "up -n wg1")).stdout;
  const { stderr } = await quickly(room, "up wg1");
  equal(stderr.replace(/^\[#\] /gm, ""), planned);
  match(planned, /^ip link set mtu 1420 up dev wg1$/m);
  match(planned, /^\/etc\/resolv\.conf: nameserver 10\.7\.0\.53 search example\.org$/m);
  await ping(room, "left", "10.7.0.2");
  await ping(room, "left", "fd07::2");
  match(
    await left(room, "cat /etc/resolv.conf"),
    /^nameserver 10\.7\.0\.53\nsearch example\.org$/m,
  );
  match(await left(room, `${WG} ifconfig wg1`), /wgdescr: the right side\n[^]*wgdescr: another\n/);
  equal((await quickly(room, "status wg1")).stdout.split("\n")[2], "\tas in the file");

  const was = await dumpOf(room, peer);
  await write(room, file("fd07::1/64, 10.8.0.1/32", "10.7.0.54", "10.72.0.0/16"));
  const wanted = (await quickly(room, "reload -n wg1")).stdout;
  const status = await quick(room, "status --json wg1");
  equal(status.code, 1);
  deepEqual(JSON.parse(status.stdout)[0].differences, wanted.trim().split("\n"));
  equal((await quickly(room, "reload wg1")).stderr.replace(/^\[#\] /gm, ""), wanted);
  deepEqual(
    wanted.trim().split("\n").sort(),
    [
      "/etc/resolv.conf: as before wg1",
      "/etc/resolv.conf: nameserver 10.7.0.54",
      `ifconfig wg1 wgpeer ${OTHER} wgaip 10.72.0.0/16 # another`,
      "ifconfig wg1 inet 10.8.0.1/32 alias",
      "ip -4 route add 10.72.0.0/16 dev wg1",
      "ip -4 route delete 10.71.0.0/16 dev wg1",
    ].sort(),
  );
  await ping(room, "left", "10.7.0.2");
  const now = await dumpOf(room, peer);
  equal(now.handshake, was.handshake);
  ok(now.tx > was.tx && now.rx > was.rx);
  equal((await dumpOf(room, OTHER)).allowed, "10.72.0.0/16");

  // What somebody changed beside the file goes, or comes back; the file's own commands count.
  await left(room, "ip address add 10.7.98.1/32 dev wg1");
  await left(room, "ip route add 10.98.0.0/16 dev wg1");
  await left(room, "ip route delete 10.70.0.0/16 dev wg1");
  await left(room, "ip link set wg1 mtu 1300");
  await quickly(room, "reload wg1");
  const routes = await left(room, "ip route show dev wg1");
  match(routes, /^10\.70\.0\.0\/16 scope link/m);
  match(routes, /^10\.99\.0\.0\/16/m);
  ok(!routes.includes("10.98."));
  const addresses = await left(room, "ip address show dev wg1");
  ok(addresses.includes("10.7.99.1/32") && !addresses.includes("10.7.98.1"));
  ok(addresses.includes("mtu 1420"));
  equal((await quickly(room, "status wg1")).stdout.split("\n")[2], "\tas in the file");
  equal((await quickly(room, "reload wg1")).stderr, "");

  await left(room, `rm ${CONF}`);
  await quickly(room, "down wg1");
  await sameMachine(room, before, "down");
  match((await quick(room, "down wg1")).stderr, /^wg: wg1: there is no such WireGuard interface$/m);
});

Deno.test("a full tunnel by rules: the way to the endpoint stays, two of them share a setting", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const { key, peer } = await rightPeer(room);
  const full = `AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 10.0.0.2:7222\n`;
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nAddress = 10.7.0.1/32, fd07::1/128\n[Peer]\nPublicKey = ${peer}\n${full}`,
  );
  const second = "/etc/wireguard/wg3.conf";
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.3.0.1/32\n[Peer]\nPublicKey = ${OTHER}\n${full}`,
    second,
  );
  const before = await machine(room);
  await quickly(room, "up wg1");
  await ping(room, "left", "10.7.0.2");
  await ping(room, "left", "fd07::2");
  match(await left(room, "ip route get 203.0.113.9"), / dev wg1 table 51820 /);
  match(await left(room, "ip route get 10.0.0.2"), / dev cable /);
  match(await left(room, "ip route get 10.0.0.2 mark 51820"), / dev cable /);
  match(await left(room, `${WG} ifconfig wg1 hwfeatures`), /\tfwmark 0xca6c\n/);
  // A rule that somebody removed comes back in its order: reload makes both of the family anew.
  await left(room, "ip rule delete not fwmark 51820 table 51820");
  await quickly(room, "reload wg1");
  match(await left(room, "ip rule"), /suppress_prefixlength 0 *\n.*not from all fwmark 0xca6c/);
  await ping(room, "left", "10.7.0.2");
  const setting = "cat /proc/sys/net/ipv4/conf/all/src_valid_mark";
  // What is told is what is done: wg3 finds the setting as it requires it, and needs it after wg1.
  doesNotMatch((await quick(room, "up wg3")).stderr, /sysctl/);
  match(await left(room, "ip rule"), /lookup 51821/);
  doesNotMatch((await quick(room, "down wg1")).stderr, /sysctl/);
  equal(await left(room, setting), "1\n");
  match(await left(room, "ip rule"), /lookup 51821/);
  match(await left(room, "nft list ruleset"), /^table ip wg-quick-wg3/m);
  await quickly(room, "down wg3");
  equal(await left(room, setting), "0\n");
  await sameMachine(room, before, "down of both");
  // Both at once, as at boot: each takes a table of its own.
  await Promise.all([quickly(room, "up wg1"), quickly(room, "up wg3")]);
  const tables = new Set((await left(room, "ip rule")).match(/lookup \d+/g));
  deepEqual([...tables].sort(), ["lookup 51820", "lookup 51821"]);
  await Promise.all([quickly(room, "down wg1"), quickly(room, "down wg3")]);
  await sameMachine(room, before, "down of both at once");
});

Deno.test("an interface that was killed is told of, and what it left goes", NEEDED, async () => {
  await using room = await quickRoom();
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\nDNS = 10.7.0.53\n` +
      `[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 0.0.0.0/0\n`,
  );
  const before = await machine(room);
  const die = async () => {
    await quickly(room, "up wg1");
    const { pid } = JSON.parse((await quickly(room, "status --json wg1")).stdout)[0];
    await must(room, `kill -9 ${pid}`);
    await eventually(
      "wg1 is gone",
      async () => (await may(room, "ip link show wg1", "left")).code !== 0,
    );
  };
  await die();
  const { code, stdout } = await quick(room, "status wg1");
  equal(code, 1);
  match(stdout, /^wg1: ended without down\n[^]*\tleft: ip -4 rule delete table 51820\n/);
  await die();
  equal((await left(room, "ip rule")).match(/suppress_prefixlength/g)?.length, 1);
  await quickly(room, "down wg1");
  await room.output(["sh", "-c", "rm -f /run/wireguard/wg1.*"]);
  await sameMachine(room, before, "down");
});

Deno.test("an interface that was renamed is told of, and goes with what up did", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\nDNS = 10.7.0.53\n` +
      `[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 0.0.0.0/0\n`,
  );
  const before = await machine(room);
  await quickly(room, "up wg1");
  await left(room, "ip link set wg1 name other0");
  await eventually(
    "the socket has the new name",
    async () => (await room.run(["test", "-e", "/run/wireguard/other0.public"])).code === 0,
  );
  const { code, stdout } = await quick(room, "status wg1");
  equal(code, 1);
  match(stdout, /^wg1: up with the name other0 \(process \d+\)\n[^]*\tleft: ip -4 rule delete/);
  const again = await quick(room, "up wg1");
  equal(again.code, 1);
  equal(again.stderr, "wg: wg1: it is up with the name other0; `wg quick down wg1` ends it\n");
  match((await quickly(room, "down wg1")).stderr, /^\[#\] ip link delete dev other0$/m);
  await room.output(["sh", "-c", "rm -f /run/wireguard/wg1.*"]);
  await sameMachine(room, before, "down");
});

Deno.test("reload leaves the link-local address of another implementation alone", {
  ...needs("namespaces", "tun", "ip", "ipv6", "wireguard-go"),
}, async () => {
  await using room = await quickRoom();
  const text = `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\nTable = off\n` +
    `MTU = 1400\n`;
  await write(room, `${text}[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 10.7.0.2/32\n`);
  await room.output(["wireguard-go", "wg1"], { netns: "left" });
  const strip = `${WG} quick strip wg1 >/run/wg1.conf && ${WG} setconf wg1 /run/wg1.conf`;
  await room.output(["sh", "-c", strip], { netns: "left" });
  await left(room, "ip address add 10.7.0.1/24 dev wg1");
  await left(room, "ip link set wg1 mtu 1400 up");
  const linkLocal = () => left(room, "ip -6 -br address show dev wg1 scope link");
  await eventually("a link-local address", async () => (await linkLocal()).includes("fe80::"));
  match((await quickly(room, "status wg1")).stdout, /\n\tas in the file\n$/);
  await write(room, `${text}[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 10.7.0.3/32\n`);
  await quickly(room, "reload wg1");
  match(await linkLocal(), /fe80::/);
});

Deno.test("commands of a file: one plain command without a shell, others in bash, no keys", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const key = randomKey();
  const parent = 'tr "\\0" " " </proc/$PPID/cmdline >$1; cat >>$1';
  await writeFile(room, "/run/parent", parent);
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nAddress = 10.7.0.1/24\n` +
      "PreUp = sh /run/parent '/run/plain of %i'\n" +
      "PostUp = cat <(sh /run/parent /run/shell) # a comment\n" +
      "PostUp = env >/run/env; echo $INTERFACE $CONFIG_FILE >>/run/names\n" +
      "PostUp = echo a;; b\n".replace(";;", "\\;") +
      "PreDown = echo down %i >>/run/names\nPostDown = ip link show %i 2>/dev/null || echo gone >>/run/names\n",
  );
  const up = await room.run([WG, "quick", "up", "wg1"], {
    netns: "left",
    stdin: "of the terminal\n",
    env: { WG_QUICK_USERSPACE_IMPLEMENTATION: "x", SECRET: "kept" },
  });
  equal(up.code, 0, up.stderr);
  equal(up.stdout, "a; b\n");
  const plain = await room.output(["cat", "/run/plain of wg1"]);
  match(plain, /quick up wg1 $/);
  ok(!(await room.output(["cat", "/run/shell"])).includes("/run/shell"), "the task is no argument");
  const environment = await room.output(["cat", "/run/env"]);
  match(environment, /^SECRET=kept$/m);
  match(environment, /^LC_ALL=C$/m);
  match(environment, /^PATH=\/run\/program:/m);
  ok(!/^(INTERFACE|CONFIG_FILE)=/m.test(environment) && !environment.includes(key));
  await quickly(room, "down wg1");
  equal(
    await room.output(["cat", "/run/names"]),
    `wg1 ${CONF}\ndown wg1\ngone\n`,
  );
  // A command may be wg-quick for the same file: it does not wait for the run that runs it.
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nPreUp = wg-quick down %i || echo as expected\n` +
      "PostUp = wg-quick save %i\nPostUp = /run/script %i\n",
  );
  await writeFile(room, "/run/script", "echo a script for $1\n", "700");
  equal((await quick(room, "up -q wg1")).stdout, "as expected\na script for wg1\n");
  match(await left(room, `cat ${CONF}`), /^ListenPort = /m);
  await quickly(room, "down wg1");
  // A status in the middle of up says so, also when a command of the file asks.
  await write(
    room,
    `[Interface]\nPrivateKey = ${key}\nPostUp = wg-quick status %i >/run/status; true\n`,
  );
  await quickly(room, "up wg1");
  match(await room.output(["cat", "/run/status"]), /^wg1: up is not at its end yet \(process /);
  equal((await quick(room, "status wg1")).code, 0);
  await quickly(room, "down wg1");
  // PreDown that fails stops down, and the interface stays.
  await write(room, `[Interface]\nPrivateKey = ${key}\nPreDown = false\n`);
  await quickly(room, "up wg1");
  const down = await quick(room, "down wg1");
  equal(down.code, 1);
  match(down.stderr, /^wg: PreDown: ended with status 1$/m);
  equal((await quick(room, "status wg1")).code, 0);
  await write(room, `[Interface]\nPrivateKey = ${key}\n`);
  await quickly(room, "down wg1");
});

Deno.test("the help of a subcommand has the name of the link", NEEDED, async () => {
  await using room = await quickRoom();
  const first = async (words: string) => (await left(room, words)).split("\n").slice(0, 2);
  const usage = ["usage: wg-quick up [-nq] interface | file", ""];
  deepEqual(await first("wg-quick up --help"), usage);
  deepEqual(await first(`${WG} quick up --help`), ["usage: quick up [-nq] interface | file", ""]);
  equal((await first("wg-quick --help"))[0], usage[0]);
});

Deno.test("save keeps comments, names and order; SaveConfig saves at down", NEEDED, async () => {
  await using room = await quickRoom();
  const key = randomKey();
  const text = `# mine\n[Interface]\nPrivateKey = ${key}\nAddress = 10.7.0.1/24 # one\n` +
    `ListenPort = 7111\nSaveConfig = true\n\n# Ann\n[Peer]\nPublicKey = ${OTHER}\n` +
    "AllowedIPs = 0.0.0.0/0, !128.0.0.0/1\nEndpoint = localhost:7222 # a name\n";
  await write(room, text);
  await quickly(room, "up wg1");
  await quickly(room, "save wg1");
  equal(await left(room, `cat ${CONF}`), text);
  await left(room, `${WG} ifconfig wg1 wgpeer ${OTHER} wgpka 25`);
  await left(room, "ip address add 10.8.0.1/24 dev wg1");
  await left(room, `chmod 640 ${CONF}`);
  await quickly(room, "down wg1");
  const lines = text.replace("/24 # one\n", "/24 # one\nAddress = 10.8.0.1/24 # one\n") +
    "PersistentKeepalive = 25\n";
  equal(await left(room, `cat ${CONF}`), lines);
  equal(await left(room, `stat -c %a ${CONF}`), "600\n");
});

Deno.test("a file as people have them: byte order mark, CRLF, readable by all, in any folder", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  const path = "/run/files of mine/wg1.conf";
  const script = 'mkdir -p "${1%/*}"; cat >"$1"; chmod 644 "$1"';
  await room.output(["sh", "-c", script, "sh", path], {
    stdin: `\ufeff[interface]\r\nprivatekey=${randomKey()}\r\nADDRESS=10.7.0.1\r\nFoo\r\n`
      .replace("Foo\r\n", ""),
  });
  const run = (...words: string[]) => room.run([`/run/bin/wg-quick`, ...words], { netns: "left" });
  const up = await run("up", path);
  equal(up.code, 0, up.stderr);
  match(up.stderr, /^wg-quick: WARNING: .*can be read by others; chmod 600 mends it$/m);
  match(up.stderr, /^wg-quick: WARNING: .*wg1\.conf:1: byte order mark: /m);
  match(await left(room, "ip -o -4 address show dev wg1"), / inet 10\.7\.0\.1\/32 /);
  // The record knows the file: its name is enough.
  match((await run("status", "wg1")).stdout, /\tfile: \/run\/files of mine\/wg1\.conf\n/);
  equal((await run("down", "wg1")).code, 0);
  match((await run("up", "no/such.conf")).stderr, /^wg-quick: .*such\.conf: No such file/m);
  for (const name of ["a b", "../x", "0123456789abcdef", "$(x)"]) {
    const refused = await run("up", name);
    equal(refused.code, 1);
    match(refused.stderr, /is required$/m);
  }
  match((await run("up", "--help")).stdout, /^usage: wg-quick up \[-nq\] interface \| file\n/);
});

Deno.test("a setting that has its value is not written: containers have it read-only", {
  ...NEEDED,
}, async () => {
  await using room = await quickRoom();
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24\n` +
      `[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 0.0.0.0/0\n`,
  );
  const before = await machine(room);
  const readOnly = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys";
  const inContainer = (value: string) =>
    room.run([
      "unshare",
      "-m",
      "sh",
      "-c",
      `echo ${value} >/proc/sys/net/ipv4/conf/all/src_valid_mark && ${readOnly} && ` +
      `${WG} quick up wg1`,
    ], { netns: "left" });
  const refused = await inContainer("0");
  equal(refused.code, 1);
  match(refused.stderr, /src_valid_mark is 0, and 1 is required; set it before this container/);
  await sameMachine(room, before, "refused");
  const fine = await inContainer("1");
  equal(fine.code, 0, fine.stderr);
  await quickly(room, "down wg1");
  equal(await left(room, "cat /proc/sys/net/ipv4/conf/all/src_valid_mark"), "1\n");
});

Deno.test("Debian's wg-quick takes down what we brought up, and we what it brought up", {
  ...BESIDE_DEBIAN,
}, async () => {
  await using room = await quickRoom();
  await write(
    room,
    `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 10.7.0.1/24, fd07::1/64\n` +
      `[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = 0.0.0.0/0, ::/0, 10.7.1.0/24\n`,
  );
  const before = await machine(room);
  const debian = (action: string) =>
    room.run(["/usr/bin/wg-quick", action, "wg1"], {
      netns: "left",
      env: { WG_QUICK_USERSPACE_IMPLEMENTATION: WG },
    });
  const up = await debian("up");
  equal(up.code, 0, up.stderr);
  const byDebian = await machine(room);
  const status = await quick(room, "status wg1");
  match(status.stdout, /^wg1: up .*, not brought up by wg quick\n.*\n\tas in the file\n$/);
  await quickly(room, "down wg1");
  // It leaves the setting, as wg-quick does: nobody knows what it was.
  await left(room, "sysctl -q -w net.ipv4.conf.all.src_valid_mark=0");
  await sameMachine(room, before, "our down");
  await quickly(room, "up wg1");
  const ours = (await machine(room)).filter((line) => line !== "/run/wg/wg1.quick");
  sameLines(ours, byDebian, "up");
  equal((await debian("down")).code, 0);
  await left(room, "sysctl -q -w net.ipv4.conf.all.src_valid_mark=0");
  await left(room, "rm /run/wg/wg1.quick");
  await sameMachine(room, before, "their down");
});

/** Files for `strip`. */
const FILES: readonly string[] = [
  "",
  "[Interface]\n",
  "[Interface]\nAddress=10.0.0.1/24\nPrivateKey = x\n\n[Peer]\nPublicKey = y\nMTU = 7",
  "  [interface] # x\n\tADDRESS = 1 # c\n # comment\nListenPort=7\n\n\nDns = 1\nMTU\nPostUp=a=b\n",
  "[Interface]\r\nAddress = 1\r\nListenPort = 7\r\n[Peer]\r\nAddress = 2\r\n",
  "Address = before\n[Peer]\nDNS = 1\n[Interface]\nSaveConfig = true\nTable = off\n Post Up = x\n",
  "[Interface]\nPreUp = a\nPreDown = b\nPostDown = c\nFwMark = 1\n[Interface] x\nMTU = 1\n",
];

Deno.test("strip prints what Debian's wg-quick prints, byte by byte", BESIDE_DEBIAN, async () => {
  await using room = await quickRoom();
  for (const text of FILES) {
    await write(room, text);
    const theirs = await room.run(["/usr/bin/wg-quick", "strip", "wg1"]);
    const ours = await room.run([WG, "quick", "strip", "wg1"]);
    equal(ours.stdout, theirs.stdout, JSON.stringify(text));
    equal(ours.code, theirs.code);
  }
});
