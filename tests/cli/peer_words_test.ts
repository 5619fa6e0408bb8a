/**
 * Peers by their descriptions, in the words of ifconfig and `wg set`, and what shows them.
 * @module
 */
import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import type { PublicKey } from "../../lib/base/brands.ts";
import { namesPeers, parseSetLine } from "../../lib/cli/set/words.ts";
import { formatShown } from "../../lib/cli/show/text.ts";
import { parseGet } from "../../lib/uapi/get.ts";
import { commandOf, KEY, KEY2, KEY3 } from "./sources.ts";

const words = (line: string) => commandOf(line.split(" "));
const keys = async (line: string) =>
  (await words(line)).change.peers?.map(({ publicKey }) => publicKey.toBase64());

Deno.test("ifconfig takes the description of a peer in place of its key", async () => {
  deepEqual(await keys(`wg2 wgpeer office wgaip 10/8 wgpeer ${KEY3} -wgpeer office`), [
    KEY2,
    KEY3,
    KEY2,
  ]);
  const { change } = await words("wg2 -wgpeer office");
  equal(change.peers?.[0].remove, true);
});

Deno.test("a name that nobody or several have is refused with the candidates", async () => {
  await rejects(
    words("wg2 wgpeer ofice"),
    /^ConfigError: wgpeer: "ofice": no peer has this name; the peers are office, laptop, laptop$/,
  );
  await rejects(
    words("wg2 -wgpeer laptop"),
    new RegExp(
      `^ConfigError: -wgpeer: "laptop": 2 peers have this name; a public key is required: ${
        [KEY3, KEY].join(", ").replaceAll("+", "\\+")
      }$`,
    ),
  );
  // On an interface without named peers it is a wrong key.
  await rejects(words("wg7 wgpeer office"), /wgpeer \(key\): invalid length: 6 characters/);
});

Deno.test("wg set takes it too", () => {
  const named = [
    { publicKey: Uint8Array.fromBase64(KEY) as PublicKey, description: "office" },
    { publicKey: Uint8Array.fromBase64(KEY2) as PublicKey, description: "" },
  ];
  const line = ["wg1", "peer", "office", "persistent-keepalive", "5", "peer", KEY3, "remove"];
  equal(namesPeers(line), true);
  equal(namesPeers(["wg1", "peer", KEY]), false);
  const { peers } = parseSetLine(line, undefined, named);
  deepEqual(peers.map(({ publicKey }) => publicKey.toBase64()), [KEY, KEY3]);
  throws(
    () => parseSetLine(["wg1", "peer", "home", "remove"], undefined, named),
    new RegExp(
      `peer: "home": no peer has this name; the peers are office, ${KEY2.replaceAll("+", "\\+")}$`,
    ),
  );
  throws(() => parseSetLine(["wg1", "peer", "home", "remove"]), /peer: not a key; 44 characters/);
});

Deno.test("descriptions are shown to people, and not where the original's output is read", () => {
  const status = parseGet(
    `public_key=${Uint8Array.fromBase64(KEY).toHex()}\ndescription=office\n`,
  );
  const style = { nowSeconds: 0, hideKeys: true, colors: false, zoneName: () => undefined };
  match(
    formatShown("wg1", status, { ...style, descriptions: true }),
    /\npeer: \S{44}\n {2}description: office\n {2}allowed ips: \(none\)\n$/,
  );
  match(
    formatShown("wg1", status, { ...style, descriptions: false }),
    /\npeer: \S{44}\n {2}allowed ips: \(none\)\n$/,
  );
});
