/**
 * An authenticated but hostile peer. Exactly its well-formed packets are written to the TUN device,
 * unchanged.
 */
import assert from "node:assert/strict";
import { dataMessage } from "./data_message.ts";
import { concat, finish, makePacket, packetsOf, parseFrame, transportOf } from "./packets.ts";
import { packetIn, sameButId } from "./plaintexts.ts";
import { connectedSides, ENDPOINT_A, INDEX_B, KEY_AB, NOON } from "./two_sides.ts";
import { type Chance, property } from "../random.ts";

/** Segments of a flow that could be merged, some of them damaged. */
function burst(chance: Chance): Uint8Array[] {
  const fields = {
    v6: chance.once(2),
    udp: chance.once(3),
    source: 1,
    destination: 2,
    sourcePort: 7,
    destinationPort: 8,
    flags: chance.once(4) ? 0 : 2,
  };
  const size = chance.oneOf([1, 8, 100, 1000, 1360]);
  let sequence = chance.int(2) * 0xffff_ff00;
  let id = chance.int(0x10000);
  return Array.from({ length: 2 + chance.int(30) }, () => {
    const payload = new Uint8Array(chance.once(8) ? chance.int(1400) : size).fill(chance.int(256));
    const packet = makePacket({ ...fields, payload, sequence: sequence >>> 0, id: id & 0xffff });
    sequence += payload.length;
    id++;
    if (chance.once(3)) return packet;
    const headers = Math.min(packet.length, 60);
    for (let i = chance.int(3); i > 0; i--) packet[chance.int(headers)] ^= 1 << chance.int(8);
    if (chance.once(2)) {
      const { start } = transportOf(packet);
      if (start + 20 <= packet.length && start >= 20) finish(packet);
    }
    return chance.once(6) ? packet.subarray(0, chance.int(packet.length + 1)) : packet;
  });
}

Deno.test("hostile inner packets: only well-formed packets that were sent are delivered", () => {
  let merged = 0;
  property(60, (chance) => {
    const { b } = connectedSides({}, { tso: !chance.once(5), uso: !chance.once(5) });
    let counter = 1000n;
    for (let round = 0; round < 4; round++) {
      const plaintexts = burst(chance).map((packet) =>
        chance.once(4) ? packet : concat(packet, new Uint8Array(-packet.length & 15))
      );
      for (const plaintext of plaintexts) {
        b.udp.inbox.push({
          bytes: dataMessage(INDEX_B, counter++, KEY_AB, plaintext),
          segmentSize: 0,
          ecn: 0,
          from: ENDPOINT_A,
        });
      }
      b.turn(NOON);
      const got = b.tun.written.splice(0).flatMap((bytes) => packetsOf(parseFrame(bytes)));
      const expected = plaintexts.map(packetIn).filter((packet) => packet !== undefined);
      assert.deepEqual(got.map(sameButId).sort(), expected.map(sameButId).sort());
    }
    merged += b.dataplane.counts().tun_merged;
  });
  assert.ok(merged > 100, `only ${merged} were merged`);
});
