/**
 * `wg client` as a user runs it: with files of both kinds, and clients of Debian's wg-quick(8) and
 * wireguard-go that use what it prints.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Ran, type Room } from "../../scripts/netlab.ts";
import { formatDate } from "../../lib/base/date_text.ts";
import { needs } from "./needs.ts";
import { cable, may, must, randomKey, WG, wgRoom, writeFile } from "./peers.ts";
import { walk } from "./tour.ts";

const CONF = "/etc/wireguard/wg1.conf";
const FILE = (key: string) =>
  `# our server\n[Interface]\nAddress = 10.7.0.1/24, fd07::1/64 # inside\nListenPort = 7111\n` +
  `PrivateKey = ${key}\n\n# the one who was here first\n[Peer] # old\n` +
  `PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.7.0.2/32\n`;

/** A room with /etc of its own. The way from the left to everywhere is the cable. */
async function serverRoom(): Promise<Room> {
  const room = await wgRoom();
  const script = "cp -a /etc /run/etc && mount --bind /run/etc /etc && cd /etc && " +
    "rm -rf wireguard hostname.* && mkdir -m 700 wireguard /run/wireguard";
  await room.output(["sh", "-ec", script]);
  await cable(room);
  await must(room, "ip route add default via 10.0.0.2", "left");
  return room;
}

/** A room in which wg1 is up from CONF. Returns the content of the file too. */
async function quickServer(): Promise<{ room: Room; text: string }> {
  const room = await serverRoom();
  const text = FILE(randomKey());
  await writeFile(room, CONF, text);
  await must(room, `${WG} quick up wg1`, "left");
  return { room, text };
}

/** Runs `wg client` on the left, for wg1. */
const client = (room: Room, line: string): Promise<Ran> =>
  may(room, `${WG} client ${line.replace(/^\S+/, "$& wg1")}`, "left");

/** Runs `wg client` on the left, for wg1; it must succeed. */
async function clientDone(room: Room, line: string): Promise<Ran> {
  const ran = await client(room, line);
  equal(ran.code, 0, ran.stderr);
  return ran;
}

interface Listed {
  readonly name: string;
  readonly allowedIps: readonly string[];
  readonly disabled?: { readonly reason: string };
  readonly expires?: number;
}
const list = async (room: Room): Promise<Listed[]> =>
  JSON.parse((await clientDone(room, "list --json")).stdout);
const listed = async (room: Room, name: string) =>
  (await list(room)).find((one) => one.name === name);
const fileOf = (room: Room, path = CONF) => must(room, `cat ${path}`);

async function pings(room: Room, netns: string, address: string): Promise<boolean> {
  return (await may(room, `ping -c 1 -W 1 ${address}`, netns)).code === 0;
}

Deno.test(
  "a client gets a file that Debian's wg-quick and wireguard-go use, and can be shut out",
  needs("namespaces", "tun", "ip", "ping", "wg-quick", "wireguard-go", "nft"),
  async () => {
    const { room, text } = await quickServer();
    await using _ = room;
    const { stdout, stderr } = await clientDone(room, "add ann -o /run/ann.conf");
    equal(stdout, "");
    match(stderr, /^wg: warning: 10\.0\.0\.1 is a private address; .*--endpoint names another/);
    equal((await must(room, "stat -c %a /run/ann.conf")).trim(), "600");
    const after = await fileOf(room);
    ok(after.startsWith(text));
    match(
      after.slice(text.length),
      /^\n\[Peer\] # ann\nPublicKey = \S+\nPresharedKey = \S+\nAllowedIPs = 10\.7\.0\.3\/32, fd07::2\/128\n$/,
    );
    const conf = await fileOf(room, "/run/ann.conf");
    match(conf, /^Address = 10\.7\.0\.3\/32, fd07::2\/128\n\n\[Peer\]\n/m);
    match(conf, /^AllowedIPs = 10\.7\.0\.0\/24, fd07::\/64\nEndpoint = 10\.0\.0\.1:7111\n/m);
    ok(!after.includes(/PrivateKey = (\S+)/.exec(conf)?.[1] ?? "?"), "the server has no such key");
    equal((await must(room, `${WG} quick status wg1`, "left")).split("\n")[2], "\tas in the file");

    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: "wireguard-go", LOG_LEVEL: "error" };
    // wireguard-go keeps the output open.
    const up = "wg-quick up /run/ann.conf >/run/up.log 2>&1 || { cat /run/up.log; exit 1; }";
    await room.output(["sh", "-c", up], { netns: "right", env });
    ok(await pings(room, "right", "10.7.0.1"));
    ok(await pings(room, "right", "fd07::1"));

    const goesNowhere = async (what: string) => {
      ok(!await pings(room, "right", "10.7.0.1"), what);
      match((await may(room, "ping -c 1 -W 1 10.7.0.3", "left")).stdout, /Unreachable/, what);
      match(
        (await client(room, "list")).stdout,
        /^ann +10\.7\.0\.3\/32 fd07::2\/128 .*disabled: /m,
      );
    };
    await clientDone(room, "disable ann");
    await goesNowhere("disabled");
    match(await fileOf(room), /\[Peer\] # ann\n# wg: disabled since 20\S+Z\nPublicKey/);
    await eventually(
      "its handshakes are refused and counted",
      async () =>
        /handshake_disabled [1-9]/.test(await must(room, `${WG} ifconfig wg1 hwfeatures`, "left")),
    );
    match(await must(room, `${WG} show wg1`, "left"), /\n {2}disabled: by hand, since 20/);
    // Debian's wg(8) sees a peer as any other.
    ok(!/disabled/.test(await must(room, "wg show wg1", "left")));
    equal((await must(room, `${WG} quick status wg1`, "left")).split("\n")[2], "\tas in the file");
    await must(room, `${WG} restart wg1`, "left");
    await goesNowhere("after a restart");
    await must(room, `${WG} quick down wg1`, "left");
    await must(room, `${WG} quick up wg1`, "left");
    await goesNowhere("after down and up");
    await clientDone(room, "enable ann");
    equal(await fileOf(room), after);
    await eventually("it is back", () => pings(room, "right", "10.7.0.1"));

    const date = Math.ceil(Date.now() / 1000) * 1000 + 2_000;
    await clientDone(room, `expire ann ${formatDate(date)}`);
    equal((await listed(room, "ann"))?.expires, date / 1000);
    await eventually(
      "it expires",
      async () => (await listed(room, "ann"))?.disabled?.reason === "expired",
    );
    await goesNowhere("expired");
    match(
      (await client(room, "enable ann")).stderr,
      /^wg: "ann": its date, 20\S+Z, has passed; .* enables it$/m,
    );
    match(await must(room, `${WG} dmesg wg1`, "left"), /The date of peer \d+ \(ann\) has passed/);
    await clientDone(room, "expire ann never");
    await eventually("it is back", () => pings(room, "right", "10.7.0.1"));
    await clientDone(room, "remove ann");
    equal(await fileOf(room), text);
    deepEqual((await list(room)).map(({ name }) => name), ["old"]);
    await room.output(["wg-quick", "down", "/run/ann.conf"], { netns: "right", env });
  },
);

Deno.test(
  "hostname.if(5): a client is a line of the file, which netstart -r reads",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await serverRoom();
    const path = "/etc/hostname.wg1";
    const text = `# our server\nwgkey ${randomKey()} wgport 7111\ninet 10.7.0.1/24\nup\n`;
    await writeFile(room, path, text);
    await must(room, `${WG} netstart wg1`, "left");
    const ran = await room.run(
      [WG, "client", "add", "wg1", "Zoë's phone", "--endpoint", "vpn.example.org", "--json"],
      { netns: "left" },
    );
    equal(ran.code, 0, ran.stderr);
    const added = JSON.parse(ran.stdout);
    deepEqual([added.addresses, added.file], [["10.7.0.2"], path]);
    match(added.configuration, /\nEndpoint = vpn\.example\.org:7111\n/);
    await room.output([WG, "client", "disable", added.publicKey], { netns: "left" });
    await room.output([WG, "client", "expire", "Zoë's phone", "2099-01-01"], { netns: "left" });
    const settings = "wgdisabled wgexpires 2099-01-01T00:00:00Z";
    ok((await fileOf(room, path)).includes(`wgpeer ${added.publicKey} ${settings} wgdescr `));
    equal(await must(room, `${WG} netstart -nr wg1`, "left"), "");
    await must(room, `${WG} netstart -r wg1`, "left");
    equal((await list(room))[0].disabled?.reason, "hand");
    await room.output([WG, "client", "remove", "Zoë's phone"], { netns: "left" });
    equal(await fileOf(room, path), text);
    deepEqual(await list(room), []);
  },
);

Deno.test(
  "clients that are added at once get addresses of their own",
  needs("namespaces", "tun", "ip"),
  async () => {
    const { room } = await quickServer();
    await using _ = room;
    const names = Array.from({ length: 6 }, (_, i) => `c${i}`);
    const rans = await Promise.all(names.map((name) => client(room, `add ${name} --json`)));
    for (const { code, stderr } of rans) equal(code, 0, stderr);
    const told = rans.map(({ stdout }) => JSON.parse(stdout).addresses.join());
    equal(new Set(told).size, names.length);
    const peers = await list(room);
    deepEqual(peers.map(({ name }) => name).slice(1).sort(), names);
    deepEqual(
      peers.flatMap(({ allowedIps }) => allowedIps).filter((one) => one.startsWith("10.")).sort(),
      Array.from({ length: 7 }, (_, i) => `10.7.0.${i + 2}/32`),
    );
    equal((await must(room, `${WG} quick status wg1`, "left")).split("\n")[2], "\tas in the file");
    match((await client(room, "add c1")).stderr, /^wg: add: wg1 has a peer "c1" already$/m);
  },
);

Deno.test(
  "a client whose configuration cannot be printed is not added",
  needs("namespaces", "tun", "ip"),
  async () => {
    const { room, text } = await quickServer();
    await using _ = room;
    for (const way of ["", "--json", "--qr"]) {
      const line = `${WG} client add wg1 ann ${way} >/dev/full`;
      const { code, stderr } = await room.run(["sh", "-c", line], { netns: "left" });
      equal(code, 1);
      match(stderr, /No space left on device/);
      equal(await fileOf(room), text);
      equal(await listed(room, "ann"), undefined);
    }
    await clientDone(room, "add ann");
  },
);

Deno.test(
  "interface and file change both or neither, and owner and mode of the file stay",
  needs("namespaces", "root", "tun", "ip"),
  async () => {
    const { room, text } = await quickServer();
    await using _ = room;
    const nothing = async (what: string) => {
      equal(await fileOf(room), text, what);
      deepEqual((await list(room)).map(({ name }) => name), ["old"], what);
      equal(await must(room, "ls /etc/wireguard"), "wg1.conf\n", what);
      equal((await may(room, "ls /run/new.conf")).code, 2, what);
    };
    // A file that cannot be replaced, though one beside it can be written.
    await must(room, `mount --bind ${CONF} ${CONF}`);
    const busy = await client(room, "add ann -o /run/new.conf");
    equal(busy.code, 1);
    match(busy.stderr, /^wg: \/etc\/wireguard\/wg1\.conf: cannot be written: /m);
    await nothing("a file that is a mount point");
    equal((await client(room, "remove old")).code, 1);
    await nothing("no peer is lost");
    await must(room, `umount ${CONF}`);
    // A folder in which nothing can be written.
    await must(room, "mount --bind /etc/wireguard /etc/wireguard");
    await must(room, "mount -o remount,ro,bind /etc/wireguard");
    equal((await client(room, "add ann -o /run/new.conf")).code, 1);
    await nothing("a folder that is read-only");
    await must(room, "umount /etc/wireguard");
    // A file for the client that is there.
    equal((await client(room, "add ann -o /etc/hosts")).code, 1);
    // A file with a wrong line.
    await writeFile(room, CONF, `${text}Nonsense = 1\n`);
    const wrong = await client(room, "add ann");
    match(wrong.stderr, /^wg: \/etc\/wireguard\/wg1\.conf: \d+: Nonsense: unknown key/m);
    await writeFile(room, CONF, text);
    await nothing("a wrong line");

    await must(room, `chown 1234:4321 ${CONF}`);
    await must(room, `chmod 640 ${CONF}`);
    await must(room, `mv ${CONF} /etc/real.conf`);
    await must(room, `ln -s /etc/real.conf ${CONF}`);
    await clientDone(room, "add ann -o /run/new.conf --file /etc/wireguard/wg1.conf");
    equal(await must(room, "stat -c %u:%g:%a /etc/real.conf"), "1234:4321:640\n");
    match(await must(room, `stat -c %F ${CONF}`), /symbolic link/);
  },
);

Deno.test(
  "the QR code of a client is its configuration, and a file of its own is private",
  needs("namespaces", "tun", "ip", "zbarimg"),
  async () => {
    const { room } = await quickServer();
    await using _ = room;
    const ran = await clientDone(
      room,
      "add ann -o /run/ann.conf --png /run/ann.png --svg /run/ann.svg --qr --all --dns 10.7.0.1",
    );
    match(ran.stdout, /^[█▀▄ ]+$/m);
    const text = await fileOf(room, "/run/ann.conf");
    match(text, /\nDNS = 10\.7\.0\.1\n[^]*\nAllowedIPs = 0\.0\.0\.0\/0, ::\/0\n/);
    equal(await must(room, "zbarimg -q --raw -Sbinary /run/ann.png"), text);
    equal(
      await must(room, "stat -c %a /run/ann.png /run/ann.svg /run/ann.conf"),
      "600\n600\n600\n",
    );
    const shown = (await clientDone(room, "show ann")).stdout;
    match(
      shown,
      /^client: ann\npublic key: \S+\npreshared key: \(hidden\)\naddresses: 10\.7\.0\.3/,
    );
    equal((await client(room, "show nobody")).code, 1);
    match(
      (await client(room, "remove nobody")).stderr,
      /^wg: client: "nobody": no peer has this name/,
    );
  },
);

Deno.test(
  "the tour's section about clients",
  needs("namespaces", "tun", "ip"),
  async () => {
    const { room } = await quickServer();
    await using _ = room;
    await walk(room, "Clients", { netns: "left" });
  },
);
