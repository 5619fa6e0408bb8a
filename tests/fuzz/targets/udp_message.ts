/**
 * What recvmsg(2) leaves in the arena: the source of a datagram and its control messages.
 * @module
 */
import assert from "node:assert/strict";
import { Arena } from "../../../lib/base/arena.ts";
import {
  ENDPOINT_CELL_BYTES,
  readEndpointCell,
  readLocalCell,
} from "../../../lib/base/endpoint.ts";
import { SOL_IP, SOL_IPV6, SOL_UDP, UDP_GRO, UdpMessage } from "../../../lib/ports/udp_message.ts";
import type { Chance } from "../../random.ts";
import type { Target } from "../target.ts";

const NAME_BYTES = 32;
const CONTROL_BYTES = 256;
/** Where the length of the control messages is in struct msghdr. */
const CONTROL_LENGTH_AT = 40;
const MSGHDR_BYTES = 56;

/** A control message with a padding to 8 bytes. */
function control(level: number, type: number, data: Uint8Array): number[] {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint32(0, 16 + data.length, true);
  view.setInt32(8, level, true);
  view.setInt32(12, type, true);
  return [...header, ...data, ...new Uint8Array(-data.length & 7)];
}

function received(chance: Chance): Uint8Array {
  const v4 = chance.once(2);
  const name = new Uint8Array(NAME_BYTES);
  name.set([v4 ? 2 : 10, 0, ...chance.bytes(v4 ? 6 : 26)]);
  const messages = [
    control(SOL_UDP, UDP_GRO, Uint8Array.of(chance.int(256), chance.int(6), 0, 0)),
    v4 ? control(SOL_IP, 8, chance.bytes(12)) : control(SOL_IPV6, 50, chance.bytes(20)),
    v4 ? control(SOL_IP, 1, chance.bytes(1)) : control(SOL_IPV6, 67, chance.bytes(4)),
  ].filter(() => !chance.once(4));
  const all = messages.flat();
  return Uint8Array.of(all.length & 255, all.length >> 8, 0, 0, ...name, ...all);
}

/** The length of the control messages (4 bytes), the address (32 bytes), the control messages. */
export const udpMessage: Target = {
  name: "udp-message",
  covers: ["lib/ports/udp_message.ts"],
  bytesMax: 4 + NAME_BYTES + CONTROL_BYTES,
  words: [Uint8Array.of(0x11, 0, 0, 0, 0x68, 0, 0, 0), Uint8Array.of(20, 0, 0, 0, 0, 0, 0, 0)],
  make: received,
  open() {
    const arena = new Arena(1 << 16);
    const at = arena.allocate(MSGHDR_BYTES);
    const message = new UdpMessage(arena, at);
    // The header has the addresses of the two areas that are allocated after it.
    const cellAt = arena.allocate(ENDPOINT_CELL_BYTES);
    const controlAt = cellAt - CONTROL_BYTES;
    const between = arena.view.getBigUint64(at + 32, true) - arena.view.getBigUint64(at, true);
    const nameAt = controlAt - Number(between);
    assert.ok(nameAt >= at + MSGHDR_BYTES && nameAt < controlAt, "the layout of the arena");
    return (input) => {
      message.prepare();
      arena.bytes.fill(0, nameAt, cellAt);
      arena.bytes.fill(0xee, cellAt, cellAt + ENDPOINT_CELL_BYTES + 64);
      arena.bytes.set(input.subarray(0, 4), at + CONTROL_LENGTH_AT);
      arena.bytes.set(input.subarray(4, 4 + NAME_BYTES), nameAt);
      arena.bytes.set(input.subarray(4 + NAME_BYTES), controlAt);
      const before = arena.bytes.slice(0, cellAt);
      message.readTo(cellAt);
      assert.deepEqual(arena.bytes.slice(0, cellAt), before, "it wrote elsewhere");
      assert.ok(
        arena.bytes.subarray(cellAt + ENDPOINT_CELL_BYTES).subarray(0, 64).every((b) => b === 0xee),
        "it wrote behind the cell",
      );
      assert.ok(Number.isInteger(message.segmentSize));
      assert.ok(message.ecn >= 0 && message.ecn <= 3);
      const source = readEndpointCell(arena.bytes, cellAt);
      assert.ok(source !== undefined, "a datagram without a source");
      const local = readLocalCell(arena.bytes, cellAt);
      return `${source.address.length} ${local?.address.length ?? 0}`;
    };
  },
};
