/**
 * What other programs read of an interface: the lines of `wg show all dump`, the values of
 * wireguard-tools' script wg-json, and the text of the control socket.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

/** The script of wireguard-tools. Some installations of Debian have no such files. */
const WG_JSON = "/usr/share/doc/wireguard-tools/examples/json/wg-json";
const NEEDED = needs("namespaces", "tun", "ip", "ping", "wg");
const WITH_SCRIPT = {
  ignore: NEEDED.ignore || !await Deno.stat(WG_JSON).then(() => true, () => false),
};

/** Two interfaces with all kinds of peers; one with a name that has a `=`. */
async function interfaces(room: Room): Promise<void> {
  await tunnel(room, "10.0.0.2", `wgpka 85 wgpsk ${randomKey()} wgdescr a=b`);
  await must(room, `ifconfig wg1 wgpeer ${randomKey()} wgendpoint fd00::7 7777 wgaip fd09::/48`);
  await must(room, `ifconfig wg1 wgpeer ${randomKey()}`);
  await must(room, `${WG} set wg1 fwmark 0xca6c`);
  await must(room, "ifconfig wg7 create");
  await ping(room, "left", "192.168.5.2");
}

Deno.test("wg-json says the same with our wg, and so does show --json", WITH_SCRIPT, async () => {
  await using room = await wgRoom();
  await interfaces(room);
  await must(room, `mkdir /run/ours`);
  await must(room, `ln -s ${WG} /run/ours/wg`);
  type Json = Record<string, { peers: Record<string, Record<string, unknown>> }>;
  const script = async (path = "") =>
    JSON.parse(await room.output(["sh", "-c", `PATH=${path}$PATH exec ${WG_JSON}`])) as Json;
  let before: Json, byOurs: Json, ours: Json;
  do {
    before = await script();
    byOurs = await script("/run/ours:");
    const env = { WG_HIDE_KEYS: "never" };
    ours = JSON.parse(await room.output([WG, "show", "all", "--json"], { env })) as Json;
    // Counters may go on between the commands.
  } while (JSON.stringify(before) !== JSON.stringify(await script()));
  deepEqual(byOurs, before);
  // The script leaves out counters that are 0. Ours are always there.
  for (const { peers } of Object.values(before)) {
    for (const [key, peer] of Object.entries(peers)) {
      peers[key] = { transferRx: 0, transferTx: 0, ...peer };
    }
  }
  // Descriptions are ours alone.
  const peersOfOurs = Object.values(ours).flatMap(({ peers }) => Object.values(peers));
  ok(peersOfOurs.some(({ description }) => description === "a=b"));
  for (const peer of peersOfOurs) delete peer.description;
  deepEqual(ours, before);
  ok(Object.values(ours.wg1.peers).some((peer) => Number(peer.transferRx) > 0));
});

Deno.test("the lines of show all dump are as exporters parse them", NEEDED, async () => {
  await using room = await wgRoom();
  await interfaces(room);
  const lines = (await must(room, `${WG} show all dump`)).trimEnd().split("\n")
    .map((line) => line.split("\t"));
  const key = /^[A-Za-z0-9+/]{43}=$/;
  const keyOrNone = /^([A-Za-z0-9+/]{43}=|\(none\))$/;
  const number = /^[0-9]+$/;
  // prometheus-wireguard-exporter takes five columns for an interface and others for a peer. No
  // column is empty, because it passes over empty ones.
  const devices = lines.filter(({ length }) => length === 5);
  const peers = lines.filter(({ length }) => length !== 5);
  deepEqual(devices.map(([name]) => name), ["wg1", "wg2", "wg7"]);
  equal(peers.length, 4);
  for (const [, privateKey, publicKey, port, mark] of devices) {
    match(privateKey, keyOrNone);
    match(publicKey, keyOrNone);
    ok(number.test(port) && Number(port) <= 65_535);
    match(mark, /^(off|0x[0-9a-f]+)$/);
  }
  for (const columns of peers) {
    equal(columns.length, 9);
    const [, publicKey, psk, endpoint, ranges, handshake, received, sent, keepalive] = columns;
    match(publicKey, key);
    match(psk, keyOrNone);
    match(endpoint, /^(\(none\)|[0-9.]+:[0-9]+|\[[0-9a-f:]+\]:[0-9]+)$/);
    match(ranges, /^(\(none\)|[0-9a-f.:]+\/[0-9]+(,[0-9a-f.:]+\/[0-9]+)*)$/);
    for (const value of [handshake, received, sent]) match(value, number);
    match(keepalive, /^(off|[0-9]+)$/);
  }
});

Deno.test("the control socket's text is as wgctrl of telegraf parses it", NEEDED, async () => {
  await using room = await wgRoom();
  await interfaces(room);
  const path = `/proc/${room.pid}/root/run/wireguard/wg1.sock`;
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("get=1\n\n"));
  let text = "";
  const part = new Uint8Array(65_536);
  while (!text.endsWith("\n\n")) {
    const count = await connection.read(part);
    if (count === null) break;
    text += new TextDecoder().decode(part.subarray(0, count));
  }
  const lines = text.slice(0, -2).split("\n");
  equal(lines.pop(), "errno=0");
  for (const line of lines) {
    // Exactly one =, and nothing but numbers, keys and addresses after it.
    match(line, /^[a-z_]+=[0-9a-f.:/[\]]+$/);
  }
  // It takes the time of a handshake when it reads the nanoseconds, which come after the seconds.
  const seconds = lines.findIndex((line) => line.startsWith("last_handshake_time_sec="));
  match(lines[seconds + 1], /^last_handshake_time_nsec=[0-9]+$/);
});
