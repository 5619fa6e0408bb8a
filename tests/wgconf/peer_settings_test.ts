/** Settings of a peer in comments: where they stand, what is refused, and how they are saved. */
import assert from "node:assert/strict";
import type { DeviceStatus, PeerStatus } from "../../lib/base/config.ts";
import { parseDate } from "../../lib/base/date_text.ts";
import { addChange, syncChange } from "../../lib/wgconf/change.ts";
import { descriptionOf } from "../../lib/wgconf/description.ts";
import { formatProblem } from "../../lib/wgconf/parse.ts";
import { printConfig } from "../../lib/wgconf/print.ts";
import { parseQuickConfig } from "../../lib/wgconf/quick.ts";
import { savedText } from "../../lib/wgconf/save.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const DATE = parseDate("", "2026-12-31");
const parse = (text: string) =>
  parseQuickConfig(new TextEncoder().encode(text), { file: "wg0.conf" });
/** A file with one peer. */
const peerWith = (head: string, below = "") =>
  parse(`[Interface]\n[Peer]${head}\n${below}PublicKey = ${key(2).toBase64()}\n`);

const peer = (more: Partial<PeerStatus> = {}): PeerStatus => ({
  publicKey: key(2) as PeerStatus["publicKey"],
  presharedKey: key(0) as PeerStatus["presharedKey"],
  endpoint: undefined,
  persistentKeepalive: 0,
  allowedIps: [],
  description: "",
  txBytes: 0,
  rxBytes: 0,
  lastHandshakeUnixMs: 0,
  ...more,
});
const statusOf = (...peers: PeerStatus[]) =>
  ({ listenPort: 0, fwmark: 0, privateKey: undefined, peers }) as unknown as DeviceStatus;

Deno.test("settings stand behind [Peer] and below it, and are no description", () => {
  const config = peerWith(" # Ann", "# wg: disabled\n# of the office\n#wg:expires  2026-12-31\n");
  const [{ settings, comments }] = config.peers;
  assert.deepEqual([config.problems, config.warnings], [[], []]);
  assert.deepEqual(settings, { disabled: { reason: "hand" }, expiresUnixMs: DATE });
  assert.equal(descriptionOf(comments), "Ann");
  assert.deepEqual(
    peerWith(" # wg: disabled quota since 2026-12-31").peers[0].settings,
    { disabled: { reason: "quota", sinceUnixMs: DATE } },
  );
  assert.equal(descriptionOf(peerWith(" # wg: disabled", "# Ann\n").peers[0].comments), "Ann");
  const [change] = addChange(config, () => undefined).peers ?? [];
  assert.deepEqual([change.disabled, change.expiresUnixMs], [{ reason: "hand" }, DATE]);
});

Deno.test("a wrong setting, and one in a wrong place, is refused with its line", () => {
  const tail = `PublicKey = ${key(2).toBase64()}\n`;
  for (
    const [text, problem] of [
      [`[Peer] # wg: expires soon\n${tail}`, /:1: wg: expires: "soon" is not a date/],
      [`[Peer]\n# wg: disabled maybe\n${tail}`, /:2: wg: disabled: "maybe" is invalid/],
      [`[Peer]\n# wg: disabled since yesterday\n${tail}`, /:2: wg: disabled: "yesterday" is not/],
      [`# wg: disabled\n[Peer]\n${tail}`, /:1: wg: disabled: required behind \[Peer\]/],
      [`[Peer]\n${tail}# wg: disabled\n`, /:3: wg: disabled: required behind \[Peer\]/],
      [`[Peer]\n${tail.trim()} # wg: expires 2026-12-31\n`, /:2: wg: expires 2026-12-31: required/],
      [`[Interface] # wg: disabled\n`, /:1: wg: disabled: required behind \[Peer\]/],
    ] as const
  ) {
    const { problems } = parse(text);
    assert.equal(problems.length, 1, text);
    assert.match(formatProblem(problems[0]), problem);
  }
});

Deno.test("a word that is none is a warning, and elsewhere a comment", () => {
  const [warning] = peerWith("", "# wg: disabeld\n").warnings;
  assert.match(formatProblem(warning), /:3: wg: disabeld: not a setting of a peer/);
  assert.deepEqual(parse("# wg: of the office\n[Interface] # wg: one\n").warnings, []);
});

Deno.test("what showconf prints is read again", () => {
  const disabled = { reason: "quota", sinceUnixMs: DATE } as const;
  const status = statusOf(peer({ disabled, expiresUnixMs: DATE }));
  const config = parse(new TextDecoder().decode(printConfig(status)));
  assert.deepEqual([config.problems, config.warnings], [[], []]);
  assert.deepEqual(config.peers[0].settings, { disabled, expiresUnixMs: DATE });
  // Whether the date has passed is found again by the clock.
  const expired = peer({ disabled: { reason: "expired", sinceUnixMs: 0 }, expiresUnixMs: DATE });
  const again = parse(new TextDecoder().decode(printConfig(statusOf(expired))));
  assert.deepEqual(again.peers[0].settings, { expiresUnixMs: DATE });
});

Deno.test("syncconf enables a peer that the file does not disable, unless a quota did it", () => {
  const settings = peerWith("");
  const changeOf = (more: Partial<PeerStatus>) =>
    syncChange(settings, statusOf(peer(more)), () => undefined).peers?.[0];
  const by = (reason: "hand" | "quota") => ({ disabled: { reason, sinceUnixMs: 0 } });
  assert.equal(changeOf(by("hand"))?.disabled, false);
  assert.equal(changeOf(by("quota"))?.disabled, undefined);
  assert.equal(changeOf({ expiresUnixMs: DATE })?.expiresUnixMs, 0);
});

Deno.test("a file is saved with the settings of the moment, and the rest byte by byte", () => {
  const keyLine = `PublicKey = ${key(2).toBase64()}\n`;
  const saved = (file: string, more: Partial<PeerStatus>) => {
    const config = parse(file);
    const values = { status: statusOf(peer(more)), addresses: [], mtu: 1420, fwmark: 0 };
    const text = new TextDecoder().decode(savedText(config, values));
    assert.deepEqual(parse(text).problems, []);
    return text;
  };
  const disabled = { reason: "hand", sinceUnixMs: DATE } as const;
  const plain = `[Interface]\n\n# Ann\n[Peer]\n# a note\n${keyLine}`;
  const marked = plain.replace(
    "[Peer]\n",
    "[Peer]\n# wg: disabled since 2026-12-31T00:00:00Z\n# wg: expires 2026-12-31T00:00:00Z\n",
  );
  assert.equal(saved(plain, {}), plain);
  assert.equal(saved(plain, { disabled, expiresUnixMs: DATE }), marked);
  assert.equal(saved(marked, { disabled, expiresUnixMs: DATE }), marked);
  assert.equal(saved(marked, {}), plain);
  const behind = `[Interface]\n[Peer] # wg: disabled\n${keyLine}`;
  assert.equal(saved(behind, { disabled }), behind, "a file need not say since when");
  assert.equal(saved(behind, {}), behind.replace(" # wg: disabled", ""));
  assert.match(saved(`[Interface]\n`, { disabled }), /\[Peer\]\n# wg: disabled since /);
});
