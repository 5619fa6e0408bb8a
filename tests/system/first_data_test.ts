/**
 * The first data after a handshake is never lost: who has our response may send at once, and the
 * session is there before it.
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import type { AskOrder } from "./first_data_asker.ts";
import { needs } from "./needs.ts";
import { must, publicKey, randomKey, wgRoom } from "./peers.ts";

const PEERS = 200;

Deno.test(
  "two hundred peers connect and ping at once: every first packet is answered",
  needs("namespaces", "tun"),
  async () => {
    await using room = await wgRoom();
    await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`);
    const responder = await publicKey(room, "wg1");
    const peers: { key: string; inside: number[] }[] = [];
    const words: string[] = [];
    for (let i = 0; i < PEERS; i++) {
      const pair = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]) as CryptoKeyPair;
      const { d = "", x = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
      const standard = (text: string) =>
        Uint8Array.fromBase64(text, { alphabet: "base64url" }).toBase64();
      const inside = [192, 168, 6, 2 + i];
      peers.push({ key: standard(d), inside });
      words.push("wgpeer", standard(x), "wgaip", `${inside.join(".")}/32`);
    }
    await must(room, `ifconfig wg1 ${words.join(" ")}`);
    await must(room, "ifconfig wg1 192.168.6.1/24");
    const order: AskOrder = {
      host: "127.0.0.1",
      port: 7111,
      responder,
      inside: [192, 168, 6, 1],
      peers,
      lanes: 4,
    };
    const script = `${ROOT}tests/system/first_data_asker.ts`;
    const argv = [Deno.execPath(), "run", "-A", "--unstable-net", "--quiet", "--no-check", script];
    const output = await room.output(argv, { stdin: JSON.stringify(order) });
    deepEqual(JSON.parse(output), [], "peers whose first packet was lost");
  },
);
