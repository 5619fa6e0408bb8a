import assert from "node:assert/strict";
import type { DeviceChange } from "../../lib/base/config.ts";
import { ConfigError, OsError } from "../../lib/base/errors.ts";
import { formatRange } from "../../lib/base/ip_text.ts";
import { UapiReader } from "../../lib/uapi/reader.ts";
import { formatSet, parseSet } from "../../lib/uapi/set.ts";
import { randomChange } from "./random_change.ts";
import { WG_CLEAR_INTERFACE, WG_CLEAR_PEER, WG_REMOVE, WG_SET, WG_SETCONF } from "./wg8_text.ts";
import { type Chance, property } from "../random.ts";

const KEY = "c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669";
const PEER1 = "c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038";
const PEER2 = "4eb32f4a83f88d842563a448cc181bb2c42a637bf12363e2fb2ef594e5965d7d";
const ZEROS = "0".repeat(64);

function read(text: string): DeviceChange {
  const reader = new UapiReader();
  reader.push(new TextEncoder().encode(text));
  const request = reader.next();
  assert.ok(request?.type === "request");
  assert.equal(request.operation, "set");
  return parseSet(request.lines, {
    interfaceIndex: (name) => name === "lo" ? 1 : undefined,
    ...(request.keys === undefined ? {} : { keys: request.keys }),
  });
}

Deno.test("what `wg set` writes", () => {
  const change = read(WG_SET);
  assert.equal(change.privateKey?.toHex(), KEY);
  assert.equal(change.listenPort, 51820);
  assert.equal(change.fwmark, 0x1234);
  assert.equal(change.replacePeers, undefined);
  assert.equal(change.peers?.length, 1);
  const [peer] = change.peers!;
  assert.equal(peer.publicKey.toHex(), PEER1);
  assert.equal(peer.presharedKey?.toHex(), KEY);
  assert.deepEqual(peer.endpoint, { address: Uint8Array.of(192, 0, 2, 7), port: 51820, scope: 0 });
  assert.equal(peer.persistentKeepalive, 25);
  assert.equal(peer.replaceAllowedIps, true);
  assert.deepEqual(peer.allowedIps?.map(formatRange), ["10.0.0.0/8", "fd00::/64"]);
});

Deno.test("what `wg set ... remove` writes: nothing of one peer reaches the next", () => {
  const [first, second, ...rest] = read(WG_REMOVE).peers!;
  assert.deepEqual(rest, []);
  assert.deepEqual(first, { publicKey: Uint8Array.fromHex(PEER1), remove: true });
  assert.equal(second.publicKey.toHex(), PEER2);
  assert.equal(second.remove, undefined);
  assert.equal(second.endpoint?.address.toHex(), "20010db8000000000000000000000001");
  assert.equal(second.endpoint?.port, 999);
  assert.equal(second.replaceAllowedIps, true);
  assert.equal(second.allowedIps, undefined);
});

Deno.test("what `wg set` writes to take something away", () => {
  assert.deepEqual(read(WG_CLEAR_PEER).peers, [{
    publicKey: Uint8Array.fromHex(PEER1),
    presharedKey: new Uint8Array(32),
    persistentKeepalive: 0,
  }]);
  const device = read(WG_CLEAR_INTERFACE);
  assert.equal(device.privateKey?.toHex(), ZEROS);
  assert.equal(device.fwmark, 0);
});

Deno.test("what `wg setconf` writes", () => {
  const change = read(WG_SETCONF);
  assert.equal(change.replacePeers, true);
  const [first, second] = change.peers!;
  assert.deepEqual(first.endpoint, {
    address: Uint8Array.fromHex("fe800000000000000000000000000001"),
    port: 51820,
    scope: 1,
  });
  assert.deepEqual(first.allowedIps?.map(formatRange), ["0.0.0.0/0", "::/0"]);
  assert.equal(first.presharedKey, undefined);
  assert.equal(second.endpoint, undefined);
  assert.equal(second.presharedKey?.toHex(), KEY);
  assert.equal(second.allowedIps, undefined);
});

Deno.test("every key of ours is taken by set=1 too", () => {
  const change = parseSet([
    "rtable=3",
    "debug=true",
    "groups=office uplink office",
    "priority=20",
    "offloads=-tso gso -gro gro",
    `public_key=${PEER1}`,
    "update_only=true",
    "protocol_version=1",
    "description=Zoë's laptop",
  ]);
  assert.deepEqual(change, {
    rtable: 3,
    debug: true,
    groups: ["office", "uplink"],
    priority: 20,
    offloads: { tso: false, gso: true, gro: true },
    peers: [{
      publicKey: Uint8Array.fromHex(PEER1),
      updateOnly: true,
      description: "Zoë's laptop",
    }],
  });
  assert.deepEqual(parseSet(["groups="]), { groups: [] });
  assert.deepEqual(parseSet(["offloads="]), { offloads: {} });
  assert.deepEqual(parseSet([]), {});
});

Deno.test("ranges are masked, and a removal after an addition stays after it", () => {
  const { peers } = parseSet([
    `public_key=${PEER1}`,
    "allowed_ip=-10.9.0.0/16",
    "allowed_ip=10.1.2.3/8",
    "allowed_ip=fd00::1/128",
    "allowed_ip=-10.0.0.0/8",
    "allowed_ip=10.0.0.0/9",
  ]);
  const shown = peers!.map((peer) => [
    peer.updateOnly ?? false,
    (peer.removeAllowedIps ?? []).map(formatRange),
    (peer.allowedIps ?? []).map(formatRange),
  ]);
  assert.deepEqual(shown, [
    [false, ["10.9.0.0/16"], ["10.0.0.0/8", "fd00::1/128"]],
    [true, ["10.0.0.0/8"], ["10.0.0.0/9"]],
  ]);
});

Deno.test("replaced ranges lose what was added before, and remove and update_only are for all", () => {
  const { peers } = parseSet([
    `public_key=${PEER1}`,
    "allowed_ip=10.0.0.0/8",
    "replace_allowed_ips=true",
    "allowed_ip=10.0.0.0/9",
    "update_only=true",
    "remove=true",
  ]);
  assert.deepEqual(
    peers!.map(({ publicKey: _, allowedIps, ...rest }) => [rest, allowedIps?.map(formatRange)]),
    [
      [{ updateOnly: true, remove: true }, ["10.0.0.0/8"]],
      [{ updateOnly: true, replaceAllowedIps: true }, ["10.0.0.0/9"]],
    ],
  );
});

Deno.test("a name and an address of an endpoint, in any order", () => {
  const name = "endpoint_name=vpn.example.org:51820", address = "endpoint=192.0.2.1:51820";
  const endpointName = { host: "vpn.example.org", port: 51820 };
  assert.deepEqual(parseSet(peer(name)).peers?.[0].endpointName, endpointName);
  for (const lines of [[name, address], [address, name]]) {
    const [change] = parseSet([`public_key=${PEER1}`, ...lines]).peers!;
    assert.deepEqual([change.endpointName, change.endpoint?.port], [endpointName, 51820]);
  }
});

const peer = (line: string) => [`public_key=${PEER1}`, line];
const WRONG: readonly (readonly [string, readonly string[]])[] = [
  ["set", ["=1"]],
  ["set", ["endpoint=1.2.3.4:5"]],
  ["set", ["colour=red"]],
  ["set", peer("listen_port=1")],
  ["set", peer("private_key=" + KEY)],
  ["private_key", ["private_key="]],
  ["private_key", ["private_key=" + KEY.slice(1)]],
  ["private_key", ["private_key=" + KEY + "0"]],
  ["private_key", ["private_key=" + KEY.replace("c", "g")]],
  ["private_key", ["private_key= " + KEY.slice(1)]],
  ["public_key", ["public_key=" + PEER1.slice(2)]],
  ["preshared_key", peer("preshared_key=" + KEY.slice(0, 62))],
  ["listen_port", ["listen_port=65536"]],
  ["listen_port", ["listen_port=-1"]],
  ["listen_port", ["listen_port="]],
  ["listen_port", ["listen_port=0x50"]],
  ["listen_port", ["listen_port= 5"]],
  ["listen_port", ["listen_port=5 "]],
  ["listen_port", ["listen_port=1e3"]],
  ["listen_port", ["listen_port=99999999999999999999"]],
  ["fwmark", ["fwmark=4294967296"]],
  ["fwmark", ["fwmark=off"]],
  ["replace_peers", ["replace_peers=false"]],
  ["replace_peers", ["replace_peers="]],
  ["rtable", ["rtable=256"]],
  ["debug", ["debug=1"]],
  ["groups", ["groups=a/b"]],
  ["groups", ["groups=office1"]],
  ["groups", ["groups=" + "g".repeat(16)]],
  ["groups", ["groups=" + "abcdefghijklmnopq".split("").join(" ")]],
  ["priority", ["priority=4294967296"]],
  ["offloads", ["offloads=lro"]],
  ["offloads", ["offloads=tso --gro"]],
  ["offloads", ["offloads=tso,gro"]],
  ["offloads", ["offloads=-"]],
  ["remove", peer("remove=yes")],
  ["update_only", peer("update_only=1")],
  ["endpoint", peer("endpoint=1.2.3.4")],
  ["endpoint", peer("endpoint=1.2.3.4:")],
  ["endpoint", peer("endpoint=1.2.3.4:65536")],
  ["endpoint", peer("endpoint=1.2.3:5")],
  ["endpoint", peer("endpoint=1.2.3.400:5")],
  ["endpoint", peer("endpoint=::1:5")],
  ["endpoint", peer("endpoint=[::1:5")],
  ["endpoint", peer("endpoint=[::1]5")],
  ["endpoint", peer("endpoint=[1.2.3.4]:5")],
  ["endpoint", peer("endpoint=[fe80::1%nosuch]:5")],
  ["endpoint", peer("endpoint=[fe80::1%]:5")],
  ["endpoint", peer("endpoint=example.org:5")],
  ["endpoint_name", peer("endpoint_name=vpn.example.org")],
  ["endpoint_name", peer("endpoint_name=vpn.example.org:0")],
  ["endpoint_name", peer("endpoint_name=vpn.example.org:65536")],
  ["endpoint_name", peer("endpoint_name=192.0.2.1:5")],
  ["endpoint_name", peer("endpoint_name=[fd00::1]:5")],
  ["endpoint_name", peer("endpoint_name=fd00::1:5")],
  ["endpoint_name", peer("endpoint_name=a..b:5")],
  ["endpoint_name", peer("endpoint_name=" + "a.".repeat(127) + ":5")],
  ["endpoint_name", peer("endpoint_name=a b:5")],
  ["endpoint_name", peer("endpoint_name=:5")],
  ["persistent_keepalive_interval", peer("persistent_keepalive_interval=65536")],
  ["persistent_keepalive_interval", peer("persistent_keepalive_interval=off")],
  ["replace_allowed_ips", peer("replace_allowed_ips=false")],
  ["allowed_ip", peer("allowed_ip=")],
  ["allowed_ip", peer("allowed_ip=-")],
  ["allowed_ip", peer("allowed_ip=10.0.0.0")],
  ["allowed_ip", peer("allowed_ip=fd00::1")],
  ["allowed_ip", peer("allowed_ip=10.0.0.0/33")],
  ["allowed_ip", peer("allowed_ip=10.0.0.0/")],
  ["allowed_ip", peer("allowed_ip=10.0.0/8")],
  ["allowed_ip", peer("allowed_ip=fd00::/129")],
  ["allowed_ip", peer("allowed_ip=1::2::3/64")],
  ["allowed_ip", peer("allowed_ip=--10.0.0.0/8")],
  ["allowed_ip", peer("allowed_ip=10.0.0.0/8/8")],
  ["protocol_version", peer("protocol_version=2")],
  ["description", peer("description=a\tb")],
  ["description", peer("description=" + "x".repeat(64))],
  ["description", peer("description=" + "é".repeat(32))],
];

Deno.test("a wrong line is named by its key, and no key material is in the message", () => {
  for (const [word, lines] of WRONG) {
    assert.throws(() => parseSet(lines), (error) => {
      assert.ok(error instanceof ConfigError, `${lines}: ${error}`);
      assert.equal(error.word, word, lines.join(" "));
      for (const key of [KEY, PEER1]) {
        assert.ok(!error.message.includes(key.slice(4, 20)), error.message);
      }
      return true;
    }, lines.join(" "));
  }
});

Deno.test("a line without = is an error of the protocol, as in wireguard-go", () => {
  for (const lines of [["listen_port"], [""], peer("allowed_ip")]) {
    assert.throws(
      () => parseSet(lines),
      (error) => error instanceof OsError && error.code === "EPROTO",
    );
  }
});

Deno.test("a change goes through its text and back, 500 random ones", () => {
  property(500, (chance) => {
    const change = randomChange(chance);
    const text = formatSet(change);
    assert.deepEqual(parseSet(text.split("\n").slice(0, -1)), change);
  });
});

Deno.test("lines of any content give a change or a ConfigError", () => {
  const whole = `${WG_SET}${WG_SETCONF}`.split("\n").filter((line) =>
    line !== "" && !line.startsWith("set=")
  );
  property(3000, (chance) => {
    const lines = Array.from(
      { length: 1 + chance.int(6) },
      () => damage(whole[chance.int(whole.length)], chance),
    );
    try {
      parseSet(lines);
    } catch (error) {
      const isProtocol = error instanceof OsError && error.code === "EPROTO";
      assert.ok(error instanceof ConfigError || isProtocol, `${error}`);
    }
  });
});

function damage(line: string, chance: Chance): string {
  const at = chance.int(line.length + 1);
  const char = String.fromCharCode(chance.int(8) === 0 ? chance.int(0x3000) : 32 + chance.int(95));
  switch (chance.int(4)) {
    case 0:
      return line.slice(0, at);
    case 1:
      return line.slice(0, at) + char + line.slice(at);
    case 2:
      return line.slice(0, at) + char + line.slice(at + 1);
    default:
      return line;
  }
}
