/**
 * This program beside Debian's: wireguard-go as the other peer, wg(8) and wg-quick(8) as the other
 * tools.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import {
  cable,
  may,
  must,
  ping,
  publicKey,
  randomKey,
  traces,
  tunnel,
  WG,
  wgRoom,
} from "./peers.ts";

const WITH_GO = needs("namespaces", "tun", "ip", "ping", "wireguard-go", "wg");

/**
 * wg1 of ours on the left; wg9 of wireguard-go on the right, configured by Debian's wg(8). Who has
 * an endpoint can begin.
 */
async function besideGo(room: Room, begins: "ours" | "theirs", psk: string): Promise<void> {
  await cable(room);
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
  await room.output(["sh", "-c", "umask 077; cat >/run/key"], { stdin: `${randomKey()}\n` });
  await room.output(["sh", "-c", "umask 077; cat >/run/psk"], { stdin: `${psk}\n` });
  await must(room, "wireguard-go wg9", "right");
  await must(room, "wg set wg9 listen-port 7999 private-key /run/key", "right");
  const ours = await publicKey(room, "wg1");
  const theirs = (await must(room, "wg show wg9 public-key", "right")).trim();
  const ourEndpoint = begins === "theirs" ? " endpoint 10.0.0.1:7111" : "";
  const theirEndpoint = begins === "ours" ? " wgendpoint 10.0.0.2 7999" : "";
  await must(
    room,
    `wg set wg9 peer ${ours} preshared-key /run/psk${ourEndpoint} allowed-ips 192.168.5.1/32,fd05::1/128`,
    "right",
  );
  await must(
    room,
    `ifconfig wg1 wgpeer ${theirs} wgpsk ${psk}${theirEndpoint} wgaip 192.168.5.9/32 wgaip fd05::9/128`,
  );
  await must(room, "ifconfig wg1 192.168.5.1/24");
  await must(room, "ifconfig wg1 inet6 fd05::1/64");
  await must(room, "ip address add 192.168.5.9/24 dev wg9", "right");
  await must(room, "ip address add fd05::9/64 dev wg9 nodad", "right");
  await must(room, "ip link set wg9 up", "right");
}

Deno.test("Debian's wireguard-go as the peer: we initiate", WITH_GO, async () => {
  await using room = await wgRoom();
  await besideGo(room, "ours", randomKey());
  await ping(room, "left", "192.168.5.9");
  await ping(room, "right", "192.168.5.1");
  await ping(room, "left", "fd05::9");
  await must(room, "ping -n -c 2 -i 0.2 -W 60 -s 4000 192.168.5.9", "left");
  match(await must(room, "wg show wg9 endpoints", "right"), /\t10\.0\.0\.1:7111\n/);
});

Deno.test("Debian's wireguard-go as the peer: it initiates", WITH_GO, async () => {
  await using room = await wgRoom();
  await besideGo(room, "theirs", randomKey());
  await ping(room, "right", "192.168.5.1");
  await ping(room, "left", "192.168.5.9");
  match(await must(room, "ifconfig wg1"), /\t\twgendpoint 10\.0\.0\.2 7999\n/);
  // It begins anew as well: a peer that was removed and comes back has no session.
  const handshakes = async () =>
    Number((await must(room, "wg show wg1 latest-handshakes")).trim().split("\t")[1]);
  const first = await handshakes();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const ours = await publicKey(room, "wg1");
  await must(room, `wg set wg9 peer ${ours} remove`);
  await must(
    room,
    `wg set wg9 peer ${ours} preshared-key /run/psk endpoint 10.0.0.1:7111 allowed-ips 192.168.5.1/32`,
  );
  await ping(room, "right", "192.168.5.1");
  equal(await handshakes() > first, true);
});

const WITH_WG = needs("namespaces", "tun", "ip", "ping", "wg");

Deno.test("Debian's wg(8) reads our interface", WITH_WG, async () => {
  await using room = await wgRoom();
  const { keys, publicKeys } = await tunnel(room, "10.0.0.2", "wgpka 25 wgdescr far");
  await ping(room, "left", "192.168.5.2");
  equal((await must(room, "wg show interfaces")).trim().split(/\s+/).sort().join(" "), "wg1 wg2");
  const shown = await must(room, "wg show wg1");
  match(shown, /^interface: wg1\n/);
  match(shown, new RegExp(`\n {2}public key: ${RegExp.escape(publicKeys.left)}\n`));
  match(shown, /\n {2}private key: \(hidden\)\n/);
  match(shown, /\n {2}listening port: 7111\n/);
  match(shown, new RegExp(`\npeer: ${RegExp.escape(publicKeys.right)}\n`));
  match(shown, /\n {2}endpoint: 10\.0\.0\.2:7222\n/);
  match(shown, /\n {2}allowed ips: 192\.168\.5\.2\/32, fd05::2\/128\n/);
  match(shown, /\n {2}latest handshake: (Now|\d+ seconds? ago)\n/);
  match(shown, /\n {2}transfer: \S+ (B|KiB) received, \S+ (B|KiB) sent\n/);
  match(shown, /\n {2}persistent keepalive: every 25 seconds\n/);
  const [device, peer] = (await must(room, "wg show wg1 dump")).trimEnd().split("\n").map((line) =>
    line.split("\t")
  );
  deepEqual(device, [clamped(keys.left), publicKeys.left, "7111", "off"]);
  deepEqual(peer.slice(0, 4), [
    publicKeys.right,
    "(none)",
    "10.0.0.2:7222",
    "192.168.5.2/32,fd05::2/128",
  ]);
  const [, transferred] = /tx: (\d+), rx: \d+\n/.exec(await must(room, "ifconfig wg1")) ?? [];
  equal(Number(peer[6]) <= Number(transferred), true);
  equal(Number(peer[6]) >= 3 * 128 + 148, true);
  equal(peer[7], "25");
});

/** A private key as Curve25519 uses it, and as kernel and wg(8) show it. */
function clamped(key: string): string {
  const bytes = Uint8Array.fromBase64(key);
  bytes[0] &= 248;
  bytes[31] = bytes[31] & 127 | 64;
  return bytes.toBase64();
}

Deno.test(
  "Debian's wg(8) changes our interface: set, setconf, syncconf, removal",
  WITH_WG,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    const other = randomKey();
    await must(
      room,
      `wg set wg1 peer ${other} allowed-ips 192.168.5.64/26,192.168.5.2/32 persistent-keepalive 7`,
    );
    // A range that another peer owned moves.
    const allowed = await must(room, "wg show wg1 allowed-ips");
    match(allowed, new RegExp(`${RegExp.escape(publicKeys.right)}\tfd05::2/128\n`));
    match(allowed, new RegExp(`${RegExp.escape(other)}\t`));
    // wg(8) writes a link-local endpoint's zone by name.
    await must(room, `wg set wg1 peer ${other} endpoint [fe80::77%lo]:51820`);
    match(await must(room, "wg show wg1 endpoints"), /\[fe80::77%(lo|1)\]:51820/);
    await must(room, `wg set wg1 peer ${other} remove`);
    await must(room, `wg set wg1 peer ${publicKeys.right} allowed-ips 192.168.5.2/32`);
    await ping(room, "left", "192.168.5.2");

    const written = await must(room, "wg showconf wg1");
    match(
      written,
      /^\[Interface\]\nListenPort = 7111\nPrivateKey = \S{44}\n\n\[Peer\]\nPublicKey = /,
    );
    await room.output(["sh", "-c", "umask 077; cat >/run/wg1.conf"], { stdin: written });
    await must(room, `wg set wg1 peer ${other}`);
    await must(room, "wg syncconf wg1 /run/wg1.conf", "left");
    equal((await must(room, "wg show wg1 peers")).trim(), publicKeys.right);
    await ping(room, "left", "192.168.5.2");
    await must(room, "wg setconf wg1 /run/wg1.conf", "left");
    await must(room, "ping -n -c 1 -w 60 -W 60 192.168.5.2", "left");
    // Wrong values are refused by our side as well, and change nothing.
    const before = await must(room, "wg showconf wg1");
    await must(room, "ifconfig wg3 create wgport 7333", "left");
    match(
      (await may(room, "wg set wg1 listen-port 7333 fwmark 7", "left")).stderr,
      /Address already in use/,
    );
    equal(await must(room, "wg showconf wg1"), before);
  },
);

/**
 * Kernels that have wireguard would be used by wg-quick: this `ip` refuses to make one, as a kernel
 * without it does.
 */
const IP_WITHOUT_WIREGUARD = `#!/bin/sh
case "$*" in *"type wireguard"*) echo "Error: Unknown device type." >&2; exit 2;; esac
exec REAL_IP "$@"
`;

Deno.test(
  "wg-quick up and down with us as its userspace implementation",
  needs("namespaces", "tun", "ip", "ping", "wg-quick"),
  async () => {
    await using room = await wgRoom();
    const { keys, publicKeys } = await tunnel(room);
    await must(room, "ifconfig wg1 destroy");
    const real = (await room.output(["sh", "-c", "command -v ip"])).trim();
    await room.output(["sh", "-c", "cat >/run/bin/ip; chmod 755 /run/bin/ip"], {
      stdin: IP_WITHOUT_WIREGUARD.replace("REAL_IP", real),
    });
    await room.output(["sh", "-c", "umask 077; cat >/run/wg7.conf"], {
      stdin: `[Interface]
PrivateKey = ${keys.left}
Address = 192.168.5.1/24, fd05::1/64
ListenPort = 7111
MTU = 1400

[Peer]
PublicKey = ${publicKeys.right}
Endpoint = 10.0.0.2:7222
AllowedIPs = 192.168.5.0/24, fd05::/64, 10.77.0.0/16
PersistentKeepalive = 20
`,
    });
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    const before = (await traces(room)).length;
    await room.output(["wg-quick", "up", "/run/wg7.conf"], { netns: "left", env });
    await ping(room, "left", "192.168.5.2");
    await ping(room, "right", "fd05::1");
    match(await must(room, "ip -o link show wg7", "left"), /mtu 1400/);
    match(await must(room, "ip route", "left"), /10\.77\.0\.0\/16 dev wg7/);
    match(await must(room, "ifconfig wg7", "left"), /\twgport 7111\n/);
    await room.output(["wg-quick", "down", "/run/wg7.conf"], { netns: "left", env });
    await eventually("the end of wg7", async () => (await traces(room)).length === before);
    equal((await may(room, "ip link show wg7", "left")).code, 1);
  },
);
