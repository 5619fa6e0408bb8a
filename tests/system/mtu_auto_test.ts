/** `mtu auto`: the MTU follows a path on which a router's link changes. */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { routedRoom, setFarMtu } from "./mtu_room.ts";
import { needs } from "./needs.ts";
import { may, must, publicKey, randomKey, WG, writeFile } from "./peers.ts";
import { publicOf, startInterface } from "./short_times.ts";

const NEEDED = needs("namespaces", "tun", "ip");
const hex = (base64: string) => Uint8Array.fromBase64(base64).toHex();

/** Waits until wg1 has an MTU. */
async function follows(room: Room, mtu: number): Promise<void> {
  await eventually(
    `mtu ${mtu}`,
    async () => (await must(room, "ip -o link show wg1", "left")).includes(` mtu ${mtu} `),
  );
}

Deno.test("the MTU follows a path that becomes narrower and wider, and ends by hand", {
  ...NEEDED,
}, async () => {
  await using room = await routedRoom(1400);
  const keys = { left: randomKey(), right: randomKey() };
  // Looks are half a second apart here.
  const right = `private_key=${hex(keys.right)}\nlisten_port=7222\npublic_key=${
    hex(await publicOf(keys.left))
  }\nallowed_ip=192.168.5.1/32\n\n`;
  const left = `private_key=${hex(keys.left)}\nlisten_port=7111\nmtu_auto=true\npublic_key=${
    hex(await publicOf(keys.right))
  }\nendpoint=10.0.2.2:7222\npersistent_keepalive_interval=1\nallowed_ip=192.168.5.2/32\n\n`;
  await startInterface(room, "right", "wg2", 1, right);
  const running = await startInterface(room, "left", "wg1", 1, left);
  await must(room, "ip link set wg2 up", "right");
  await must(room, "ip link set wg1 up", "left");
  await follows(room, 1340);
  await setFarMtu(room, 1380);
  await follows(room, 1320);
  // A message of ICMP can be forged. What the path tells does not count below 1280.
  await setFarMtu(room, 1300);
  await follows(room, 1280);
  await setFarMtu(room, 1500);
  // The kernel keeps what it has learned of a path for ten minutes.
  await must(room, "ip route flush cache", "left");
  await follows(room, 1420);
  match(running.output(), /mtu auto: 1340 instead of 1420\n[^]*mtu auto: 1420 instead of 1280\n/);

  await must(room, "ip link set wg1 mtu 1390", "left");
  await running.wrote("mtu auto has ended: the MTU was set to 1390\n");
  await setFarMtu(room, 1400);
  await follows(room, 1390);
});

Deno.test("ifconfig switches mtu auto on and off, shows it, and a restart keeps it", {
  ...NEEDED,
}, async () => {
  await using room = await routedRoom(1400);
  await must(room, `ifconfig wg2 create wgkey ${randomKey()} wgport 7222 10.7.0.2/24`, "right");
  const file = `wgkey ${randomKey()} wgport 7111 mtu auto\ninet 10.7.0.1/24\n`;
  await writeFile(room, "/run/files/hostname.wg1", file);
  await must(room, `${WG} netstart -d /run/files wg1`, "left");
  const [left, right] = [await publicKey(room, "wg1"), await publicKey(room, "wg2")];
  await must(room, `ifconfig wg2 wgpeer ${left} wgaip 10.7.0.1/32`, "right");
  const peer = `wgpeer ${right} wgaip 10.7.0.2/32 wgendpoint 10.0.2.2 7222 wgpka 1`;
  await must(room, `ifconfig wg1 ${peer}`, "left");
  await follows(room, 1340);
  match(await must(room, "ifconfig wg1", "left"), /^wg1: flags=.* mtu 1340\n\tmtu auto\n/);
  const shown = async () => {
    const [{ mtu, mtuAuto }] = JSON.parse(await must(room, "ifconfig --json wg1", "left"));
    return [mtu, mtuAuto];
  };
  deepEqual(await shown(), [1340, true]);

  await must(room, `${WG} restart wg1`, "left");
  deepEqual(await shown(), [1340, true]);
  // Only the peer is not in the file.
  equal(
    await must(room, `${WG} netstart -nr -d /run/files wg1`, "left"),
    `ifconfig wg1 -wgpeer ${right}\n`,
  );

  const refused = await may(room, "ifconfig wg1 wgrtable 5", "left");
  equal(refused.code, 1);
  match(refused.stderr, /mtu: auto cannot ask the paths of wgrtable 5; wgrtable 0 is required/);

  await must(room, "ifconfig wg1 mtu 1300", "left");
  deepEqual(await shown(), [1300, undefined]);
  await must(room, "ifconfig wg1 mtu auto", "left");
  deepEqual(await shown(), [1300, true]);
  await must(room, "ifconfig wg1 mtu 1300", "left");
  match(
    await must(room, `${WG} netstart -nr -d /run/files wg1`, "left"),
    /^ifconfig wg1 mtu auto$/m,
  );
});
