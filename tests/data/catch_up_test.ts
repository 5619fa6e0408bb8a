/**
 * Data on a new session may be received while the command that installs the session still waits.
 */
import assert from "node:assert/strict";
import { concat, makePacket } from "./packets.ts";
import { ENDPOINT_A, ENDPOINT_B, installSession, P0, Side } from "./two_sides.ts";

Deno.test("waiting commands are applied before received datagrams are processed", () => {
  const a = new Side(ENDPOINT_A);
  let waiting: (() => void)[] = [];
  let calls = 0;
  const catchUp = () => {
    calls++;
    for (const apply of waiting.splice(0)) apply();
  };
  const b = new Side(ENDPOINT_B, { options: { catchUp } });
  a.addPeer(P0, ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A);
  const packet = makePacket({
    v6: false,
    udp: true,
    source: 1,
    destination: 2,
    id: 1,
    flags: 0,
    sourcePort: 1000,
    destinationPort: 9,
    payload: new Uint8Array(100).fill(7),
  });
  a.sendPacket(packet);
  const late = new Side(ENDPOINT_B);
  late.addPeer(P0, ENDPOINT_A);
  installSession(a, late);
  const onTheWay = a.udp.sent.splice(0);
  assert.equal(onTheWay.length, 1);

  waiting = [() => installSession(new Side(ENDPOINT_A), b)];
  b.udp.inbox.push(...onTheWay);
  b.turn();
  assert.deepEqual(concat(...b.tun.takePackets()), packet);
  assert.equal(calls, 1, "once a receive");
});
