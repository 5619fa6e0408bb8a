/**
 * Two peers of this program in a room: namespaces `left` and `right` joined by a cable, wg1 on the
 * left, wg2 on the right.
 * @module
 */
import { ROOT } from "../../scripts/built.ts";
import { type Ran, Room } from "../../scripts/netlab.ts";

/** Where a room that `wgRoom` made has ./wg: a path without blanks, which every user may enter. */
export const WG = "/run/program/wg";

/** A room with ./wg on its PATH under the names that matter, and as WG. */
export async function wgRoom(): Promise<Room> {
  const wg = `${ROOT}wg`;
  if (!await Deno.stat(wg).then(() => true, () => false)) {
    throw new Error("./wg is not there: deno task compile");
  }
  const room = await Room.open();
  await room.install(wg, ["ifconfig", "route", "netstat"]);
  return room;
}

/** A new private key or preshared key. */
export const randomKey = (): string => crypto.getRandomValues(new Uint8Array(32)).toBase64();

/** Runs a command line (no quotes in it) that must succeed. */
export async function must(room: Room, line: string, netns?: string): Promise<string> {
  return await room.output(line.split(" "), netns === undefined ? {} : { netns });
}

/** Runs a command line that may fail. */
export async function may(room: Room, line: string, netns?: string): Promise<Ran> {
  return await room.run(line.split(" "), netns === undefined ? {} : { netns });
}

/** Gives the room an /etc of its own, a copy of what this user may read. */
export async function ownEtc(room: Room): Promise<void> {
  await room.output([
    "sh",
    "-c",
    "cp -a /etc /run/own-etc 2>/dev/null; mount --bind /run/own-etc /etc",
  ]);
}

/** Writes a file that is root's alone, in a folder that is made if it is missing. */
export async function writeFile(
  room: Room,
  path: string,
  text: string,
  mode = "600",
): Promise<void> {
  const script = `mkdir -p "$(dirname "$1")"; cat >"$1"; chmod ${mode} "$1"`;
  await room.output(["sh", "-ec", script, "sh", path], { stdin: text });
}

/** The public key that ifconfig shows. */
export async function publicKey(room: Room, name: string, run = must): Promise<string> {
  const shown = /\twgpubkey (\S{44})\n/.exec(await run(room, `ifconfig ${name}`));
  if (shown === null) throw new Error(`${name} shows no wgpubkey`);
  return shown[1];
}

/** Makes an interface, with so many Workers when that is said. */
export async function create(
  room: Room,
  name: string,
  netns: string,
  words: string,
  workers?: number,
): Promise<void> {
  if (workers !== undefined) {
    const daemon = room.spawn(["sh", "-c", `exec ${WG} daemon ${name} ${workers} </dev/null`], {
      netns,
    });
    await daemon.wrote("errno=0");
  }
  await must(room, `ifconfig ${name} ${workers === undefined ? "create " : ""}${words}`, netns);
}

export interface Pair {
  readonly keys: { readonly left: string; readonly right: string };
  readonly publicKeys: { readonly left: string; readonly right: string };
}

/**
 * Namespaces with a cable: left 10.0.0.1 and fd00::1, right 10.0.0.2 and fd00::2, both interfaces
 * named `cable`.
 */
export async function cable(room: Room): Promise<void> {
  await room.namespace("left");
  await room.namespace("right");
  await room.link(
    { netns: "left", name: "cable", addresses: ["10.0.0.1/24", "fd00::1/64"] },
    { netns: "right", name: "cable", addresses: ["10.0.0.2/24", "fd00::2/64"] },
  );
}

/**
 * wg1 (port 7111; 192.168.5.1, fd05::1) and wg2 (7222; 192.168.5.2, fd05::2), each the other's
 * peer.
 * @param outer the right side's address as the left side knows it; the right side learns the left
 *   one's
 * @param words more words for both peers, e.g. `wgpsk KEY`
 * @param workers how many Workers both have; without it as many as the processors suggest
 */
export async function tunnel(
  room: Room,
  outer = "10.0.0.2",
  words = "",
  workers?: number,
): Promise<Pair> {
  await cable(room);
  const keys = { left: randomKey(), right: randomKey() };
  await create(room, "wg1", "left", `wgport 7111 wgkey ${keys.left}`, workers);
  await create(room, "wg2", "right", `wgport 7222 wgkey ${keys.right}`, workers);
  return { keys, publicKeys: await connect(room, outer, words) };
}

/**
 * Makes wg1 in `left` and wg2 in `right` each other's peers, as `tunnel` has them, and gives them
 * their addresses.
 * @param configure runs a command line that must succeed
 */
export async function connect(
  room: Room,
  outer = "10.0.0.2",
  words = "",
  configure: typeof must = must,
): Promise<Pair["publicKeys"]> {
  const publicKeys = {
    left: await publicKey(room, "wg1", configure),
    right: await publicKey(room, "wg2", configure),
  };
  const more = words === "" ? "" : ` ${words}`;
  // The right side is ready before the left one has anything to say: no initiation is lost.
  await configure(
    room,
    `ifconfig wg2 wgpeer ${publicKeys.left} wgaip 192.168.5.1/32 wgaip fd05::1/128${more}`,
    "right",
  );
  await configure(room, "ifconfig wg2 192.168.5.2/24", "right");
  await configure(room, "ifconfig wg2 inet6 fd05::2/64", "right");
  await configure(
    room,
    `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint ${outer} 7222 wgaip 192.168.5.2/32 wgaip fd05::2/128${more}`,
    "left",
  );
  await configure(room, "ifconfig wg1 192.168.5.1/24", "left");
  await configure(room, "ifconfig wg1 inet6 fd05::1/64", "left");
  return publicKeys;
}

/**
 * Pings three times, after a first one that may take a handshake and its repetition: an initiation
 * sent before the other side was up is repeated after 5 to 5.333 s.
 */
export async function ping(room: Room, netns: string, address: string): Promise<void> {
  await must(room, `ping -n -c 1 -w 60 -W 60 ${address}`, netns);
  await must(room, `ping -n -c 3 -i 0.2 -W 60 ${address}`, netns);
}

/** What stands in the control folder and among the named namespaces. */
export async function traces(room: Room): Promise<string[]> {
  const listed = await room.output([
    "sh",
    "-c",
    "ls /run/netns /run/wireguard 2>/dev/null | grep -v : | grep . || :",
  ]);
  return [...listed.split("\n").filter((line) => line !== ""), ...await room.processes()];
}
