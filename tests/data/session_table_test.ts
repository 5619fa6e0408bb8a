/** Sessions by their indices: those of ours, and those that peers have chosen. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { holdSecretMemory } from "../../lib/base/secret_bytes.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { PacketMemory, SESSION_KEYS_BYTES, SESSIONS_MAX } from "../../lib/data/memory.ts";
import { Peer, SessionTable } from "../../lib/data/sessions.ts";

function sessions() {
  const memory = new PacketMemory(new Arena(DATAPLANE_ARENA_BYTES));
  const { sessionKeys } = new HandshakeMemory();
  const table = new SessionTable(memory, sessionKeys, true, true);
  const peer = new Peer(peerSlot(0), memory.cell(0));
  const install = (localIndex: number, remoteIndex: number) =>
    table.install(peer, {
      type: "session-install",
      peer: peerSlot(0),
      initiator: true,
      localIndex: sessionIndex(localIndex),
      remoteIndex: sessionIndex(remoteIndex),
      keySlot: sessionKeys.put(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)),
      createdAt: milliseconds(1),
    })!;
  return { table, peer, install };
}

Deno.test("a session is found by the peer's index, whether it came before the first look or after", () => {
  const { table, peer, install } = sessions();
  const first = install(1, 0xffff_fff0);
  assert.equal(table.findRemote(0xffff_fff0), first);
  assert.equal(table.findRemote(7), undefined);
  const second = install(2, 7);
  assert.equal(table.findRemote(7), second);
  // Two peers may choose the same index: the newer session is meant.
  const third = install(3, 7);
  assert.equal(table.findRemote(7), third);
  table.wipe(second);
  assert.equal(table.findRemote(7), third, "the older one does not take it along");
  table.wipe(third);
  assert.equal(table.findRemote(7), undefined);
  assert.deepEqual(peer.sessions, [first]);
});

Deno.test("memory for keys is held when it is first used", () => {
  const { table, install } = sessions();
  const held: Uint8Array[] = [];
  holdSecretMemory((memory) => held.push(memory));
  held.length = 0;
  const [first, second] = [install(1, 1), install(2, 2)];
  table.wipe(first);
  install(3, 3);
  holdSecretMemory(() => {});
  assert.deepEqual(
    held.map(({ byteOffset, length }) => [byteOffset, length]),
    [first, second].map(({ keyAt }) => [keyAt, SESSION_KEYS_BYTES]),
  );
});

Deno.test("a session that finds no place leaves no keys", () => {
  const memory = new PacketMemory(new Arena(DATAPLANE_ARENA_BYTES));
  const { sessionKeys } = new HandshakeMemory();
  const table = new SessionTable(memory, sessionKeys, true, false);
  const peer = new Peer(peerSlot(0), memory.cell(0));
  const install = (index: number) => {
    const command = {
      type: "session-install",
      peer: peerSlot(0),
      initiator: true,
      localIndex: sessionIndex(index),
      remoteIndex: sessionIndex(index),
      keySlot: sessionKeys.put(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)),
      createdAt: milliseconds(1),
    } as const;
    sessionKeys.discard(command.keySlot, false, true);
    return [table.install(peer, command), command.keySlot] as const;
  };
  for (let i = 0; i < SESSIONS_MAX; i++) assert.notEqual(install(i)[0], null);
  const [session, keySlot] = install(SESSIONS_MAX);
  assert.equal(session, null);
  assert.throws(() => sessionKeys.takeSendKey(keySlot, new Uint8Array(32), 0), RangeError);
});

Deno.test("a data plane discards the keys of its own direction alone", () => {
  const memory = new PacketMemory(new Arena(DATAPLANE_ARENA_BYTES));
  for (const sends of [true, false]) {
    const { sessionKeys } = new HandshakeMemory();
    const table = new SessionTable(memory, sessionKeys, sends, !sends);
    const keySlot = sessionKeys.put(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
    table.discard({
      type: "session-install",
      peer: peerSlot(0),
      initiator: true,
      localIndex: sessionIndex(1),
      remoteIndex: sessionIndex(2),
      keySlot,
      createdAt: milliseconds(1),
    });
    const taken = new Uint8Array(32);
    const take = [
      () => sessionKeys.takeSendKey(keySlot, taken, 0),
      () => sessionKeys.takeReceiveKey(keySlot, taken, 0),
    ];
    assert.throws(take[sends ? 0 : 1], /the slot is empty/);
    take[sends ? 1 : 0]();
    assert.equal(taken[0], sends ? 2 : 1);
  }
});

Deno.test("a session is found by our whole index, and one that takes its slot ends it", () => {
  const { table, peer, install } = sessions();
  const first = install(5, 1);
  assert.equal(table.find(5), first);
  // The low 18 bits are the slot.
  assert.equal(table.find(5 + 2 ** 18), null);
  assert.equal(table.find(6), null);
  const second = install(5 + 2 ** 18, 2);
  assert.deepEqual([table.find(5), table.find(5 + 2 ** 18), table.size], [null, second, 1]);
  assert.deepEqual(peer.sessions, [second]);
  peer.current = second;
  table.wipe(second);
  assert.deepEqual([table.size, peer.current, peer.sessions], [0, null, []]);
});
