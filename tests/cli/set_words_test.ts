import { deepEqual, equal, throws } from "node:assert/strict";
import { formatRange } from "../../lib/base/ip_text.ts";
import { parseSetLine } from "../../lib/cli/set/words.ts";
import { resolutionRetries } from "../../lib/cli/endpoints.ts";

const A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

Deno.test("wg set: all words, several peers, the last of a word counts", () => {
  const line = parseSetLine([
    ...["wg1", "listen-port", "1", "listen-port", "7111", "fwmark", "0xca6c", "private-key", "k"],
    ...["peer", A, "preshared-key", "psk", "endpoint", "[2001:db8::1]:9", "persistent-keepalive"],
    ...["25", "allowed-ips", "10.0.0.0/8, fd00::/64", "peer", B, "remove"],
  ]);
  deepEqual([line.name, line.listenPort, line.fwmark, line.privateKeyFile], [
    "wg1",
    7111,
    0xca6c,
    "k",
  ]);
  const [first, second] = line.peers;
  equal(first.publicKey.toBase64(), A);
  deepEqual([first.presharedKeyFile, first.persistentKeepalive, first.replaceAllowedIps], [
    "psk",
    25,
    true,
  ]);
  deepEqual(first.allowedIps.map(({ range }) => formatRange(range)), ["10.0.0.0/8", "fd00::/64"]);
  deepEqual([second.publicKey.toBase64(), second.remove, second.replaceAllowedIps], [
    B,
    true,
    false,
  ]);
});

Deno.test("wg set: allowed-ips replaces, is emptied, or is changed by signs", () => {
  const peer = (...words: string[]) => parseSetLine(["wg1", "peer", A, ...words]).peers[0];
  equal(peer().replaceAllowedIps, false);
  deepEqual([peer("allowed-ips", "").replaceAllowedIps, peer("allowed-ips", "").allowedIps], [
    true,
    [],
  ]);
  equal(peer("allowed-ips", "+10.0.0.0/8").replaceAllowedIps, false);
  equal(peer("allowed-ips", "10.0.0.0/8", "allowed-ips", "-10.1.0.0/16").replaceAllowedIps, false);
});

Deno.test("wg set: a wrong line is refused with its word, and no key is shown", () => {
  const wrong = (words: string, message: RegExp) =>
    throws(() => parseSetLine(words === "" ? [] : words.split(" ")), { message });
  wrong("", /^set: an interface and words are required/);
  wrong("wg1", /^set: an interface and words are required/);
  wrong("wg1 listen-port", /^listen-port: a port is required after it$/);
  wrong("wg1 listen-port 65536", /^listen-port: 65536 is out of range; 0 to 65535 is required$/);
  wrong("wg1 what 5", /^what: unknown word; `wg help set` lists the words$/);
  wrong(`wg1 ${A}`, /^a word of 44 characters: unknown word/);
  wrong("wg1 remove", /^remove: `peer PUBLICKEY` is required before it$/);
  wrong("wg1 endpoint 192.0.2.1:5", /^endpoint: `peer PUBLICKEY` is required before it$/);
  wrong(
    `wg1 peer ${A} fwmark 5`,
    /^fwmark: a word of the interface; it is required before the first/,
  );
  wrong(`wg1 peer ${A.slice(1)}`, /^peer: not a key; 44 characters of base64 are required$/);
  wrong("wg1 peer", /^peer: a public key is required after it$/);
});

Deno.test("WG_ENDPOINT_RESOLUTION_RETRIES is a number or infinity", () => {
  equal(resolutionRetries("0"), 0);
  equal(resolutionRetries("7"), 7);
  equal(resolutionRetries("infinity"), Infinity);
  equal(resolutionRetries(undefined), 15);
  throws(() => resolutionRetries("x"), /is not a number of attempts/);
  throws(() => resolutionRetries("4294967296"), /is not a number of attempts/);
});

Deno.test("wg set: ranges whose addresses have host bits are told", () => {
  const { cut } = parseSetLine([
    "wg1",
    "peer",
    A,
    "allowed-ips",
    "10.0.0.5/24,10.0.0.0/8,+fd00::1/64",
  ]);
  deepEqual(cut, ["10.0.0.0/24", "fd00::/64"]);
});
