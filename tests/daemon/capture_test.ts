/** The main isolate's part of a capture, with a real device. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import {
  RECORD,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_LENGTH,
} from "../../lib/base/capture_record.ts";
import { KEY_LENGTH } from "../../lib/base/constants.ts";
import { Captures, type RunningCapture } from "../../lib/daemon/capture.ts";
import { Bench, endpointOf, publicOf } from "../device/harness.ts";

/** The records that are left of a capture, which it ends. */
async function recordsOf(capture: RunningCapture): Promise<Uint8Array[]> {
  capture.close();
  const records: Uint8Array[] = [];
  for (let bytes = await capture.next(); bytes !== undefined; bytes = await capture.next()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length;) {
      const length = view.getUint32(at + RECORD_LENGTH, true);
      records.push(bytes.slice(at, at + length));
      at += length;
    }
  }
  return records;
}

Deno.test("a capture of one peer has nothing of a later peer in its slot, and no secrets of it", async () => {
  const bench = new Bench(1).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  const { device } = bench;
  const captures = new Captures({
    device,
    command: () => {},
    dataPlanes: 1,
    senders: 1,
    port: () => 51820,
    sourceTo: () => undefined,
  });
  const capture = captures.begin({
    ...{ inner: true, handshakes: true, data: true, snap: 65_535, ranges: [], secrets: true },
    peers: [publicOf(2)],
  });
  const shake = () => {
    bench.clear();
    assert.ok(bench.want());
    for (const datagram of bench.datagrams) captures.sent(datagram);
    assert.equal(bench.datagrams.length, 1);
  };
  shake();
  const slot = device.slotOf(publicOf(2));
  device.configure({ peers: [{ publicKey: publicOf(2), remove: true }] }, bench.now);
  bench.now = milliseconds(bench.now + 60_000);
  device.configure({
    peers: [{ publicKey: publicOf(3), endpoint: endpointOf(3) }],
  }, bench.now);
  bench.collect();
  assert.equal(device.slotOf(publicOf(3)), slot, "the slot is used again");
  shake();

  const records = await recordsOf(capture);
  const ofKind = (kind: number) => records.filter((record) => record[RECORD_KIND] === kind);
  assert.equal(ofKind(RECORD.outer).length, 1);
  const peersOfSecrets = ofKind(RECORD.secrets).map((record) =>
    record.slice(RECORD_HEAD_BYTES + KEY_LENGTH, RECORD_HEAD_BYTES + 2 * KEY_LENGTH).toHex()
  );
  assert.deepEqual(peersOfSecrets, ["00".repeat(KEY_LENGTH), publicOf(2).toHex()]);
});
