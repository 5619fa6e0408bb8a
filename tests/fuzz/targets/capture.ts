/**
 * Captures: what a client asks for, and the records that it reads.
 * @module
 */
import assert from "node:assert/strict";
import type { PublicKey } from "../../../lib/base/brands.ts";
import { RECORD } from "../../../lib/base/capture_record.ts";
import { captureMemoryBytes, CaptureRing, CONTROL_RING } from "../../../lib/base/capture_ring.ts";
import { ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../../lib/base/endpoint.ts";
import { RecordReader } from "../../../lib/cli/tcpdump/packet.ts";
import { pcapngPacket } from "../../../lib/cli/tcpdump/pcapng.ts";
import { packetLine, packetObject } from "../../../lib/cli/tcpdump/text.ts";
import { formatCapture, parseCapture } from "../../../lib/uapi/capture.ts";
import { parsed, type Target, textTarget } from "../target.ts";

/** The lines of the operation `capture`. */
export const uapiCapture: Target = textTarget({
  name: "uapi-capture",
  covers: ["lib/uapi/capture.ts", "lib/base/ip_text.ts"],
  bytesMax: 4_096,
  words: [
    "layers=",
    "layers=inner data\n",
    "snap=",
    "public_key=",
    "range=10.0.0.0/8\n",
    "range=fd00::/",
    "secrets=true\n",
    "aa".repeat(32),
  ],
  make: (chance) =>
    formatCapture({
      inner: chance.once(2),
      handshakes: chance.once(2),
      data: true,
      snap: 1 + chance.int(65_535),
      peers: Array.from(
        { length: chance.int(3) },
        () => new Uint8Array(32).fill(chance.int(256)) as PublicKey,
      ),
      ranges: Array.from({ length: chance.int(3) }, () => ({
        address: new Uint8Array(4).fill(chance.int(256)),
        prefix: 32,
      })),
      secrets: chance.once(2),
    }),
  feed: (text) =>
    parsed(() => parseCapture(text.split("\n").slice(0, -1)), (request) => {
      const lines = formatCapture(request).split("\n").slice(0, -1);
      assert.deepEqual(
        parseCapture(lines),
        request,
        "a request is another one after it was printed",
      );
      return `${Math.min(2, request.ranges.length)} ranges`;
    }),
});

const RECORDS_BYTES = 4_096;

/** A record, of which a line, an object and a block are made. */
export const captureRecord: Target = {
  name: "capture-record",
  covers: ["lib/cli/tcpdump/"],
  bytesMax: RECORDS_BYTES,
  make(chance) {
    const ring = new CaptureRing(new SharedArrayBuffer(captureMemoryBytes(1)), CONTROL_RING);
    const address = chance.bytes(chance.oneOf([4, 16]));
    const local = { address: chance.bytes(chance.oneOf([4, 16])), interfaceIndex: 0 };
    const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
    const endpoint = { address, port: chance.int(65_536), scope: 0 };
    writeEndpointCell(cell, 0, endpoint, chance.once(2) ? local : undefined);
    const packet = chance.bytes(chance.oneOf([1, 20, 32, 60, 148, 1420]));
    packet[0] = chance.oneOf([0x45, 0x4f, 0x60, 1, 4]);
    if (packet.length > 9) packet[9] = chance.oneOf([1, 6, 17, 58, 47]);
    const kind = chance.oneOf(Object.values(RECORD).filter((one) => one !== RECORD.end));
    ring.put(kind, chance.int(2), 0, 1, chance.int(3) - 1, packet, 0, packet.length, cell, 0);
    const into = new Uint8Array(RECORDS_BYTES);
    return into.slice(0, ring.takeTo(into, 0));
  },
  open: () => (input) => {
    const reader = new RecordReader();
    const read = reader.read(input);
    if (read?.type !== "packet") return read?.type ?? "nothing";
    const { packet } = read;
    assert.ok(packet.bytes.length <= input.length);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(packetLine(packet, "time"), /[\x00-\x1f]/);
    JSON.parse(JSON.stringify(packetObject(packet)));
    const { length } = pcapngPacket(packet);
    assert.equal(length % 4, 0);
    return packet.layer;
  },
};
