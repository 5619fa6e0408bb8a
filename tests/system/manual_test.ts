import { deepEqual, equal, match } from "node:assert/strict";
import { MANUAL_SCRIPT } from "../../scripts/manual_example.ts";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, publicKey, traces, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "openssl");

Deno.test("the manual's script, word for word, by links on PATH", NEEDED, async () => {
  await using room = await wgRoom();
  await room.output(["sh", "-c", "cat >/run/example.sh"], { stdin: MANUAL_SCRIPT });
  const ran = await room.run(["sh", "-e", "/run/example.sh"]);
  deepEqual(ran, { code: 0, signal: null, stdout: "", stderr: "" });

  match(
    await must(room, "route -T1 exec ping -c 3 -i 0.2 192.168.5.2"),
    /3 packets transmitted, 3 received/,
  );
  match(
    await must(room, "route -T2 exec ping -c 3 -i 0.2 192.168.5.1"),
    /3 packets transmitted, 3 received/,
  );

  const listening = await must(room, "netstat -ln");
  for (const family of ["udp ", "udp6"]) {
    for (const port of [7111, 7222]) {
      match(listening, new RegExp(`^${family} +0 +0  \\*\\.${port} +\\*\\.\\*$`, "m"));
    }
  }

  const other = await publicKey(room, "wg2");
  const lines = (await must(room, "ifconfig wg1")).trimEnd().split("\n");
  match(lines[0], /^wg1: flags=[0-9a-f]+<UP,\S*RUNNING\S*> rdomain 1 mtu 1420$/);
  match(lines[1], /^\tindex \d+ priority \d+ llprio \d+$/);
  equal(lines[2], "\twgport 7111");
  match(lines[3], /^\twgpubkey \S{44}$/);
  equal(lines[4], `\twgpeer ${other}`);
  equal(lines[5], "\t\twgendpoint 127.0.0.1 7222");
  // Three requests and three answers of 84 bytes, padded to 96, each with 32 more, and the
  // handshakes.
  const counted = /^\t\ttx: (\d+), rx: (\d+)$/.exec(lines[6]);
  if (counted === null) throw new Error(lines[6]);
  for (const bytes of counted.slice(1)) {
    equal(Number(bytes) >= 6 * 128 + 92 && Number(bytes) < 2000, true, bytes);
  }
  match(lines[7], /^\t\tlast handshake: \d seconds? ago$/);
  equal(lines[8], "\t\twgaip 192.168.5.2/32");
  equal(lines[9], "\tgroups: wg");
  equal(lines[10], "\tinet 192.168.5.1 netmask 0xffffff00 broadcast 192.168.5.255");

  match(await must(room, "ip netns exec rdomain1 ip -o link"), /wg1/);
  deepEqual(
    (await traces(room)).filter((line) => !/^\d/.test(line)).sort().filter((line) =>
      line.startsWith("rdomain")
    ),
    [
      "rdomain1",
      "rdomain2",
    ],
  );
  await must(room, "ifconfig wg1 destroy");
  await must(room, "ifconfig wg2 destroy");
  deepEqual(await traces(room), []);
  equal(
    (await must(room, "netstat -ln")).split("\n").filter((line) => line.startsWith("udp")).length,
    0,
  );
  equal((await must(room, "ip -o link")).trim().split("\n").length, 1);
});

Deno.test("an rdomain ends with the last interface in it", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create rdomain 1");
  await must(room, "ifconfig wg2 create rdomain 1");
  await must(room, "ifconfig wg1 destroy");
  // The other interface keeps the namespace.
  match(await must(room, "route -T1 exec ip -o link"), /wg2/);
  await must(room, "ifconfig wg2 destroy");
  await eventually("the end of rdomain 1", async () => (await traces(room)).length === 0);
});
