/**
 * A room for `wg quick`: namespaces `left` and `right` with a cable, /etc of its own with an empty
 * /etc/wireguard, and a peer of the interface on the right.
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { eventually, type Ran, type Room } from "../../scripts/netlab.ts";
import { formatKey, publicKeyOf } from "../../mod.ts";
import { cable, may, must, publicKey, randomKey, WG, wgRoom, writeFile } from "./peers.ts";

/** The file of the interface that most tests use. */
export const CONF = "/etc/wireguard/wg1.conf";
/** What /etc/resolv.conf has before. */
const RESOLV = "nameserver 192.0.2.53\nsearch before.example\n";

export async function quickRoom(): Promise<Room> {
  const room = await wgRoom();
  await room.install(WG, ["wg", "wg-quick"]);
  // /etc without resolvconf and systemd-resolved: name servers go into resolv.conf.
  const script = "cp -a /etc /run/etc && mount --bind /run/etc /etc && cd /etc && " +
    "rm -rf wireguard resolv.conf && mkdir -m 700 wireguard /run/wireguard && cat >resolv.conf";
  await room.output(["sh", "-ec", script], { stdin: RESOLV });
  await cable(room);
  // Duplicate address detection of the cable's own addresses takes a second.
  const tentative = ["ip", "-n", "left", "-6", "address", "show", "tentative"];
  await eventually("the addresses of the cable", async () => await room.output(tentative) === "");
  return room;
}

/** Keys of both ends. */
export interface QuickPeer {
  /** The private key of wg1, for its file. */
  readonly key: string;
  /** The public key of wg2 on the right: 10.0.0.2 port 7222, 10.7.0.2/24, fd07::2/64. */
  readonly peer: string;
}

/** Makes wg2 on the right, which takes wg1 as a peer. */
export async function rightPeer(room: Room): Promise<QuickPeer> {
  const key = randomKey();
  const words = `wgport 7222 wgkey ${randomKey()}`;
  await must(room, `ifconfig wg2 create ${words} inet 10.7.0.2/24`, "right");
  await must(room, "ifconfig wg2 inet6 fd07::2/64", "right");
  const own = formatKey(publicKeyOf(key));
  await must(room, `ifconfig wg2 wgpeer ${own} wgaip 10.7.0.1/32 wgaip fd07::1/128`, "right");
  return { key, peer: await publicKey(room, "wg2") };
}

export const write = (room: Room, text: string, path = CONF): Promise<void> =>
  writeFile(room, path, text);

/** Runs `wg quick` on the left. */
export const quick = (room: Room, line: string): Promise<Ran> =>
  may(room, `${WG} quick ${line}`, "left");

/** Runs `wg quick` on the left; it must succeed. */
export async function quickly(room: Room, line: string): Promise<Ran> {
  const ran = await quick(room, line);
  deepEqual({ code: ran.code, stderr: ran.stderr.replace(/^\[#\].*\n/gm, "") }, {
    code: 0,
    stderr: "",
  });
  return ran;
}

/** Everything on the left that `up` changes, without numbers of links and addresses' times. */
export async function machine(room: Room): Promise<string[]> {
  const commands = [
    "ip -j address",
    "ip -4 -j route show table all",
    "ip -6 -j route show table all",
    "ip -4 -j rule",
    "ip -6 -j rule",
    "nft list ruleset",
    "cat /proc/sys/net/ipv4/conf/all/src_valid_mark /etc/resolv.conf",
    "ls /etc /etc/wireguard /run/wireguard",
    "find /run/wg -type f",
  ];
  const found: string[] = [];
  for (const command of commands) found.push((await may(room, command, "left")).stdout);
  return found.flatMap((text) => text.replaceAll("},{", "},\n{").split("\n"))
    .map((line) => line.replace(/"(ifindex|link_index)":\d+,?/g, ""));
}

/** Compares the machine with what `machine` told before. The message has the lines that differ. */
export async function sameMachine(
  room: Room,
  before: readonly string[],
  what: string,
): Promise<void> {
  sameLines(await machine(room), before, what);
}

/** Compares what `machine` told twice. */
export function sameLines(now: readonly string[], before: readonly string[], what: string): void {
  const lost = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const found = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  deepEqual([...lost, ...found], [], what + [...lost, ...found].join("\n"));
  deepEqual(now, before, what);
}
