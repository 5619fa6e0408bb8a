/** Files of hostname.if(5) that get, lose and change a peer. */
import assert from "node:assert/strict";
import { parseDate } from "../../lib/base/date_text.ts";
import {
  hostnamePeers,
  withHostnamePeer,
  withHostnameSettings,
  withoutHostnamePeer,
} from "../../lib/cli/client/hostname_edit.ts";
import { KEY, KEY2, KEY3 } from "./sources.ts";

const FILE = `# the office
wgkey @/etc/key wgport 7111
inet 10.0.0.1/24
wgpeer ${KEY} wgdescr 'Zoë # wgdisabled' wgaip 10.0.0.2/32   # the first
!route add 10.9.0.0/16 10.0.0.9
wgpeer ${KEY2} \\
  wgaip 10.0.0.3/32
up
`;
const ADDED = {
  name: "Ann's phone",
  publicKey: Uint8Array.fromBase64(KEY3),
  presharedKey: new Uint8Array(32).fill(9),
  allowedIps: ["10.0.0.4/32", "fd00::4/128"],
  settings: {},
};
const DATE = parseDate("", "2026-12-31");

Deno.test("a peer is added in a line of its own, and its removal leaves the file as it was", () => {
  for (const file of [FILE, "", "up"]) {
    const more = withHostnamePeer(file, ADDED);
    const [peer] = hostnamePeers(more, "wg1").slice(-1);
    assert.deepEqual([peer.key, peer.name, peer.allowedIps.length], [KEY3, "Ann's phone", 2]);
    const back = withoutHostnamePeer(more, "wg1", KEY3);
    assert.equal(back, file === "up" ? "up\n" : file);
  }
});

Deno.test("settings are words behind the key, and go as they came", () => {
  const settings = { disabled: { reason: "hand" }, expiresUnixMs: DATE } as const;
  const more = withHostnameSettings(FILE, "wg1", KEY, settings);
  assert.match(
    more,
    new RegExp(
      `^wgpeer ${
        KEY.replaceAll(/[+/]/g, "\\$&")
      } wgdisabled wgexpires 2026-12-31T00:00:00Z wgdescr `,
      "m",
    ),
  );
  assert.equal(withHostnameSettings(more, "wg1", KEY, {}), FILE);
  assert.equal(withHostnameSettings(more, "wg1", KEY, settings), more);
  const line = `wgpeer ${KEY} wgaip 10.0.0.2 wgdisabled`;
  assert.equal(withHostnameSettings(line, "wg1", KEY, {}), line.replace(" wgdisabled", ""));
});

Deno.test("a line with more than one peer's words is left alone", () => {
  assert.throws(() => withoutHostnamePeer(FILE, "wg1", KEY2), /line 6: .* edit the file by hand/);
  for (
    const words of [`wgport 7 wgpeer ${KEY}`, `wgpeer ${KEY} wgpeer ${KEY2}`, `wgpeer ${KEY} up`]
  ) {
    assert.throws(() => withoutHostnamePeer(words, "wg1", KEY), /line 1: /);
    assert.throws(() => withHostnameSettings(words, "wg1", KEY, {}), /line 1: /);
  }
});
