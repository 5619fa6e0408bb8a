/**
 * netstart(8) and the shell: commands by their whole paths, comments, values that a shell finds,
 * words that mean nothing on Linux, mygate(5), and the exit status.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Ran, Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, randomKey, WG, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ipv6");
const FOLDER = "/run/hostname";

const netstart = (room: Room, words = ""): Promise<Ran> =>
  may(room, `${WG} netstart -d ${FOLDER}${words}`);

/** Commands at the paths of the real ones that tell on everybody who calls them. */
async function otherCommands(room: Room): Promise<void> {
  for (const folder of ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]) {
    for (const name of ["route", "ifconfig", "netstat"]) {
      // Only where there is one: a file of the machine is not to be made.
      await room.output([
        "sh",
        "-ec",
        'if [ -e "$1/$2" ]; then printf "#!/bin/sh\\necho $1/$2 >>/run/others\\n" >/run/other; chmod 755 /run/other; mount --bind /run/other "$1/$2"; fi',
        "sh",
        folder,
        name,
      ]);
    }
  }
}

Deno.test(
  "whole paths of commands mean ours too, alone and in longer lines",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await otherCommands(room);
    await writeFile(
      room,
      `${FOLDER}/hostname.wg1`,
      `wgkey ${randomKey()}
inet 10.1.1.1/24
!/sbin/route add -inet 10.5.0.0/16 10.1.1.2
!/usr/sbin/route -q add 10.6/16 10.1.1.2 && /sbin/ifconfig $if mtu 1400
!/sbin/ifconfig \\$if description tunnel
!test "$(/sbin/ifconfig $if | grep -c 'mtu 1400')" = 1 && /usr/bin/netstat -rn >/run/table
!route -q add 10.7/16 10.1.1.2
# Nothing:
!# route add 10.8/16 10.1.1.2
!   # route add 10.8/16 10.1.1.2
`,
    );
    const ran = await netstart(room);
    deepEqual([ran.code, ran.stdout, ran.stderr], [
      0,
      "add net 10.5.0.0/16: gateway 10.1.1.2\n",
      "",
    ]);
    const routes = await must(room, "route -n show -inet");
    for (const net of ["10.5/16", "10.6/16", "10.7/16"]) {
      match(
        routes,
        new RegExp(`^${net} +10\\.1\\.1\\.2 `, "m"),
      );
    }
    equal(routes.includes("10.8/16"), false);
    match(await must(room, "ifconfig wg1"), / mtu 1400\n\tdescription: tunnel\n/);
    match(await must(room, "cat /run/table"), /^10\.5\/16 /m);
    equal((await may(room, "test -e /run/others")).code, 1);
    const again = await netstart(room);
    deepEqual([again.code, again.stderr], [0, ""]);
  },
);

/** A private key as Curve25519 uses it. */
function clamped(key: string): string {
  const bytes = Uint8Array.fromBase64(key);
  bytes[0] &= 248;
  bytes[31] = bytes[31] & 127 | 64;
  return bytes.toBase64();
}

Deno.test("our commands run where programs in /tmp may not be executed", NEEDED, async () => {
  await using room = await wgRoom();
  await otherCommands(room);
  await must(room, "mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp");
  await writeFile(
    room,
    `${FOLDER}/hostname.wg1`,
    "inet 10.1.1.1/24\n!/sbin/route -q add 10.6/16 10.1.1.2 && env /usr/bin/env route -q add 10.7/16 10.1.1.2\n" +
      "!route -T0 exec route -q add 10.8/16 10.1.1.2\n",
  );
  const { code, stderr } = await netstart(room);
  deepEqual([code, stderr], [0, ""]);
  const routes = await must(room, "route -n show -inet");
  for (const net of ["10.6/16", "10.7/16", "10.8/16"]) {
    match(routes, new RegExp(`^${net} +10\\.1\\.1\\.2 `, "m"));
  }
  equal((await may(room, "test -e /run/others")).code, 1);
  // It leaves no folder behind.
  equal(
    await room.output(["sh", "-c", "ls -d /tmp/wg-netstart-* /run/wg-netstart-* 2>/dev/null || :"]),
    "",
  );
});

Deno.test(
  "the folder of our commands is in TMPDIR, unless others can exchange it there",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const makeFolders =
      "mkdir -m 700 /run/own /run/kept; mkdir -m 777 /run/others /run/others/in; chmod 777 /run/others; " +
      "mkdir -m 1777 /run/sticky; ln -s /run/others /run/own/link; chmod 700 /run/others/in";
    await room.output(["sh", "-ec", makeFolders]);
    await writeFile(room, `${FOLDER}/hostname.wg1`, '!printf %s "$PATH" >/run/path\n');
    for (
      const [place, expected] of [
        ["/run/own", "/run/own"],
        ["/run/sticky", "/run/sticky"],
        ["/run/others", "/tmp"],
        ["/run/others/in", "/tmp"],
        ["/run/own/link", "/tmp"],
        ["/run/nothing", "/tmp"],
        ["own", "/tmp"],
      ]
    ) {
      const { code, stderr } = await may(room, `env TMPDIR=${place} ${WG} netstart -d ${FOLDER}`);
      deepEqual([code, stderr], [0, ""], place);
      match(
        await must(room, "cat /run/path"),
        new RegExp(`^${expected}/wg-netstart-[^/]+:`),
        place,
      );
    }
    equal(await room.output(["sh", "-c", "ls -d /run/*/wg-netstart-* 2>/dev/null || :"]), "");
  },
);

Deno.test(
  "values of commands and variables, and no key where others can see it",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const [key, psk, written] = [randomKey(), randomKey(), randomKey()];
    const peer = randomKey();
    await writeFile(room, "/run/keys/wg1", `${key}\n`);
    // Whatever a line runs looks at all processes: their arguments and their environment.
    await writeFile(
      room,
      "/run/bin/spy",
      '#!/bin/sh\nfor p in /proc/[0-9]*; do cat $p/cmdline $p/environ 2>/dev/null | tr "\\0" "\\n"; echo; done >>/run/seen\necho "$@"\n',
      "755",
    );
    await writeFile(
      room,
      `${FOLDER}/hostname.wg1`,
      `wgkey $(cat /run/keys/wg1)
!GW=10.1.1.2 NET="10.5.0.0/16" PSK=${psk}
!N=$(date +%N)
description "$(spy the tunnel) of $if"
inet \`spy 10.1.1.1\` 255.255.255.0
inet alias 10.1.2.1 255.255.255.255
dest $GW
wgpeer ${peer} wgpsk $PSK wgaip $NET wgdescr 'costs $GW' wgaip \${GW}/32
wgpeer ${randomKey()} wgpsk ${written} wgdescr $(spy x)
!route -q add -inet $NET $GW
!test "$N" = "$N" && echo $N >>/run/n
!echo $N >>/run/n; spy >/dev/null
!ifconfig $if inet6 alias $(echo fd01::1)/64 llprio 3
group $(echo a)
mtu $EMPTY 1380
`,
    );
    const ran = await netstart(room);
    deepEqual(
      [ran.code, ran.stdout, ran.stderr],
      [
        0,
        "",
        `wg: ${FOLDER}/hostname.wg1:13: llprio: ignored, because it has no meaning on Linux\n`,
      ],
    );
    const [shown] = JSON.parse(await must(room, "ifconfig --json wg1"));
    equal(shown.description, "the tunnel of wg1");
    deepEqual([shown.groups, shown.mtu], [["wg", "a"], 1380]);
    const { wgdescr, wgpsk, wgaip } = shown.wgpeers[0];
    deepEqual([wgdescr, wgpsk, wgaip.sort()], ["costs $GW", true, ["10.1.1.2/32", "10.5.0.0/16"]]);
    deepEqual(shown.addresses.map((one: { address: string }) => one.address), [
      "10.1.1.1",
      "10.1.2.1",
      "fd01::1",
    ]);
    equal(shown.addresses[1].destination, "10.1.1.2");
    match(await must(room, "route -n show -inet"), /^10\.5\/16 +10\.1\.1\.2 /m);
    // A variable has one value, however often it is used.
    const [first, second] = (await must(room, "cat /run/n")).trim().split("\n");
    equal(first, second);
    equal((await must(room, `${WG} show wg1 private-key`)).trim(), clamped(key));
    const seen = await must(room, "cat /run/seen");
    match(seen, /netstart/);
    for (const secret of [key, clamped(key), psk, written]) equal(seen.includes(secret), false);

    // What a line comes to is checked as if it had been written; a file that cannot be carried out
    // makes nothing.
    for (
      const [line, told] of [
        ["wgport $(echo 99999)", "wgport: "],
        ["wgkey $(cat /run/nowhere)", "wgkey: "],
        [`wgkey $(echo ${key.slice(1)})`, "wgkey \\(key\\): invalid length"],
        [
          `wgkey ${key} \${nothing?is set}`,
          "sh: the shell could not evaluate the line \\(exit status ",
        ],
        ["wgport $((1 +)) ", "sh: the shell could not evaluate the line \\(exit status "],
      ]
    ) {
      await writeFile(room, `${FOLDER}/hostname.wg2`, `up\n${line}\n!touch /run/done\n`);
      const { code, stderr } = await netstart(room, " wg2");
      equal(code, 1, line);
      match(stderr, new RegExp(`^wg: ${FOLDER}/hostname\\.wg2:2: ${told}`, "m"));
      equal(stderr.includes(key.slice(1)), false, stderr);
      equal((await may(room, "ifconfig wg2")).code, 1);
    }
    equal((await may(room, "test -e /run/done")).code, 1);
  },
);

Deno.test("words that mean nothing on Linux are noted once and passed over", NEEDED, async () => {
  await using room = await wgRoom();
  await writeFile(
    room,
    `${FOLDER}/hostname.wg1`,
    `wgkey ${randomKey()} llprio 6\ninet 10.1.1.1 255.255.255.0 NONE rtlabel office link0 mtu 1400\nmonitor\n`,
  );
  const said = ["1: llprio", "2: rtlabel", "2: link0", "3: monitor"].map((word) =>
    `wg: ${FOLDER}/hostname.wg1:${word}: ignored, because it has no meaning on Linux\n`
  ).join("");
  for (const words of [" -n", "", ""]) {
    const { code, stderr } = await netstart(room, words);
    deepEqual([code, stderr], [0, said]);
  }
  match(await must(room, "ifconfig wg1"), / mtu 1400\n[^]*\tinet 10\.1\.1\.1 /);
});

Deno.test(
  "a command that fails is named with its line, the rest goes on, and the status is 1",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await writeFile(
      room,
      `${FOLDER}/hostname.wg1`,
      `inet 10.1.1.1/24
!false
!exit 3
!/bin/sh -c 'kill -9 $$'
!/run/nowhere $if
!route add 10.5/16 192.0.2.9
!ifconfig $if mtu 7
!ifconfig $if frobnicate
!ifconfig $if -wgpeer $(echo x)
!X=$(exit 4)
!echo ${randomKey()} | grep -q nothing
!touch /run/done
`,
    );
    const { code, stderr } = await netstart(room);
    equal(code, 1);
    const lines = stderr.trimEnd().split("\n").map((line) =>
      line.replace(`wg: ${FOLDER}/hostname.wg1:`, "")
    );
    const told = [
      /^2: !false: ended with status 1$/,
      /^3: !exit 3: ended with status 3$/,
      /^4: !\/bin\/sh -c 'kill -9 \$\$': ended by SIGKILL$/,
      /^5: !\/run\/nowhere wg1: No such file or directory$/,
      /^6: !route add 10\.5\/16 192\.0\.2\.9: .*ENETUNREACH/,
      /^7: !ifconfig wg1 mtu 7: mtu: /,
      /^8: !ifconfig wg1 frobnicate: frobnicate: /,
      /^9: !ifconfig: -wgpeer \(key\): /,
      /^10: !X=\$\(exit 4\): ended with status 4$/,
      /^11: !\(what may be a key\): ended with status 1$/,
    ];
    equal(lines.length, told.length, stderr);
    told.forEach((pattern, i) => match(lines[i], pattern));
    await must(room, "test -e /run/done");
    match(await must(room, "ifconfig wg1"), /\tinet 10\.1\.1\.1 /);
  },
);

Deno.test(
  "mygate: the first gateway of each family, before and after the interfaces",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ip link add name eth0 type veth peer name router");
    await must(room, "ip link set eth0 up");
    await must(room, "ip link set router up");
    await must(room, "ip address add 192.0.2.5/24 dev eth0");
    await writeFile(
      room,
      `${FOLDER}/hostname.wg1`,
      "inet6 fd01::1 64\n!route -n show -inet >/run/seen\n",
    );
    await writeFile(
      room,
      `${FOLDER}/mygate`,
      "# gates\n192.0.2.1 # v4\n\n192.0.2.2\nfd01::2\n!echo $(id -u) >>/run/done\n",
      "644",
    );
    const printed = await netstart(room, " -n");
    deepEqual([printed.code, printed.stderr], [0, ""]);
    match(
      printed.stdout,
      /\nroute -qn add -host default 192\.0\.2\.1\nroute -qn add -host -inet6 default fd01::2\necho \$\(id -u\) >>\/run\/done\n$/,
    );
    equal(await must(room, "ip route show default"), "");
    for (let i = 0; i < 2; i++) {
      const ran = await netstart(room);
      deepEqual([ran.code, ran.stdout, ran.stderr], [0, "", ""]);
      match(
        await must(room, "ip route show default"),
        /^default via 192\.0\.2\.1 dev eth0 [^\n]*\n$/,
      );
      // This gateway is behind an interface of the files.
      match(await must(room, "ip -6 route show default"), /^default via fd01::2 dev wg1 [^\n]*\n$/);
    }
    // When all are started, the hosts of endpoints can be looked up: the route was there before.
    match(await must(room, "cat /run/seen"), /^default +192\.0\.2\.1 /m);
    equal(await must(room, "cat /run/done"), "0\n0\n");

    // As on OpenBSD also behind the interfaces that are named.
    await must(room, "ip route del default");
    equal((await netstart(room, " wg1")).code, 0);
    match(await must(room, "ip route show default"), /^default via 192\.0\.2\.1 /);

    // One that cannot be added makes room for the next; none at all is told.
    await must(room, "ip route del default");
    await writeFile(room, `${FOLDER}/mygate`, "203.0.113.1\n192.0.2.2\n", "644");
    deepEqual([(await netstart(room)).stderr], [""]);
    match(await must(room, "ip route show default"), /^default via 192\.0\.2\.2 /);
    await writeFile(room, `${FOLDER}/mygate`, "203.0.113.1\nrouter\n!false\n", "644");
    const { code, stderr } = await netstart(room);
    equal(code, 1);
    match(
      stderr,
      /^wg: \/run\/hostname\/mygate:2: router: not a gateway; an address [^\n]* is required\n/,
    );
    match(stderr, /^wg: \/run\/hostname\/mygate:1: 203\.0\.113\.1: [^\n]+\n/m);
    match(stderr, /^wg: \/run\/hostname\/mygate:3: !false: ended with status 1\n/m);
  },
);
