import assert from "node:assert/strict";
import type { DeviceChange, DeviceStatus } from "../../lib/base/config.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { parseGet } from "../../lib/uapi/get.ts";
import { formatSet } from "../../lib/uapi/set.ts";
import { addChange, describedChange, setChange, syncChange } from "../../lib/wgconf/change.ts";
import { parseWgConfig } from "../../lib/wgconf/parse.ts";
import { printConfig } from "../../lib/wgconf/print.ts";
import type { EndpointSetting } from "../../lib/wgconf/values.ts";

const KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";
const hex = (key: string) => Uint8Array.fromBase64(key).toHex();
const ZEROS = "00".repeat(32);

const parse = (text: string) => parseWgConfig(new TextEncoder().encode(text), { file: "f" });
const endpointOf = (setting: EndpointSetting): Endpoint | undefined =>
  setting.type === "name" ? undefined : { ...setting, scope: 0 };
const lines = (change: DeviceChange) => formatSet(change).trimEnd().split("\n");

const FILE = `[Interface]\nFwMark = 7\n[Peer]\nPublicKey = ${A}\nAllowedIPs = 10.0.0.0/8\n` +
  "Endpoint = 192.0.2.1:7\n";

Deno.test("wgconf: addconf changes what the file names, setconf is the whole truth", () => {
  const peer = [
    `public_key=${hex(A)}`,
    "endpoint=192.0.2.1:7",
    "replace_allowed_ips=true",
    "allowed_ip=10.0.0.0/8",
  ];
  assert.deepEqual(lines(addChange(parse(FILE), endpointOf)), ["fwmark=7", ...peer]);
  assert.deepEqual(lines(setChange(parse(FILE), endpointOf)), [
    `private_key=${ZEROS}`,
    "listen_port=0",
    "fwmark=7",
    "replace_peers=true",
    ...peer,
  ]);
});

Deno.test("wgconf: syncconf removes peers, preshared keys and keepalives that the file lacks", () => {
  const status = parseGet(
    `public_key=${hex(A)}\npreshared_key=${hex(KEY)}\npersistent_keepalive_interval=5\n` +
      `public_key=${hex(B)}\n`,
  );
  assert.deepEqual(lines(syncChange(parse(FILE), status, endpointOf)), [
    `private_key=${ZEROS}`,
    "listen_port=0",
    "fwmark=7",
    `public_key=${hex(B)}`,
    "remove=true",
    `public_key=${hex(A)}`,
    `preshared_key=${ZEROS}`,
    "endpoint=192.0.2.1:7",
    "persistent_keepalive_interval=0",
    "replace_allowed_ips=true",
    "allowed_ip=10.0.0.0/8",
  ]);
});

Deno.test("wgconf: syncconf takes a peer that is there twice for one, as setconf does", () => {
  const peer = `[Peer]\nPublicKey = ${A}\n`;
  const status = parseGet(`public_key=${hex(A)}\npersistent_keepalive_interval=5\n`);
  const change = syncChange(parse(`${peer}PersistentKeepalive=9\n${peer}`), status, endpointOf);
  assert.deepEqual(change.peers?.map(({ persistentKeepalive }) => persistentKeepalive), [
    9,
    undefined,
  ]);
});

Deno.test("wgconf: a name that is not looked up is left to the daemon", () => {
  const config = parse(`[Peer]\nPublicKey=${A}\nEndpoint=example.org:7\n`);
  assert.deepEqual(lines(addChange(config, endpointOf)), [
    `public_key=${hex(A)}`,
    "endpoint_name=example.org:7",
    "replace_allowed_ips=true",
  ]);
});

Deno.test("wgconf: the last mention of a range decides", () => {
  const text =
    `[Peer]\nPublicKey=${A}\nAllowedIPs=-10.0.0.0/8,+10.0.0.0/8,+10.1.0.0/16,-10.1.0.0/16`;
  assert.deepEqual(lines(addChange(parse(text), endpointOf)), [
    `public_key=${hex(A)}`,
    "allowed_ip=-10.1.0.0/16",
    "allowed_ip=10.0.0.0/8",
  ]);
});

Deno.test("wgconf: what is printed is read back as the same", () => {
  const status: DeviceStatus = parseGet(
    `private_key=${hex(KEY)}\nlisten_port=7\nfwmark=51820\npublic_key=${hex(A)}\n` +
      `preshared_key=${hex(KEY)}\nendpoint=[2001:db8::1]:9\npersistent_keepalive_interval=25\n` +
      `allowed_ip=10.0.0.0/8\nallowed_ip=fd00::/64\npublic_key=${hex(B)}\n`,
  );
  const printed = printConfig(status);
  assert.equal(
    new TextDecoder().decode(printed),
    `[Interface]\nListenPort = 7\nFwMark = 0xca6c\nPrivateKey = ${KEY}\n\n[Peer]\nPublicKey = ${A}\n` +
      `PresharedKey = ${KEY}\nAllowedIPs = 10.0.0.0/8, fd00::/64\nEndpoint = [2001:db8::1]:9\n` +
      `PersistentKeepalive = 25\n\n[Peer]\nPublicKey = ${B}\n`,
  );
  const config = parseWgConfig(printed, { file: "printed" });
  assert.deepEqual(config.problems, []);
  assert.deepEqual(lines(setChange(config, endpointOf)), [
    `private_key=${hex(KEY)}`,
    "listen_port=7",
    "fwmark=51820",
    "replace_peers=true",
    `public_key=${hex(A)}`,
    `preshared_key=${hex(KEY)}`,
    "endpoint=[2001:db8::1]:9",
    "persistent_keepalive_interval=25",
    "replace_allowed_ips=true",
    "allowed_ip=10.0.0.0/8",
    "allowed_ip=fd00::/64",
    `public_key=${hex(B)}`,
    "replace_allowed_ips=true",
  ]);
});

Deno.test("wgconf: setconf, addconf and syncconf take names from comments, and keep others", () => {
  const status = parseGet(
    `public_key=${hex(A)}\ndescription=old\npublic_key=${hex(B)}\ndescription=Bob\n`,
  );
  const config = parse(`[Peer] # Ann\nPublicKey = ${A}\n[Peer]\nPublicKey = ${B}\n`);
  const names = (change: DeviceChange) =>
    describedChange(change, config.peers, status.peers).peers?.map(({ description }) =>
      description
    );
  assert.deepEqual(names(setChange(config, endpointOf)), ["Ann", "Bob"]);
  // These leave Bob as he is.
  assert.deepEqual(names(addChange(config, endpointOf)), ["Ann", undefined]);
  assert.deepEqual(names(syncChange(config, status, endpointOf)), ["Ann", undefined]);
});

Deno.test("wgconf: the name of an endpoint without an address is printed", () => {
  const status = parseGet(`public_key=${hex(A)}\nendpoint_name=example.org:7\n`);
  const config = parseWgConfig(printConfig(status), { file: "printed" });
  assert.deepEqual(config.peers[0].endpoint, { type: "name", name: "example.org", port: 7 });
});
