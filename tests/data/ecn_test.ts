/** The ECN bits of inner packets: only these change, and the checksum of IPv4 with them. */
import assert from "node:assert/strict";
import { carryEcn, ecnOf } from "../../lib/data/ecn.ts";
import { trial } from "../random.ts";
import { finish, makePacket } from "./packets.ts";

/** RFC 6040 figure 4 in the order of the values Not-ECT, ECT(1), ECT(0), CE; -1: dropped. */
const COMBINED = [
  [0, 0, 0, -1],
  [1, 1, 1, 3],
  [2, 1, 2, 3],
  [3, 3, 3, 3],
];

Deno.test("only the two bits change, whatever DSCP and flow label are beside them", () => {
  trial((chance) => {
    for (const v6 of [false, true]) {
      for (let i = 0; i < 400; i++) {
        const [inner, outer] = [chance.int(4), chance.int(4)];
        const packetWith = (ecn: number, dscp: number, label: Uint8Array) => {
          const packet = makePacket({
            v6,
            udp: true,
            source: 1,
            destination: 2,
            sourcePort: 3,
            destinationPort: 4,
            payload: new Uint8Array(8),
            tos: dscp << 2 | ecn,
          });
          if (!v6) return packet;
          packet[1] = packet[1] & 0xf0 | label[0] & 0x0f;
          packet.set(label.subarray(1), 2);
          return finish(packet);
        };
        const [dscp, label] = [chance.int(64), chance.bytes(3)];
        const at = chance.int(4);
        const bytes = new Uint8Array(100).fill(0xa5);
        const packet = packetWith(inner, dscp, label);
        bytes.set(packet, at);
        assert.equal(ecnOf(bytes, at), inner);
        const result = COMBINED[inner][outer];
        assert.equal(carryEcn(bytes, new DataView(bytes.buffer), at, outer), result >= 0);
        const expected = new Uint8Array(100).fill(0xa5);
        expected.set(result < 0 ? packet : packetWith(result, dscp, label), at);
        assert.deepEqual(bytes, expected, `${inner} in ${outer}`);
      }
    }
  });
});
