/**
 * Peers by key and by name.
 * @module
 */
import { equal, match, throws } from "node:assert/strict";
import type { PublicKey } from "../../lib/base/brands.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { findPeer, peerName, peerNameAndKey, withPeerName } from "../../lib/base/peer_name.ts";

const peer = (seed: number, description = "") => ({
  publicKey: new Uint8Array(32).fill(seed) as PublicKey,
  description,
});
const text = (seed: number) => peer(seed).publicKey.toBase64();
const PEERS = [peer(1, "anna"), peer(2, "bert"), peer(3, "bert"), peer(4)];

function problem(word: string, peers = PEERS): string {
  try {
    findPeer("peer", word, peers);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("it was found");
}

Deno.test("a peer is found by its key and by its description", () => {
  equal(findPeer("peer", "anna", PEERS), PEERS[0]);
  for (const [i, { publicKey }] of PEERS.entries()) {
    equal(findPeer("peer", publicKey.toBase64(), PEERS), PEERS[i]);
  }
  equal(peerName(PEERS[0]), "anna");
  equal(peerName(PEERS[3]), text(4));
  equal(peerNameAndKey(PEERS[0]), `anna (${text(1)})`);
});

Deno.test("words that begin with a peer get its name", () => {
  equal(withPeerName(`wgpeer ${text(1)} wgpka 25`, PEERS), `wgpeer anna (${text(1)}) wgpka 25`);
  equal(withPeerName(`wgpeer ${text(1)}`, PEERS), `wgpeer anna (${text(1)})`);
  for (const words of [`wgpeer ${text(4)} wgpsk`, `wgpeer ${text(9)}`, "wgpeer", "wgport 7"]) {
    equal(withPeerName(words, PEERS), words);
  }
});

Deno.test("a name of nobody and of several peers is an error with the candidates", () => {
  equal(
    problem("carl"),
    `peer: "carl": no peer has this name; the peers are anna, bert, bert, ${text(4)}`,
  );
  equal(
    problem("bert"),
    `peer: "bert": 2 peers have this name; a public key is required: ${text(2)}, ${text(3)}`,
  );
  match(problem(""), /"": no peer has this name/);
  match(problem("Anna"), /no peer has this name/);
  equal(problem("anna", []), 'peer: "anna": no peer has this name; there is none');
  const many = Array.from({ length: 30 }, (_, i) => peer(i, `host${i}`));
  match(problem("x", many), /the peers are host0, host1, .*host7 and 22 more$/);
});

Deno.test("an unknown key, which may be a secret one, is not shown", () => {
  equal(
    problem(text(9), [PEERS[0]]),
    "peer: no peer has this public key; the peers are anna",
  );
  throws(
    () => findPeer("peer", text(9).slice(0, 43), PEERS),
    (error: Error) => !error.message.includes(text(9).slice(0, 20)),
  );
});
