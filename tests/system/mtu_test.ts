/** `wg mtu` on a path whose MTU is smaller in the middle. */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { routedRoom } from "./mtu_room.ts";
import { needs } from "./needs.ts";
import { may, must, publicKey, randomKey, WG } from "./peers.ts";
import { walk } from "./tour.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ipv6", "nft");

/** A path whose second link has an MTU of 1400; wg1 and wg2 at the ends. */
async function longRoom(): Promise<Room> {
  const room = await routedRoom(1400);
  await must(room, `ifconfig wg1 create wgkey ${randomKey()} wgport 7111 inet 10.7.0.1/24`, "left");
  await must(
    room,
    `ifconfig wg2 create wgkey ${randomKey()} wgport 7222 inet 10.7.0.2/24`,
    "right",
  );
  const [left, right] = [await publicKey(room, "wg1"), await publicKey(room, "wg2")];
  const words = `wgpeer ${right} wgdescr office wgaip 10.7.0.2/32 wgendpoint 10.0.2.2 7222`;
  await must(room, `ifconfig wg1 ${words}`, "left");
  await must(room, `ifconfig wg2 wgpeer ${left} wgaip 10.7.0.1/32`, "right");
  return room;
}

const mtu = (room: Room, words: string) => may(room, `${WG} mtu ${words}`, "left");

Deno.test("what the path tells is found, and the advice is right for both families", {
  ...NEEDED,
}, async () => {
  await using room = await longRoom();
  await walk(room, "MTU", { netns: "left" });
  await must(room, "ifconfig wg1 mtu 1420", "left");
  const found = await mtu(room, "--json wg1 office");
  equal(found.code, 1, found.stderr);
  // Long datagrams are fragmented on the way, so that the echo alone would not tell.
  deepEqual(JSON.parse(found.stdout), {
    interface: "wg1",
    peer: "office",
    mtu: 1420,
    answered: 1420,
    path: 1400,
    fitsPath: 1340,
    advice: 1340,
    fits: false,
    problems: [],
  });
  await must(room, "ifconfig wg1 mtu 1340", "left");
  const right = await mtu(room, "wg1 office");
  equal(right.code, 0, right.stderr);
  match(right.stdout, /^advice: the MTU is right$/m);

  const key = await publicKey(room, "wg2");
  await must(room, `ifconfig wg1 wgpeer ${key} wgendpoint fd02::2 7222`, "left");
  await eventually("the advice over IPv6", async () => {
    const { stdout } = await mtu(room, `wg1 ${key}`);
    return /^path to \[fd02::2\]:7222: 1400 bytes, which is 1320 in the tunnel\nadvice: ifconfig wg1 mtu 1320$/m
      .test(stdout);
  });
});

Deno.test("a path that drops long packets and tells nothing is found by what is answered", {
  ...NEEDED,
}, async () => {
  await using room = await longRoom();
  const rules = "table ip x {\n chain f {\n type filter hook prerouting priority -400;\n" +
    " ip frag-off & 0x3fff != 0 drop\n ip length > 1380 drop\n }\n" +
    " chain o {\n type filter hook output priority 0;\n ip protocol icmp drop\n }\n}\n";
  await room.output(["nft", "-f", "-"], { netns: "middle", stdin: rules });
  const { stdout, code } = await mtu(room, "--json wg1 office");
  const { answered, advice } = JSON.parse(stdout);
  // 1380 - 60 is 1320, of which 8 do not fill a block of 16.
  deepEqual([code, answered, advice], [1, 1312, 1312]);
});

Deno.test("a peer that answers no echo is told, and the path tells all the same", {
  ...NEEDED,
}, async () => {
  await using room = await longRoom();
  const rules = "table ip x {\n chain i {\n type filter hook input priority 0;\n" +
    ' iifname "wg2" drop\n }\n}\n';
  await room.output(["nft", "-f", "-"], { netns: "right", stdin: rules });
  const ran = await mtu(room, "wg1 office");
  match(ran.stderr, /^wg: warning: 10\.7\.0\.2 answers no echo request$/m);
  match(ran.stdout, /^advice: ifconfig wg1 mtu 1340$/m);
  equal(ran.code, 1);
  // One that fits the path, of which nothing shows that it passes.
  await must(room, "ifconfig wg1 mtu 1280", "left");
  const unknown = await mtu(room, "--json wg1 office");
  deepEqual([unknown.code, JSON.parse(unknown.stdout).fits], [1, null], unknown.stdout);
  match(
    (await mtu(room, "wg1 office --to 8.8.8.8")).stderr,
    /^wg: --to: 8\.8\.8\.8 is in no range/,
  );
  match((await mtu(room, "wg1 nobody")).stderr, /^wg: mtu: "nobody": no peer has this name/);
});
