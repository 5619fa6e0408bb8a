/** The main isolate's part of a capture, with a real device. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import {
  RECORD,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_LENGTH,
} from "../../lib/base/capture_record.ts";
import { CaptureRing } from "../../lib/base/capture_ring.ts";
import { KEY_LENGTH } from "../../lib/base/constants.ts";
import { type CaptureParts, Captures, type RunningCapture } from "../../lib/daemon/capture.ts";
import { ENDPOINT_CELL_BYTES } from "../../lib/base/endpoint.ts";
import { ENETUNREACH } from "../../lib/base/errno.ts";
import { now } from "../../lib/runtime/clock.ts";
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

/** A device with one peer, and its captures. Commands for its data plane go to `command`. */
function benchWithCaptures(command: CaptureParts["command"] = () => {}) {
  const bench = new Bench(1).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  const captures = new Captures({
    device: bench.device,
    command,
    dataPlanes: 1,
    senders: 1,
    port: () => 51820,
    sourceTo: () => undefined,
  });
  return { bench, captures };
}

const ALL = { inner: true, handshakes: true, data: true, snap: 65_535, ranges: [], secrets: false };

Deno.test("a response comes after its initiation, also if it is there before the call returns", async () => {
  const memories: SharedArrayBuffer[] = [];
  const { bench, captures } = benchWithCaptures((commands) => {
    for (const one of commands) {
      if (one.type === "capture" && one.capture) memories.push(one.capture.memory);
    }
  });
  const capture = captures.begin({ ...ALL, peers: [] });
  const inbound = new CaptureRing(memories[0], 1);
  bench.clear();
  assert.ok(bench.want());
  const turnBegan = now();
  const response = new Uint8Array(92).fill(2);
  const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
  const errno = captures.sending(bench.datagrams[0], () => {
    inbound.put(RECORD.outer, 0, 0, turnBegan, -1, response, 0, response.length, cell, 0);
    return 0;
  });
  assert.equal(errno, 0);
  // What could not be sent is not recorded.
  assert.equal(captures.sending(bench.datagrams[0], () => ENETUNREACH), ENETUNREACH);
  const records = (await recordsOf(capture)).filter((one) => one[RECORD_KIND] === RECORD.outer);
  assert.deepEqual(
    records.map((one) => one[RECORD_HEAD_BYTES + ENDPOINT_CELL_BYTES]),
    [1, 2],
    "the first byte of a message is its type",
  );
});

Deno.test("a capture of one peer has nothing of a later peer in its slot, and no secrets of it", async () => {
  const { bench, captures } = benchWithCaptures();
  const { device } = bench;
  const capture = captures.begin({
    ...{ ...ALL, secrets: true },
    peers: [publicOf(2)],
  });
  const shake = () => {
    bench.clear();
    assert.ok(bench.want());
    for (const datagram of bench.datagrams) captures.sending(datagram, () => 0);
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
