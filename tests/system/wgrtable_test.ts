/**
 * wgrtable: the UDP socket moves to another rdomain and back while packets flow.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, ping, publicKey, randomKey, traces, tunnel, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "nft");

/** Sequence numbers of the answers that a running ping has seen. */
const answers = (text: string) =>
  [...text.matchAll(/icmp_seq=(\d+) ttl/g)].map((found) => Number(found[1]));

const endpointOf = async (room: Room, name: string) =>
  /\twgendpoint (\S+ \d+)\n/.exec(await must(room, `ifconfig ${name}`))?.[1];

/** When the last handshake was, in Unix seconds, as wg(8) and `get=1` tell it. */
async function lastHandshake(room: Room, name: string, netns: string): Promise<number> {
  return JSON.parse(await must(room, `ifconfig --json ${name}`, netns))[0].wgpeers[0]
    .lastHandshakeUnix;
}

Deno.test(
  "the UDP socket moves to another rdomain and back while pings run; sessions go on",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    // rdomain 3 is there because something is in it: another way to the right side, and none over
    // the first one.
    await must(room, "ifconfig wg9 create wgport 7999 rdomain 3", "left");
    await room.link(
      { netns: "rdomain3", name: "second", addresses: ["10.3.0.1/24"] },
      { netns: "right", name: "second", addresses: ["10.3.0.2/24"] },
    );
    await must(room, "route -q -T3 add -inet 10.0.0.2 10.3.0.2", "left");
    await ping(room, "left", "192.168.5.2");
    equal(await endpointOf(room, "wg2"), "10.0.0.1 7111");
    const handshake = await lastHandshake(room, "wg1", "left");

    const running = room.spawn(["ping", "-n", "-i", "0.05", "-W", "2", "192.168.5.2"], {
      netns: "left",
    });
    const more = async () => {
      const count = answers(running.output()).length;
      await eventually("ten more answers", () => answers(running.output()).length >= count + 10);
    };
    await more();

    await must(room, "ifconfig wg1 wgrtable 3", "left");
    await more();
    match(await must(room, "ifconfig wg1", "left"), /\twgport 7111\n\twgrtable 3\n/);
    match(await must(room, "route -T3 exec netstat -ln", "left"), /\*\.7111 /);
    equal((await must(room, "netstat -ln", "left")).includes(".7111 "), false);
    // The right side saw where the packets come from now.
    equal(await endpointOf(room, "wg2"), "10.3.0.1 7111");
    equal(await endpointOf(room, "wg1"), "10.0.0.2 7222");

    // The first way is not used any more.
    await room.output(["nft", "-f", "-"], {
      netns: "left",
      stdin:
        "table ip gate { chain out { type filter hook output priority 0; udp sport 7111 counter drop; }; }\n",
    });
    await more();
    match(await must(room, "nft list ruleset", "left"), /counter packets 0 /);
    await must(room, "nft flush ruleset", "left");

    await must(room, "ifconfig wg1 wgrtable 0", "left");
    await more();
    equal((await must(room, "ifconfig wg1", "left")).includes("wgrtable"), false);
    match(await must(room, "netstat -ln", "left"), /\*\.7111 /);
    equal((await must(room, "route -T3 exec netstat -ln", "left")).includes(".7111 "), false);
    equal(await endpointOf(room, "wg2"), "10.0.0.1 7111");

    // Several moves in a row, with a free port: still the same session and the same ping.
    for (const rtable of [3, 0, 3, 0]) await must(room, `ifconfig wg1 wgrtable ${rtable}`, "left");
    await more();
    running.signal("SIGINT");
    await running.status;
    const seen = answers(running.output());
    deepEqual(seen, [...seen].sort((a, b) => a - b));
    // Old sockets are closed after the new ones are used: at most what was in flight at one of the
    // six moves is lost.
    ok(seen.at(-1)! - seen.length <= 12, `${seen.at(-1)! - seen.length} of ${seen.at(-1)} lost`);
    equal(await lastHandshake(room, "wg1", "left"), handshake);
  },
);

Deno.test("the cached source addresses are cleared when the socket moves", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, `ifconfig wg2 create wgport 7222 wgkey ${randomKey()} 192.168.5.2/24`, "right");
  await must(room, "ifconfig wg9 create rdomain 3", "left");
  const right = Uint8Array.fromBase64(await publicKey(room, "wg2")).toHex();
  const configuration =
    `private_key=${Uint8Array.fromBase64(randomKey()).toHex()}\nlisten_port=7111\n` +
    `public_key=${right}\nendpoint=10.0.0.2:7222\nallowed_ip=192.168.5.2/32\n\n`;
  await room.output(["sh", "-c", "umask 077; cat >/run/wg1.set"], { stdin: configuration });
  const program = `${ROOT}tests/system/moving_interface.ts`;
  const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", program, "wg1", "/run/go"];
  const running = room.spawn(["sh", "-c", 'exec "$@" </run/wg1.set', "sh", ...argv], {
    netns: "left",
  });
  const said = async (what: RegExp) => (await running.wrote(what))[1];
  await must(
    room,
    `ifconfig wg2 wgpeer ${await said(/^key (\S+)$/m)} wgaip 192.168.5.1/32`,
    "right",
  );
  await must(room, "ip address add 192.168.5.1/24 dev wg1", "left");
  await must(room, "ip link set wg1 up", "left");
  await ping(room, "left", "192.168.5.2");
  equal(await said(/^before (\S+)$/m), "10.0.0.1");
  await must(room, "touch /run/go");
  equal(await said(/^still (\S+)$/m), "10.0.0.1");
  equal(await said(/^after (\S+)$/m), "none");
  await running.status;
});

Deno.test(
  "a port in use there gives EADDRINUSE and changes nothing; an empty rdomain is removed after the socket has left",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await must(room, "ifconfig wg9 create wgport 7111 rdomain 3 wgrtable 3", "left");
    await ping(room, "left", "192.168.5.2");
    const before = await traces(room);
    const counters = /\ttx: .*\n|\tlast handshake: .*\n/g;
    const shown = (await must(room, "ifconfig wg1", "left")).replace(counters, "");
    const running = room.spawn(["ping", "-n", "-i", "0.05", "-W", "2", "192.168.5.2"], {
      netns: "left",
    });
    await eventually("answers", () => answers(running.output()).length > 5);
    const refused = await may(room, "ifconfig wg1 wgrtable 3 mtu 1300 description moved", "left");
    equal(refused.code, 1);
    match(refused.stderr, /^ifconfig: [^\n]*7111[^\n]*\(EADDRINUSE\)\n$/);
    const count = answers(running.output()).length;
    await eventually("more answers", () => answers(running.output()).length > count + 10);
    running.signal("SIGINT");
    await running.status;
    match(running.output(), / 0% packet loss/);
    equal((await must(room, "ifconfig wg1", "left")).replace(counters, ""), shown);
    deepEqual(await traces(room), before);
    match(await must(room, "netstat -ln", "left"), /\*\.7111 /);

    // Nothing but the socket is in rdomain 8: it is made for it and goes with it.
    await must(room, "ifconfig wg1 wgrtable 8 wgport 7118", "left");
    match(await must(room, "route -T8 exec netstat -ln", "left"), /\*\.7118 /);
    await must(room, "ifconfig wg1 wgrtable 0", "left");
    await eventually(
      "the end of rdomain 8",
      async () => !(await traces(room)).includes("rdomain8"),
    );
    await must(room, "ping -n -c 2 -i 0.2 -W 60 192.168.5.2", "left");
    await must(room, `ifconfig wg5 create wgrtable 8 wgkey ${randomKey()}`, "left");
    ok((await traces(room)).includes("rdomain8"));
    await must(room, "ifconfig wg5 destroy", "left");
    deepEqual(await traces(room), before);
  },
);
