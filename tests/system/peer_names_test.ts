/**
 * Peers by their descriptions, on a running interface: in the words of ifconfig and `wg set`, and
 * in the log.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { needs } from "./needs.ts";
import { may, must, publicKey, randomKey, WG, wgRoom } from "./peers.ts";

Deno.test(
  "a peer is selected by its name, shown by it, and removed by it",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    const keys: string[] = [];
    for (const name of ["wg7", "wg8"]) {
      await must(room, `ifconfig ${name} create wgkey ${randomKey()}`);
      keys.push(await publicKey(room, name));
    }
    const [office, home] = keys;
    await must(
      room,
      `ifconfig wg1 create wgkey ${randomKey()} debug wgpeer ${office} wgdescr office wgpeer ${home}`,
    );
    await must(room, "ifconfig wg1 wgpeer office wgaip 10.0.1.0/24 wgpka 7");
    await must(room, `${WG} set wg1 peer office endpoint 127.0.0.1:9`);
    await must(room, "ifconfig wg1 192.168.5.1/24");
    const shown = await must(room, "ifconfig wg1");
    const [, ofOffice, ofHome] = shown.split("\twgpeer ");
    match(
      ofOffice,
      /wgdescr: office\n[^]*wgpka 7[^]*wgendpoint 127.0.0.1 9\n[^]*wgaip 10.0.1.0\/24/,
    );
    equal(ofHome.includes("wgaip"), false);
    match(
      await must(room, `${WG} dmesg wg1`),
      /Sending handshake initiation to peer 1 \(office\) \(127\.0\.0\.1:9\)/,
    );
    // Programs read this: it is as wireguard-tools has it.
    equal((await must(room, `${WG} show wg1`)).includes("office"), false);
    const json = JSON.parse(await must(room, `${WG} show wg1 --json`));
    equal(json.wg1.peers[office].description, "office");

    const wrong = await may(room, "ifconfig wg1 wgpeer ofice wgpka 1");
    deepEqual([wrong.code, wrong.stderr], [
      1,
      `ifconfig: wgpeer: "ofice": no peer has this name; the peers are office, ${home}\n`,
    ]);
    await must(room, `ifconfig wg1 wgpeer ${home} wgdescr office`);
    const several = await may(room, `${WG} set wg1 peer office remove`);
    deepEqual([several.code, several.stderr], [
      1,
      `wg: peer: "office": 2 peers have this name; a public key is required: ${office}, ${home}\n`,
    ]);
    // Files give names by comments, and leave others alone.
    const file = (peers: string) =>
      room.output(["sh", "-c", `umask 077; printf '${peers}' >/run/wg1.conf`]);
    const names = async () => {
      const { wg1 } = JSON.parse(await must(room, `${WG} show wg1 --json`));
      return [home, office].map((key) => wg1.peers[key].description).join();
    };
    await file(`[Peer] # house\\nPublicKey = ${home}\\n[Peer]\\nPublicKey = ${office}\\n`);
    for (const how of ["addconf", "setconf", "syncconf"]) {
      await must(room, `ifconfig wg1 wgpeer ${home} wgdescr home`);
      await must(room, `${WG} ${how} wg1 /run/wg1.conf`);
      equal(await names(), "house,office", how);
    }
    await must(room, `ifconfig wg1 -wgpeer ${home}`);
    await must(room, "ifconfig wg1 -wgpeer office");
    equal((await must(room, "ifconfig wg1")).includes("wgpeer"), false);
  },
);
