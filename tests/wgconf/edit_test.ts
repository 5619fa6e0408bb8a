/** Files of wg-quick(8) that get, lose and change a peer: everything else stays byte by byte. */
import assert from "node:assert/strict";
import type { PublicKey } from "../../lib/base/brands.ts";
import { parseDate } from "../../lib/base/date_text.ts";
import { type NewPeer, withoutPeer, withPeer, withSettings } from "../../lib/wgconf/edit.ts";
import type { CommentSettings } from "../../lib/wgconf/peer_settings.ts";
import { parseQuickConfig } from "../../lib/wgconf/quick.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte) as PublicKey;
const text = (byte: number) => key(byte).toBase64();
const bytes = (file: string) => new TextEncoder().encode(file);
const plain = (file: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(file);

function parsed(file: Uint8Array) {
  const config = parseQuickConfig(file, { file: "wg0.conf" });
  assert.deepEqual(config.problems, []);
  return config;
}

const PEER: NewPeer = {
  name: "Zoë's phone",
  publicKey: key(7),
  presharedKey: key(9),
  allowedIps: ["10.0.0.7/32", "fd00::7/128"],
  settings: {},
};
const add = (file: string, peer = PEER) => plain(withPeer(bytes(file), peer));
const without = (file: string, byte: number) => {
  const given = bytes(file);
  return plain(withoutPeer(given, parsed(given), key(byte)));
};
const set = (file: string, byte: number, settings: CommentSettings) => {
  const given = bytes(file);
  return plain(withSettings(given, parsed(given), key(byte), settings));
};

const FILES: readonly string[] = [
  "[Interface]\n",
  "[Interface]\nListenPort = 7\n\n\n# the end\n",
  `# mine\r\n[Interface] # x\r\nlistenport=7\r\n\r\n# Ann\r\n[Peer]\r\nPublicKey = ${text(2)}\r\n`,
  `\u{feff}[Interface]\n[Peer]\nPublicKey = ${text(2)}\n[Peer]\nPublicKey=${
    text(3)
  }   # y\n\n# z\n`,
  `[Interface]\n[Peer]\r\nPublicKey = ${text(2)}\n\n\n[Peer]\n PublicKey = ${text(3)}`,
];

Deno.test("a peer that is added and removed leaves the file as it was", () => {
  for (const file of FILES) {
    const more = add(file);
    const [peer] = parsed(bytes(more)).peers.slice(-1);
    assert.equal(peer.publicKey.toBase64(), text(7));
    assert.equal(peer.presharedKey?.toBase64(), text(9));
    assert.equal(peer.comments.behind, PEER.name);
    assert.equal(peer.allowedIps.length, 2);
    assert.ok(more.startsWith(file));
    // A file whose last line had no end has one now.
    assert.equal(without(more, 7), file.endsWith("\n") ? file : `${file}\n`);
  }
});

Deno.test("a removed peer goes with its comments, those of others stay", () => {
  const file = `[Interface]\nListenPort = 7\n\n# Ann\n# her phone\n[Peer] # a\n# note\n` +
    `PublicKey = ${text(2)}\n# old:\n#AllowedIPs = 10.0.0.9/32\nAllowedIPs = 10.0.0.2/32\n\n` +
    `# a list of guests follows\n\n# Bob\n[Peer]\nPublicKey = ${text(3)}\n# the end\n`;
  assert.equal(
    without(file, 2),
    `[Interface]\nListenPort = 7\n\n# a list of guests follows\n\n# Bob\n[Peer]\n` +
      `PublicKey = ${text(3)}\n# the end\n`,
  );
  assert.equal(without(without(file, 2), 3).split("\n").at(-2), "# the end");
  assert.equal(without(file, 5), file);
  const twice = `[Interface]\n\n[Peer]\nPublicKey = ${text(2)}\n\n[Peer]\nPublicKey = ${text(2)}\n`;
  assert.equal(without(twice, 2), "[Interface]\n");
});

Deno.test("settings of a peer are comments, and go as they came", () => {
  const date = parseDate("", "2026-12-31");
  for (const file of FILES) {
    for (const { publicKey } of parsed(bytes(file)).peers) {
      const disabled = set(file, publicKey[0], {
        disabled: { reason: "hand", sinceUnixMs: date },
        expiresUnixMs: date,
      });
      const peers = parsed(bytes(disabled)).peers;
      for (const peer of peers) {
        const isThis = peer.publicKey[0] === publicKey[0];
        assert.equal(peer.settings.disabled?.reason, isThis ? "hand" : undefined);
        assert.equal(peer.settings.expiresUnixMs, isThis ? date : undefined);
      }
      assert.equal(set(disabled, publicKey[0], {}), file);
    }
  }
});
