/**
 * The commands of wg(8): keys through pipes and files, messages about files, and Debian's
 * wg-quick(8) with our wg in the place of Debian's.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "wg-quick");
const KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

/** A room in which our program is the first wg on PATH. */
async function roomWithWg(): Promise<Room> {
  const room = await wgRoom();
  await room.install(WG, ["wg"]);
  return room;
}

const shell = (room: Room, script: string) => room.run(["bash", "-c", script]);

Deno.test(
  "wg genkey | tee k | wg pubkey > p, and a warning for a file of all users",
  NEEDED,
  async () => {
    await using room = await roomWithWg();
    const made = await shell(room, "umask 077; cd /run; wg genkey | tee k | wg pubkey > p");
    deepEqual([made.code, made.stdout, made.stderr], [0, "", ""]);
    const [k, p] = [await must(room, "cat /run/k"), await must(room, "cat /run/p")];
    for (const key of [k, p]) match(key, /^[A-Za-z0-9+/]{43}=\n$/);
    const bytes = Uint8Array.fromBase64(k.trim());
    deepEqual([bytes[0] & 7, bytes[31] & 0xc0], [0, 0x40]);
    const open = await shell(
      room,
      "umask 022; cd /run; wg genkey >k1; wg genpsk >k2; wg genpsk | cat",
    );
    equal(
      open.stderr.match(/^wg: warning: the key is written to a file that other users/gm)?.length,
      2,
    );
    match(open.stdout, /^[A-Za-z0-9+/]{43}=\n$/);
    // The public key is the one that the interface has.
    await must(room, "ifconfig wg1 create");
    const set = await shell(room, "wg set wg1 private-key <(cat /run/k)");
    deepEqual([set.code, set.stderr], [0, ""]);
    equal(await publicKey(room, "wg1"), p.trim());
    for (const [stdin, file] of [[k, "-"], [k, "/dev/stdin"]]) {
      await room.output(["wg", "set", "wg1", "private-key", "/dev/null"]);
      equal(await must(room, "wg show wg1 private-key"), "(none)\n");
      await room.output(["wg", "set", "wg1", "private-key", file], { stdin });
      equal(await must(room, "wg show wg1 private-key"), k);
    }
  },
);

Deno.test("setconf tells all refused lines, shows no key and changes nothing", NEEDED, async () => {
  await using room = await roomWithWg();
  await must(room, "ifconfig wg1 create wgport 7111");
  const before = await must(room, "wg showconf wg1");
  await writeFile(
    room,
    "/run/wg1.conf",
    `\ufeff[Interface]\r\nPrivateKey = ${KEY}x\r\nListenPort = 7000\r\nAddress = 10.0.0.1/24\r\n` +
      `H1 = 5\r\n[Peer]\r\nPublicKey = ${PEER}\r\nAllowedIPs = 10.0.0.7/24, 10.0.0.0/33\r\n`,
    "644",
  );
  const { code, stdout, stderr } = await may(room, "wg setconf wg1 /run/wg1.conf");
  deepEqual([code, stdout], [1, ""]);
  ok(!stderr.includes(KEY.slice(0, 20)), stderr);
  deepEqual(stderr.trimEnd().split("\n").map((line) => line.replace("wg: /run/wg1.conf:", "")), [
    "wg: WARNING: /run/wg1.conf has keys and can be read by others; chmod 600 mends it",
    "wg: WARNING: /run/wg1.conf:1: byte order mark: the file begins with one; wg(8) refuses it",
    "2: PrivateKey: not a key; 44 characters of base64 are required",
    "4: Address: unknown key of [Interface]: a key of wg-quick(8), which `wg quick` reads",
    "5: H1: unknown key of [Interface]: a key of AmneziaWG, whose messages WireGuard cannot read; " +
    "a peer that requires it cannot be reached",
    '8: AllowedIPs: "10.0.0.0/33" is not a range; one as 192.168.5.0/24 or fd00::/64 is required',
  ]);
  equal(await must(room, "wg showconf wg1"), before);
  // A private key in place of a file's name is not repeated.
  const given = await may(room, `wg set wg1 private-key ${KEY}`);
  deepEqual([given.code, given.stderr], [
    1,
    "wg: private-key: a key was given; the name of a file with the key is required\n",
  ]);
});

Deno.test(
  "syncconf keeps the sessions of peers that stay, and setconf does not",
  NEEDED,
  async () => {
    await using room = await roomWithWg();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const conf = await must(room, "wg showconf wg1");
    await writeFile(room, "/run/wg1.conf", `${conf}PersistentKeepalive = 21\n`);
    await must(room, "ping -n -c 4 -i 0.1 -s 1000 192.168.5.2", "left");
    const shown = async (field: string) =>
      (await must(room, `wg show wg1 ${field}`)).split("\t")[1];
    const handshake = await shown("latest-handshakes");
    ok(Number(handshake) > 0);
    await must(room, "wg syncconf wg1 /run/wg1.conf");
    equal(await shown("latest-handshakes"), handshake);
    ok(Number(await shown("transfer")) > 4000);
    match(await must(room, "wg show wg1 persistent-keepalive"), /\t21\n$/);
    await must(room, "wg setconf wg1 /run/wg1.conf");
    // The peer is a new one, whose counters begin anew.
    ok(Number(await shown("transfer")) < 1000);
  },
);

/**
 * A control socket that answers as boringtun's api.rs does: only `get=1` and `set=1` are known, and
 * all else is answered with EIO.
 */
const AS_BORINGTUN = `
  Deno.mkdirSync("/run/wireguard", { recursive: true });
  const listener = Deno.listen({ transport: "unix", path: "/run/wireguard/wg5.sock" });
  for await (const connection of listener) {
    let text = "";
    const part = new Uint8Array(4096);
    while (!text.endsWith("\\n\\n")) {
      const count = await connection.read(part);
      if (count === null) break;
      text += new TextDecoder().decode(part.subarray(0, count));
    }
    console.log(JSON.stringify(text));
    const answer = /^[gs]et=1/.test(text) ? "errno=0\\n\\n" : "errno=5\\n\\n";
    if (text !== "") await connection.write(new TextEncoder().encode(answer));
    connection.close();
  }`;

Deno.test("a daemon that answers set=2 with an error is asked with set=1", NEEDED, async () => {
  await using room = await roomWithWg();
  const listener = room.spawn([Deno.execPath(), "eval", "--quiet", AS_BORINGTUN]);
  await eventually("wg5", async () => (await may(room, "wg show wg5")).code === 0);
  await must(room, "wg set wg5 listen-port 7");
  await listener.wrote('"set=1\\nlisten_port=7\\n\\n"');
});

Deno.test("ranges are added and removed with + and -", NEEDED, async () => {
  await using room = await roomWithWg();
  await must(room, `ifconfig wg1 create wgpeer ${PEER} wgaip 10.0.0.0/8 wgaip fd00::/64`);
  await must(room, `wg set wg1 peer ${PEER} allowed-ips +10.1.0.0/16,-fd00::/64`);
  equal(await must(room, "wg show wg1 allowed-ips"), `${PEER}\t10.0.0.0/8 10.1.0.0/16\n`);
  await must(room, `wg set wg1 peer ${PEER} allowed-ips 10.2.0.0/16`);
  equal(await must(room, "wg show wg1 allowed-ips"), `${PEER}\t10.2.0.0/16\n`);
});

Deno.test(
  "Debian's wg-quick works with our wg beside it",
  needs("namespaces", "tun", "ip", "ping", "wg-quick"),
  async () => {
    await using room = await roomWithWg();
    const { keys, publicKeys } = await tunnel(room);
    await must(room, "ifconfig wg1 destroy");
    // wg-quick puts the folder that it is in before PATH.
    await room.output(["sh", "-c", 'cp "$(command -v wg-quick)" /run/bin/wg-quick']);
    await room.output(["sh", "-c", "cat >/run/bin/ip; chmod 755 /run/bin/ip"], {
      stdin: '#!/bin/sh\ncase "$*" in *"type wireguard"*) exit 2 ;; esac\nexec ' +
        `${(await room.output(["sh", "-c", "command -v ip"])).trim()} "$@"\n`,
    });
    const calls = '#!/bin/sh\necho "$*" >>/run/calls\nexec ' + `${WG} "$@"\n`;
    await room.output(["sh", "-c", "rm /run/bin/wg; cat >/run/bin/wg; chmod 755 /run/bin/wg"], {
      stdin: calls,
    });
    const psk = randomKey();
    await must(room, `ifconfig wg2 wgpeer ${publicKeys.left} wgpsk ${psk}`);
    await writeFile(
      room,
      "/run/wg7.conf",
      `[Interface]\nPrivateKey = ${keys.left}\nAddress = 192.168.5.1/24, fd05::1/64\n` +
        `ListenPort = 7111\nPostUp = wg set %i fwmark 0x77\n\n[Peer]\n` +
        `PublicKey = ${publicKeys.right}\nPresharedKey = ${psk}\nEndpoint = 10.0.0.2:7222\n` +
        "AllowedIPs = 192.168.5.0/24, fd05::/64\n",
    );
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    const quick = (word: string) =>
      room.output(["wg-quick", word, "/run/wg7.conf"], { netns: "left", env });
    await quick("up");
    await ping(room, "left", "192.168.5.2");
    equal(await must(room, "wg show wg7 fwmark"), "0x77\n");
    await quick("save");
    match(await must(room, "cat /run/wg7.conf"), /^FwMark = 0x77$/m);
    match(await must(room, "cat /run/wg7.conf"), /^PresharedKey = /m);
    await quick("down");
    match(await must(room, "cat /run/calls"), /^setconf wg7 \/dev\/fd\/\d+$/m);
  },
);
