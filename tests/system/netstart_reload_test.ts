/**
 * `netstart -r`: what runs and is not in the file goes, and what has not changed keeps its session;
 * `netstart` alone names it. With live sessions between two namespaces.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Ran, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import {
  cable,
  may,
  must,
  ping,
  publicKey,
  randomKey,
  traces,
  WG,
  wgRoom,
  writeFile,
} from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "ipv6");
const FOLDER = "/run/hostname";
const FILE = `${FOLDER}/hostname.wg1`;

const write = (room: Room, text: string, path = FILE): Promise<void> => writeFile(room, path, text);

const netstart = (room: Room, options = "", name = "wg1", netns = "left"): Promise<Ran> =>
  may(room, `${WG} netstart ${options === "" ? "" : `${options} `}-d ${FOLDER} ${name}`, netns);

/** Runs it; it must succeed without a word. */
async function silent(room: Room, options = "", name = "wg1", netns = "left"): Promise<void> {
  const { code, stdout, stderr } = await netstart(room, options, name, netns);
  deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
}

interface Peer {
  readonly wgpeer: string;
  readonly wgdescr?: string;
  readonly wgpsk: boolean;
  readonly wgpka: number;
  readonly wgendpoint?: { readonly address: string; readonly port: number };
  readonly tx: number;
  readonly rx: number;
  readonly lastHandshakeUnix: number;
  readonly wgaip: string[];
}

interface Shown {
  readonly mtu: number;
  readonly rdomain: number;
  readonly description?: string;
  readonly groups: string[];
  readonly wgpeers: Peer[];
  readonly engine: { readonly pid: number };
  readonly addresses: { readonly address: string; readonly prefix: number }[];
}

const read = async (room: Room, name = "wg1", netns = "left"): Promise<Shown> =>
  JSON.parse(await must(room, `ifconfig --json ${name}`, netns))[0];

const addressesOf = ({ addresses }: Shown) =>
  addresses.map(({ address, prefix }) => `${address}/${prefix}`);

/** The other end of the session: wg2 with port 7222 and the addresses 192.168.5.2 and 10.8.0.1. */
async function otherEnd(room: Room, peer: string, psk: string): Promise<string> {
  await write(
    room,
    `wgkey ${randomKey()} wgport 7222\nwgpeer ${peer} wgaip 192.168.5.1/32 wgpsk ${psk}\n` +
      "inet 192.168.5.2 255.255.255.0\ninet alias 10.8.0.1/32\n",
    `${FOLDER}/hostname.wg2`,
  );
  await silent(room, "", "wg2", "right");
  return await publicKey(room, "wg2");
}

/** The public key of a private one: what an interface shows that has it. */
async function publicOf(room: Room, key: string): Promise<string> {
  await must(room, `ifconfig wg9 create wgkey ${key}`);
  const shown = await publicKey(room, "wg9");
  await must(room, "ifconfig wg9 destroy");
  return shown;
}

Deno.test(
  "a reload removes what the file does not name, and sessions go on",
  NEEDED,
  async (t) => {
    await using room = await wgRoom();
    await cable(room);
    const before = await traces(room);
    const [key, psk, gone, added] = [randomKey(), randomKey(), randomKey(), randomKey()];
    const live = await otherEnd(room, await publicOf(room, key), psk);
    const first = `-wgpeerall
wgkey ${key} wgport 7111
wgpeer ${live} wgaip 192.168.5.2/32 wgaip 10.8.0.0/16 wgpka 25 wgdescr 'the live one' wgpsk ${psk} wgendpoint 10.0.0.2 7222
wgpeer ${gone} wgaip 192.168.5.3/32
inet 192.168.5.1 255.255.255.0
inet alias 192.168.6.1 255.255.255.0
inet6 fd05::1 64
mtu 1400
description old
group lan
!route -q add -inet 10.8.0.0/16 192.168.5.2
!route -q add -inet 10.9.0.0/16 192.168.5.2
!for net in 10.10 10.11; do /sbin/route -q add $net/16 192.168.5.2; done
!route -q add -inet 203.0.113.0/24 10.0.0.2
!ip address add 192.168.7.1/32 dev $if 2>/dev/null || :
!ifconfig $if inet alias 192.168.8.1/32
`;
    await write(room, first);
    await silent(room);
    await ping(room, "left", "10.8.0.1");
    const start = await read(room);
    const session = (await read(room, "wg2", "right")).wgpeers[0].lastHandshakeUnix;
    ok(session > 0);

    /**
     * The session is the one of the beginning: nobody shook hands since, and packets pass at once.
     */
    async function sameSession(): Promise<Peer> {
      const [peer] = (await read(room)).wgpeers.filter(({ wgpeer }) => wgpeer === live);
      const [old] = start.wgpeers;
      equal(peer.lastHandshakeUnix, old.lastHandshakeUnix);
      ok(peer.tx >= old.tx && peer.rx >= old.rx && peer.rx > 0);
      await must(room, "ping -n -c 1 -w 60 -W 60 192.168.5.2", "left");
      equal(
        (await read(room)).wgpeers.find(({ wgpeer }) => wgpeer === live)?.lastHandshakeUnix,
        old.lastHandshakeUnix,
      );
      equal((await read(room, "wg2", "right")).wgpeers[0].lastHandshakeUnix, session);
      return peer;
    }

    await t.step(
      "nothing has changed: nothing happens, although the file begins with -wgpeerall",
      async () => {
        for (let i = 0; i < 2; i++) await silent(room, "-r");
        const printed = await netstart(room, "-nr");
        equal(printed.code, 0);
        equal(
          printed.stdout.split("\n").some((line) => line.startsWith("ifconfig ")),
          false,
          printed.stdout,
        );
        const now = await read(room);
        deepEqual(addressesOf(now).sort(), addressesOf(start).sort());
        equal(now.engine.pid, start.engine.pid);
        await sameSession();
      },
    );

    const second = `-wgpeerall
wgkey ${key} wgport 7111
wgpeer ${live} wgaip 192.168.5.2/32 wgpsk ${psk} wgendpoint 10.0.0.2 7222
wgpeer ${added} wgaip 192.168.5.4/32
inet 192.168.5.1 255.255.255.0
inet6 fd05::1 64
!route -q add -inet 10.9.0.0/16 192.168.5.4
!for net in 10.10; do /sbin/route -q add $net/16 192.168.5.2; done
!ip address add 192.168.7.1/32 dev $if 2>/dev/null || :
`;

    await t.step("-n -r prints what would change, no secret, and does nothing", async () => {
      await write(room, second);
      const { code, stdout, stderr } = await netstart(room, "-n -r");
      deepEqual([code, stderr], [0, ""]);
      const lines = stdout.trimEnd().split("\n");
      for (
        const line of [
          `wgpeer ${live} -wgdescr wgpka 0 wgaip 192.168.5.2/32 # the live one`,
          `wgpeer ${added} wgaip 192.168.5.4/32`,
          `-wgpeer ${gone}`,
          "-group lan",
          "mtu 1420",
          "-description",
          "inet 192.168.6.1/24 delete",
          "inet 192.168.8.1/32 delete",
        ]
      ) ok(lines.includes(`ifconfig wg1 ${line}`), `${line}: ${stdout}`);
      for (const secret of [key, psk]) equal(stdout.includes(secret), false);
      ok(lines.includes("route -q add -inet 10.9.0.0/16 192.168.5.4"));
      deepEqual((await read(room)).wgpeers.length, 2);
      await sameSession();
    });

    await t.step(
      "-r: peers, their words, addresses, mtu, description, groups and routes",
      async () => {
        await silent(room, "-r");
        const peer = await sameSession();
        deepEqual([peer.wgdescr, peer.wgpka, peer.wgpsk, peer.wgaip], [undefined, 0, true, [
          "192.168.5.2/32",
        ]]);
        const now = await read(room);
        deepEqual(now.wgpeers.map(({ wgpeer }) => wgpeer), [live, added]);
        deepEqual(now.wgpeers[1].wgaip, ["192.168.5.4/32"]);
        deepEqual(addressesOf(now).sort(), ["192.168.5.1/24", "192.168.7.1/32", "fd05::1/64"]);
        deepEqual([now.mtu, now.description, now.groups], [1420, undefined, ["wg"]]);
        const routes = await must(room, "ip -4 route show", "left");
        match(routes, /^10\.9\.0\.0\/16 via 192\.168\.5\.4 dev wg1 /m);
        match(routes, /^10\.10\.0\.0\/16 via 192\.168\.5\.2 dev wg1 /m);
        // Also one that does not lead through the interface.
        for (const net of ["10.8.0.0", "10.11.0.0", "203.0.113.0"]) {
          equal(
            routes.includes(net),
            false,
            routes,
          );
        }
        await silent(room, "-r");
        await sameSession();
      },
    );

    await t.step(
      "-r: a psk goes with its word, and a file that is wrong changes nothing",
      async () => {
        await write(room, second.replace(` wgpsk ${psk}`, "") + "fly\n");
        const shown = JSON.stringify(
          (await read(room)).wgpeers.map((peer) => ({ ...peer, tx: 0, rx: 0 })),
        );
        const wrong = await netstart(room, "-r");
        equal(wrong.code, 1);
        match(wrong.stderr, /hostname\.wg1:10: fly: /);
        await write(room, second.replace(` wgpsk ${psk}`, "") + "wgpeer $(echo short) wgpka 5\n");
        match((await netstart(room, "-r")).stderr, /hostname\.wg1:10: wgpeer \(key\): /);
        equal(
          JSON.stringify((await read(room)).wgpeers.map((peer) => ({ ...peer, tx: 0, rx: 0 }))),
          shown,
        );
        await write(room, second.replace(` wgpsk ${psk}`, ""));
        await silent(room, "-r");
        equal((await sameSession()).wgpsk, false);
      },
    );

    await t.step("destroyed: nothing is left", async () => {
      await must(room, "ifconfig wg1 destroy", "left");
      await must(room, "ifconfig wg2 destroy", "right");
      deepEqual(await traces(room), before);
    });
  },
);

Deno.test("without -r, values that are not in the file are named and stay", NEEDED, async () => {
  await using room = await wgRoom();
  const [one, two, hand] = [randomKey(), randomKey(), randomKey()];
  await cable(room);
  const first = `wgkey ${randomKey()}
wgpeer ${one} wgaip 192.168.5.2/32 wgpka 25 wgpsk ${randomKey()}
wgpeer ${two} wgaip 192.168.5.3/32
inet 192.168.5.1/24
inet alias 192.168.6.1/24
mtu 1400
!route -q add -inet 10.8.0.0/16 192.168.5.2
!ip address add 192.168.7.1/32 dev $if 2>/dev/null || :
`;
  await write(room, first);
  await silent(room);
  // What the commands did is theirs, run after run.
  await silent(room);
  await must(room, `ifconfig wg1 wgpeer ${hand} wgdescr byhand wgaip 192.168.5.9/32`, "left");
  await must(room, "ifconfig wg1 inet alias 192.168.9.1/24 group hand", "left");
  const kept = first.split("\n")
    .filter((line) => !/192\.168\.6\.1|mtu|route/.test(line) && !line.startsWith(`wgpeer ${two}`))
    .join("\n")
    .replace(/ wgpka .*/, " wgaip 192.168.5.7/32");
  await write(room, kept);
  const expected = [
    "group hand",
    `wgpeer ${one} wgpsk`,
    `wgpeer ${one} wgpka 25`,
    `wgpeer ${two}`,
    `wgpeer byhand (${hand})`,
    "mtu 1400",
    "inet 192.168.6.1/24",
    "inet 192.168.9.1/24",
    "route 10.8.0.0/16 192.168.5.2",
  ].map((words) => `wg: ${FILE}: ${words}: in use but not in the file; netstart -r removes it`)
    .sort();
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = await netstart(room);
    deepEqual([code, stdout, stderr.trimEnd().split("\n").sort()], [0, "", expected]);
  }
  const named = await read(room);
  deepEqual(named.wgpeers.map(({ wgpeer }) => wgpeer), [one, two, hand]);
  deepEqual(named.wgpeers[0].wgaip, ["192.168.5.2/32", "192.168.5.7/32"]);

  await silent(room, "-r");
  const now = await read(room);
  deepEqual(now.wgpeers.map(({ wgpeer, wgpsk, wgpka }) => ({ wgpeer, wgpsk, wgpka })), [
    { wgpeer: one, wgpsk: false, wgpka: 0 },
  ]);
  deepEqual([addressesOf(now).sort(), now.mtu, now.groups], [
    ["192.168.5.1/24", "192.168.7.1/32"],
    1420,
    ["wg"],
  ]);
  equal((await must(room, "ip route show", "left")).includes("10.8"), false);
  await silent(room);

  // A command that is there no more takes its address along.
  await write(room, kept.replace(/!ip.*\n/, "!true\n"));
  await silent(room, "-r");
  deepEqual(addressesOf(await read(room)), ["192.168.5.1/24"]);

  // The private key is kept, whatever the file says.
  await write(room, kept.replace(/wgkey.*\n/, "").replace(/!ip.*\n/, "!true\n"));
  const shown = await publicKey(room, "wg1");
  const isKept =
    "the private key is in use but not in the file; it is kept, as it may be the only copy";
  for (const [options, problem] of [["", "in use but not in the file"], ["-r", isKept]]) {
    const { code, stderr } = await netstart(room, options);
    deepEqual([code, stderr], [0, `wg: ${FILE}: wgkey: ${problem}\n`]);
  }
  equal(await publicKey(room, "wg1"), shown);
  await must(room, "ifconfig wg1 destroy", "left");
  // An interface whose file is gone is named, and left to people.
  await write(room, "up\n", `${FOLDER}/hostname.wg3`);
  await silent(room, "", "wg3");
  await must(room, `rm ${FOLDER}/hostname.wg3 ${FILE}`);
  await must(room, "ifconfig wg4 create", "left");
  for (const options of ["", "-r "]) {
    deepEqual(await may(room, `${WG} netstart ${options}-d ${FOLDER}`, "left"), {
      code: 0,
      signal: null,
      stdout: "",
      stderr:
        `wg: ${FOLDER}/hostname.wg3: the file is gone, but wg3 is running; \`ifconfig wg3 destroy\` ends it\n`,
    });
  }
  // Where nothing runs, a reload starts.
  await write(room, first);
  await silent(room, "-r");
  deepEqual(addressesOf(await read(room)).length, 3);
});

Deno.test("-n -r tells which routes go", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  const text = `wgkey ${randomKey()} wgport 7111\ninet 192.168.5.1/24\n`;
  const routes = ["10.7.0.0/16 192.168.5.7", "10.8/16 192.168.5.8", "10.9/16 -iface $if"];
  const commands = (lines: readonly string[]) => lines.map((line) => `!route -q add ${line}\n`);
  await write(room, text + commands(routes).join(""));
  await silent(room);
  equal((await netstart(room, "-nr")).stdout.includes("delete"), false);
  // One with another gateway is changed; of the others each goes.
  const changed = "!/sbin/route -q add 10.7/16 192.168.5.9\n";
  await write(room, text + changed);
  const wanted = [
    "route -q add 10.7/16 192.168.5.9",
    "route delete 10.8.0.0/16 192.168.5.8",
    "route delete 10.9.0.0/16",
    "",
  ];
  equal((await netstart(room, "-nr")).stdout, wanted.join("\n"));
  // What a shell runs may add any route.
  await write(
    room,
    `${text}${changed}!for net in 10.8; do route -q add $net/16 192.168.5.8; done\n`,
  );
  const { stdout } = await netstart(room, "-nr");
  match(stdout, /^# route 10\.9\.0\.0\/16 goes unless a command adds it$/m);
  equal(stdout.includes("delete"), false);
  await silent(room, "-r");
  const left = await must(room, "ip route show proto static", "left");
  deepEqual(left.match(/^10\.\S+ via \S+/gm), [
    "10.7.0.0/16 via 192.168.5.9",
    "10.8.0.0/16 via 192.168.5.8",
  ]);
});

Deno.test("an rdomain may stand behind the addresses", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await write(
    room,
    `inet 192.168.5.1/24\ninet6 fd05::1 64\nwgkey ${randomKey()} wgport 7111\nrdomain 4\n` +
      "inet alias 192.168.6.1/24\n!route -q -T4 add 10.7/16 192.168.5.7\n",
  );
  await silent(room);
  const first = await read(room);
  deepEqual([first.rdomain, addressesOf(first)], [
    4,
    ["192.168.5.1/24", "192.168.6.1/24", "fd05::1/64"],
  ]);
  // Neither a second run nor a reload has anything to do.
  equal((await netstart(room, "-nr")).stdout, "route -q -T4 add 10.7/16 192.168.5.7\n");
  await silent(room);
  deepEqual(await read(room), first);
});

Deno.test("a reload into another rdomain takes the addresses along", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  const text = `wgkey ${randomKey()} wgport 7111\ninet 192.168.5.1/24\ninet6 fd05::1 64\n`;
  await write(room, text);
  await silent(room);
  const { engine } = await read(room);
  await write(room, `rdomain 4\n${text}`);
  match(
    (await netstart(room, "-n -r")).stdout,
    /^ifconfig wg1 rdomain 4 # the interface loses its addresses and routes$/m,
  );
  await silent(room, "-r");
  const now = await read(room);
  deepEqual([now.rdomain, addressesOf(now)], [4, ["192.168.5.1/24", "fd05::1/64"]]);
  equal(now.engine.pid, engine.pid);
  await silent(room, "-r");
  await silent(room);
});

Deno.test(
  "every value of a file is found again, also after down",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await must(room, "ip netns add rdomain3");
    const [key, peer, other, third] = [randomKey(), randomKey(), randomKey(), randomKey()];
    await write(
      room,
      `wgkey ${key} wgport 0 wgrtable 3
rdomain 4
description "Zoë's <tunnel> | x"
inet6 eui64
inet6 FD00:1:: 64 eui64
inet6 fd05:0:0::1 64
inet 10.1.0.1 255.255.0.0 10.1.255.255
inet alias 10.2.0.1 0xffffff00 NONE
inet alias 10.3.0.1 255.255.255.255
dest 10.3.0.2
inet 10.4.0.1/31 alias
wgpeer ${peer} wgaip fd07::5/64 wgaip 10.3.0.5/16 wgendpoint ::ffff:192.0.2.1 5 wgpka 0 wgpsk ${
        "A".repeat(43)
      }= wgdescr ''
wgpeer ${other} wgaip 0/0 wgaip ::/0 wgendpoint localhost 5 wgpsk ${randomKey()} wgdescr "it's"
debug priority 77 -tso -gro group lan mtu 1300
!ifconfig $if wgpeer ${third} wgdescr odd
`,
    );
    await silent(room);
    const start = await read(room);
    equal(start.addresses.length, 7);
    const same = async () => {
      const { code, stdout, stderr } = await netstart(room, "-nr");
      deepEqual([code, stdout, stderr], [0, "", ""]);
    };
    await same();
    await silent(room);
    await same();
    await must(room, "ifconfig wg1 down", "left");
    await silent(room, "-r");
    // The daemon brings the link-local address back as soon as it sees the link up.
    await eventually(
      "every address is there",
      async () => (await read(room)).addresses.length === 7,
    );
    await same();
    const now = await read(room);
    deepEqual([now.addresses.length, now.rdomain, now.mtu], [7, 4, 1300]);
    // And all of it goes.
    await write(room, `wgkey ${key}\nrdomain 4\n`);
    await silent(room, "-r");
    await same();
    deepEqual(addressesOf(await read(room)), []);
    deepEqual((await read(room)).wgpeers, []);
  },
);
