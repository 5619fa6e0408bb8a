/**
 * OpenBSD's wg_data_io and wg_interface_io, as a program hands them to SIOCSWG.
 * @module
 */
import assert from "node:assert/strict";
import { changeOf, interfaceOf } from "../../../lib/openbsd/ioctl.ts";
import * as Codec from "../../../lib/openbsd/wg_data_codec.ts";
import { formatSet, parseSet } from "../../../lib/uapi/set.ts";
import type { Chance } from "../../random.ts";
import { randomFacts, randomStatus } from "../../uapi/random_change.ts";
import { parsed, type Target } from "../target.ts";

function structure(chance: Chance): Uint8Array {
  if (chance.once(8)) return Codec.encodeData("wg1", chance.int(2 ** 32), BigInt(chance.u32()));
  const io = interfaceOf({ ...randomStatus(chance, chance.int(3)), ...randomFacts(chance) });
  io.i_flags = chance.int(32);
  for (const peer of io.i_peers) peer.p_flags = chance.int(256);
  return Codec.encodeInterface(io);
}

/** A struct in the caller's memory. */
export const wgData: Target = {
  name: "wg-data",
  covers: ["lib/openbsd/"],
  bytesMax: 4_096,
  words: [Uint8Array.of(2, 0, 0, 0), Uint8Array.of(24, 0, 0, 0), new Uint8Array(24)],
  make: structure,
  open: () => (input) => {
    const data = parsed(() => Codec.decodeData(input), ({ name, size, pointer }) => {
      assert.ok(new TextEncoder().encode(name).length <= 3 * 16);
      // Larger numbers than 2^53 are not exact.
      if (Number.isSafeInteger(size) && /^[ -~]{0,15}$/.test(name)) {
        const again = Codec.decodeData(Codec.encodeData(name, size, pointer));
        assert.deepEqual(again, { name, size, pointer });
      }
      return "data";
    });
    const io = parsed(() => Codec.decodeInterface(input), (io) => {
      const again = Codec.decodeInterface(Codec.encodeInterface(io));
      const plain = io.i_peers.every((peer) =>
        Number.isSafeInteger(peer.p_txbytes) && Number.isSafeInteger(peer.p_rxbytes) &&
        Number.isSafeInteger(peer.p_last_handshake.tv_sec) &&
        Number.isSafeInteger(peer.p_last_handshake.tv_nsec) &&
        !peer.p_description.includes("\ufffd") &&
        new TextEncoder().encode(peer.p_description).length < 64
      );
      if (plain) assert.deepEqual(again, io, "a struct is another one after it was encoded");
      return parsed(() => changeOf(io), (change) => {
        const lines = formatSet(change).split("\n").slice(0, -1);
        const { peers = [], ...rest } = change;
        const expected = peers.length === 0 ? rest : change;
        assert.deepEqual(parseSet(lines), expected, "a change is another one after it was printed");
        return "change";
      });
    });
    return `${data}, ${io}`;
  },
};
