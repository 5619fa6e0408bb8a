/** The tables of a full tunnel against the bytes that nft sends for wg-quick's lines. */
import assert from "node:assert/strict";
import { parseIp } from "../../lib/base/ip_text.ts";
import { NLM_F_ACK, readMessages } from "../../lib/netlink/message.ts";
import { encodeTunnelTable, encodeTunnelTableRemoval } from "../../lib/netlink/tunnel_tables.ts";
import { NFT_MESSAGES } from "./captured_nft.ts";

const ADDRESSES = ["10.0.0.1", "fd00::1"].map((text) => parseIp(text) ?? assert.fail(text));
const SEQUENCE = 0xffff_fffd;

/** Messages without sequence numbers and requests for acknowledgements. */
const plain = (messages: readonly Uint8Array[]) =>
  messages.map((message) => {
    const bytes = message.slice();
    bytes.fill(0, 8, 12);
    bytes[6] &= ~NLM_F_ACK;
    return bytes.toHex();
  });
const theirs = (...names: string[]) =>
  plain(names.map((name) => Uint8Array.fromHex(NFT_MESSAGES[name] ?? assert.fail(name))));

function batch(family: 4 | 6): readonly Uint8Array[] {
  return encodeTunnelTable(SEQUENCE, {
    interfaceName: "wg0",
    family,
    mark: 51820,
    addresses: ADDRESSES,
  });
}

Deno.test("tables, chains and rules are nft's", () => {
  // The first three messages of a batch replace the table.
  const [begin, add, remove, ...made] = plain(batch(4));
  const end = made.pop();
  assert.equal(begin, "140000001000010000000000000000000000000a");
  assert.equal(end, "140000001100010000000000000000000000000a");
  const [table] = theirs("add table ip wg-quick-wg0");
  assert.equal(add, table);
  assert.equal(
    remove,
    "28000000020a010000000000000000000200000011000100" +
      "77672d717569636b2d77673000000000",
  );
  assert.deepEqual(made, [
    table,
    ...theirs(
      "add chain ip preraw",
      "add chain ip premangle",
      "add chain ip postmangle",
      "add rule ip preraw",
      "add rule ip postmangle",
      "add rule ip premangle",
    ),
  ]);
  const inet6 = plain(batch(6));
  for (const name of ["table ip6 wg-quick-wg0", "chain ip6 preraw", "rule ip6 preraw"]) {
    const [message] = theirs(`add ${name}`);
    assert.ok(inet6.includes(message), name);
  }
});

Deno.test("the messages of a batch are numbered from the given number on, past 2^32 too", () => {
  for (const messages of [batch(4), encodeTunnelTableRemoval(SEQUENCE, "wg0", 6)]) {
    const numbers = messages.map((bytes) => readMessages(bytes)?.[0].sequence);
    assert.deepEqual(numbers, messages.map((_, i) => (SEQUENCE + i) >>> 0));
  }
});
