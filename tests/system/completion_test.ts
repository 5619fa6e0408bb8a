import { deepEqual, equal, ok } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, randomKey, wgRoom } from "./peers.ts";

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

/** Descriptions that a shell would split, expand or execute. */
const NAMES = [
  "main office",
  'o\'hara "q" `touch /run/executed`',
  "$(touch /run/executed)",
  "a:b@c d*",
  "büro;\\x",
];

/** Gives wg1 a peer for each name, and two peers of one name. Returns the words that mean them. */
async function withPeers(room: Room): Promise<string[]> {
  const twins = [randomKey(), randomKey()];
  for (const name of NAMES) {
    await room.output(["ifconfig", "wg1", "wgpeer", randomKey(), "wgdescr", name]);
  }
  for (const key of twins) await must(room, `ifconfig wg1 wgpeer ${key} wgdescr twin`);
  return [...NAMES, ...twins].sort();
}

/** Whether a name was executed. */
const wasExecuted = async (room: Room) =>
  (await room.output(["sh", "-c", "ls /run"])).includes("executed");

/** Puts a file into /etc/wireguard. */
const withFile = (room: Room): Promise<string> =>
  room.output([
    "sh",
    "-c",
    "cp -a /etc /run/etc && mount --bind /run/etc /etc && mkdir -p /etc/wireguard && " +
    ">/etc/wireguard/wgfile.conf >/etc/hostname.wg5",
  ]);

/** Whether an offer is no option. */
const isTyped = (offer: string) => !offer.startsWith("-");

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
    deepEqual((await bashOffers(room, ["wg", "quick", "up", ""])).filter(isTyped).sort(), [
      "wg1",
      "wgfile",
    ]);
    deepEqual(await bashOffers(room, ["wg-quick", "wg"]), [""]);
    // bash offers files where nothing else is offered.
    deepEqual(await bashOffers(room, ["wg", "setconf", ""]), ["wg1"]);
    deepEqual(await bashOffers(room, ["wg", "setconf", "wg1", ""]), [""]);
    deepEqual(await bashOffers(room, ["wg", "help", "wg"]), [""]);
    deepEqual(await bashOffers(room, ["netstart", "wg5"]), ["wg5"]);
  },
);

Deno.test(
  "bash completes names of peers, quoted as the user has begun, and executes none",
  needs("namespaces", "tun"),
  async () => {
    await using room = await roomWith("bash");
    const all = await withPeers(room);
    /** What bash reads when it takes an offer: the words of the line. */
    const taken = async (typed: string, ...before: readonly string[]) => {
      const script = `. /run/script; COMP_WORDS=(${before.join(" ")} "$1")
        COMP_CWORD=${before.length}; _wg
        for offer in "\${COMPREPLY[@]}"; do
          case $1 in [\\"\\']*) offer=\${1:0:1}$offer\${1:0:1} ;; esac
          printf '%s\\0' "$offer"
        done`;
      const offers = (await room.output(["bash", "-c", script, "bash", typed])).split("\0").slice(
        0,
        -1,
      );
      const read: string[] = [];
      for (const offer of offers) {
        // The shell reads the line with the offer as the user would have typed it.
        read.push(await room.output(["bash", "-c", `printf %s ${offer}`]));
      }
      return read.sort();
    };
    const only = (words: readonly string[]) =>
      words.filter((word) => !["wg1", "--json"].includes(word));
    for (const quote of ["", '"', "'"]) {
      deepEqual(only(await taken(quote, "wg", "why", "wg1")), all, quote);
    }
    deepEqual(await taken("main\\ o", "wg", "set", "wg1", "peer"), ["main office"]);
    deepEqual(await taken('"main o', "ifconfig", "wg1", "-wgpeer"), ["main office"]);
    deepEqual(await taken("main", "wg", "client", "remove"), ["main office"]);
    deepEqual(await taken("main", "wg", "ifconfig", "wg1"), []);
    equal(await wasExecuted(room), false);
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
    const all = await withPeers(room);
    // compadd tells what it gets; outside of a completion it refuses to run.
    const offered = `autoload -U compinit && compinit -D -u && . /run/script
      compadd() { shift; print -rl -- "$@"; }
      service=wg words=(wg why wg1 '') CURRENT=4; _wg`;
    const offers = (await room.output(["zsh", "-f", "-c", offered])).trim().split("\n");
    const first = offered.replace(
      "words=(wg why wg1 '') CURRENT=4",
      "words=(wg quick '') CURRENT=3",
    );
    equal(
      await room.output(["zsh", "-f", "-c", first]),
      "up\ndown\nreload\nsave\nstrip\nstatus\n",
    );
    deepEqual(offers.filter((offer) => !["wg1", "--json"].includes(offer)).sort(), all);
    equal(await wasExecuted(room), false);
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
  deepEqual((await offers("wg quick up ")).filter(isTyped).sort(), ["wg1", "wgfile"]);
  deepEqual(await offers("wg quick st"), ["status", "strip"]);
  deepEqual(await offers("wg-quick wg"), [""]);
  deepEqual(await offers("wg setconf wg1 /etc/hostname.w"), ["/etc/hostname.wg5"]);
  deepEqual(await offers("wg help wg"), [""]);
  deepEqual(await offers("netstart wg5"), ["wg5"]);
  const all = await withPeers(room);
  const peers = (await offers("wg why wg1 ")).filter((offer) => !["wg1", "--json"].includes(offer));
  deepEqual(peers.sort(), all);
  deepEqual(await offers("ifconfig wg1 wgpeer main"), ["main office"]);
  equal((await offers("wg ifconfig wg1 main")).includes("main office"), false);
  equal(await wasExecuted(room), false);
});
