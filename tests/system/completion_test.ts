import { deepEqual, equal, ok } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, wgRoom } from "./peers.ts";

/** A room with an interface wg1, and the shell's script in /run/script. */
async function roomWith(shell: string): Promise<Room> {
  const room = await wgRoom();
  await room.output(["ln", "-s", "ifconfig", "/run/bin/wg"]).catch(() => {});
  await must(room, "ifconfig wg1 create");
  await room.output([
    "sh",
    "-c",
    `$(readlink -f /run/bin/ifconfig) completion ${shell} >/run/script`,
  ]);
  return room;
}

/** Puts a file into /etc/wireguard. */
const withFile = (room: Room): Promise<string> =>
  room.output([
    "sh",
    "-c",
    "cp -a /etc /run/etc && mount --bind /run/etc /etc && mkdir -p /etc/wireguard && " +
    ">/etc/wireguard/wgfile.conf",
  ]);

/** What bash offers behind these words. */
async function bashOffers(room: Room, words: readonly string[]): Promise<string[]> {
  const script = `. /run/script; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")});
    COMP_CWORD=${words.length - 1}; _wg; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await room.output(["bash", "-c", script])).trim().split("\n");
}

Deno.test(
  "bash completes commands, words and interfaces, also of the links",
  needs("namespaces", "tun"),
  async () => {
    await using room = await roomWith("bash");
    await room.output(["sh", "-c", "ln -sf $(readlink -f /run/bin/ifconfig) /run/bin/wg"]);
    deepEqual(await bashOffers(room, ["wg", "net"]), ["netstart", "netstat"]);
    deepEqual(await bashOffers(room, ["wg", "ifconfig", "wgpe"]), ["wgpeer"]);
    ok((await bashOffers(room, ["ifconfig", "wg"])).includes("wg1"));
    deepEqual(await bashOffers(room, ["/sbin/route", "fl"]), ["flush"]);
    deepEqual(await bashOffers(room, ["wg-quick", "re"]), ["reload"]);
    await withFile(room);
    deepEqual(await bashOffers(room, ["wg", "quick", "up", "wgf"]), ["wgfile"]);
  },
);

Deno.test(
  "zsh loads the script for wg and its links",
  needs("namespaces", "tun", "zsh"),
  async () => {
    await using room = await roomWith("zsh");
    const script =
      "autoload -U compinit && compinit -D -u && . /run/script && print -l $_comps[wg] $_comps[route]";
    equal(await room.output(["zsh", "-f", "-c", script]), "_wg\n_wg\n");
  },
);

Deno.test("fish completes commands and words", needs("namespaces", "tun", "fish"), async () => {
  await using room = await roomWith("fish");
  const offers = async (line: string) =>
    (await room.output(["fish", "--no-config", "-c", `source /run/script; complete -C '${line}'`], {
      env: { HOME: "/run" },
    })).trim().split("\n").map((offer) => offer.split("\t")[0]);
  deepEqual(await offers("wg netst"), ["netstart", "netstat"]);
  ok((await offers("ifconfig wgpe")).includes("wgpeer"));
  await withFile(room);
  deepEqual(await offers("wg-quick up wgf"), ["wgfile"]);
});
