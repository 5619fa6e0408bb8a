import assert from "node:assert/strict";
import type { PeerChange } from "../../lib/base/config.ts";
import type { PublicKey } from "../../lib/base/brands.ts";
import { formatRange } from "../../lib/base/ip_text.ts";
import { decodeFamily, encodeFamilyGet } from "../../lib/netlink/generic.ts";
import { MessageBuilder, readMessages } from "../../lib/netlink/message.ts";
import {
  decodeDevice,
  encodeDeviceGet,
  encodeDeviceSet,
  joinDevice,
} from "../../lib/netlink/wireguard.ts";
import { formatGet } from "../../lib/uapi/get.ts";
import { addChange, setChange } from "../../lib/wgconf/change.ts";
import { parseWgConfig } from "../../lib/wgconf/parse.ts";
import type { EndpointSetting } from "../../lib/wgconf/values.ts";
import { property } from "../random.ts";
import {
  DEVICE_GET,
  DEVICE_PART_1,
  DEVICE_PART_2,
  DEVICE_RESET,
  DEVICE_SET,
  FAMILY,
  FAMILY_GET,
  SEQUENCE,
} from "./wireguard_captured.ts";

const K = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const P1 = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const P2 = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

/** WGPEER_A_FLAGS with WGPEER_F_REPLACE_ALLOWEDIPS. */
const REPLACE_RANGES = "0800030002000000";

const endpointOf = (setting: EndpointSetting) =>
  setting.type === "address" ? { ...setting, scope: 0 } : undefined;
const parse = (text: string) => parseWgConfig(new TextEncoder().encode(text), { file: "f" });
const partsOf = (hex: string) => {
  const parts = readMessages(Uint8Array.fromHex(hex))?.map(decodeDevice);
  return parts?.every((part) => part !== undefined) ? parts : undefined;
};

Deno.test("wireguard by netlink: the questions are those of wg(8)", () => {
  assert.equal(encodeFamilyGet(SEQUENCE, "wireguard").toHex(), FAMILY_GET);
  assert.equal(encodeDeviceGet(FAMILY, "wgcap", SEQUENCE).toHex(), DEVICE_GET);
});

Deno.test("wireguard by netlink: the changes are those of wg(8)", () => {
  const { interface: values, peers } = parse(
    `[Interface]\nListenPort=51820\nPrivateKey=${K}\nFwMark=0x1234\n` +
      `[Peer]\nPublicKey=${P1}\nPresharedKey=${K}\nEndpoint=192.0.2.7:51820\n` +
      `PersistentKeepalive=25\nAllowedIPs=10.0.0.0/8,fd00::/64\n` +
      `[Peer]\nPublicKey=${P2}\n[Peer]\nPublicKey=${P2}\nEndpoint=[2001:db8::1]:999\n`,
  );
  const settings = {
    interface: values,
    peers: [peers[0], { ...peers[1], remove: true }, peers[2]],
  };
  const set = encodeDeviceSet(FAMILY, "wgcap", addChange(settings, endpointOf));
  assert.deepEqual(set.map((encode) => encode(SEQUENCE).toHex()), [DEVICE_SET]);
  const reset = encodeDeviceSet(FAMILY, "wgcap", setChange(parse(""), endpointOf));
  assert.deepEqual(reset.map((encode) => encode(SEQUENCE).toHex()), [DEVICE_RESET]);
});

Deno.test("wireguard by netlink: an answer of several messages is one interface", () => {
  const parts = partsOf(DEVICE_PART_1 + DEVICE_PART_2);
  const status = joinDevice(parts ?? []);
  assert.ok(status !== undefined);
  assert.equal(status.publicKey?.toBase64(), "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=");
  const hex = (key: string) => Uint8Array.fromBase64(key).toHex();
  assert.equal(
    formatGet(status),
    `private_key=${hex(K)}\nlisten_port=51820\nfwmark=4660\n` +
      `public_key=${hex(P2)}\npreshared_key=${"0".repeat(64)}\nprotocol_version=1\n` +
      "endpoint=[fe80::1%1]:999\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n" +
      "tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\n" +
      `public_key=${hex(P1)}\npreshared_key=${hex(K)}\nprotocol_version=1\n` +
      "endpoint=192.0.2.7:7222\nlast_handshake_time_sec=1700000000\n" +
      "last_handshake_time_nsec=500000000\ntx_bytes=1480\nrx_bytes=8589934597\n" +
      "persistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\nallowed_ip=fd00::/64\n" +
      "allowed_ip=192.168.5.2/32\n",
  );
  assert.equal(joinDevice([]), undefined);
});

Deno.test("wireguard by netlink: a large change is split, and nothing of it is lost", () => {
  const key = (number: number) => {
    const bytes = new Uint8Array(32).fill(7);
    new DataView(bytes.buffer).setUint32(0, number);
    return bytes as PublicKey;
  };
  const range = (number: number) => ({
    address: Uint8Array.of(0xfd, 0, number >>> 8, number, ...new Uint8Array(12)),
    prefix: 64,
  });
  const ranges = Array.from({ length: 3000 }, (_, i) => range(i));
  const peers: PeerChange[] = [
    { publicKey: key(0), replaceAllowedIps: true, allowedIps: ranges, persistentKeepalive: 5 },
    ...Array.from({ length: 600 }, (_, i) => ({
      publicKey: key(i + 1),
      replaceAllowedIps: true,
      allowedIps: [range(4000 + i)],
    })),
  ];
  const messages = encodeDeviceSet(FAMILY, "wgcap", { replacePeers: true, listenPort: 7, peers })
    .map((encode, index) => encode(index));
  assert.ok(messages.length > 4);
  // As answers they are read back: the command's number is that of an answer then.
  const parts = messages.map((message) => {
    assert.ok(message.length < 65_536);
    message[16] = 0;
    const [one] = readMessages(message) ?? [];
    const part = decodeDevice(one);
    assert.ok(part !== undefined);
    return part;
  });
  assert.deepEqual(parts.map(({ listenPort }) => listenPort), [7, ...parts.slice(1).map(() => 0)]);
  const status = joinDevice(parts);
  assert.deepEqual(
    status?.peers.map((peer) => [peer.publicKey.toHex(), peer.allowedIps.map(formatRange)]),
    peers.map((peer) => [peer.publicKey.toHex(), peer.allowedIps?.map(formatRange)]),
  );
  assert.equal(status?.peers[0].persistentKeepalive, 5);
  // The ranges of a peer are replaced by its first part only.
  const replaced = messages.map((message) => message.toHex().split(REPLACE_RANGES).length - 1);
  assert.equal(replaced.reduce((sum, count) => sum + count), peers.length);
});

Deno.test("wireguard by netlink: any bytes are read without an exception", () => {
  property(400, (chance) => {
    const bytes = Uint8Array.fromHex(chance.once(2) ? DEVICE_PART_1 : DEVICE_PART_2);
    for (let left = 1 + chance.int(6); left > 0; left--) {
      bytes[chance.int(bytes.length)] = chance.int(256);
    }
    const cut = bytes.subarray(0, chance.once(3) ? chance.int(bytes.length) : bytes.length);
    for (const message of readMessages(cut) ?? []) {
      decodeDevice(message);
      decodeFamily(message, "wireguard");
    }
  });
});

Deno.test("wireguard by netlink: the family's number is read from the controller's answer only", () => {
  const answer = new MessageBuilder(16, 0, 1).u8(1).u8(2).u16(0)
    .attributeText(2, "wireguard").attributeU16(1, FAMILY).finish();
  const [message] = readMessages(answer) ?? [];
  assert.equal(decodeFamily(message, "wireguard"), FAMILY);
  assert.equal(decodeFamily(message, "wireguar"), undefined);
  assert.equal(decodeFamily({ ...message, type: 17 }, "wireguard"), undefined);
});
