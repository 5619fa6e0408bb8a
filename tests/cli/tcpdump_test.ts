/**
 * The words of `wg tcpdump`, and the packets, lines and blocks that it makes of records.
 * @module
 */
import assert from "node:assert/strict";
import { RECEIVED, RECORD, SENT } from "../../lib/base/capture_record.ts";
import { captureMemoryBytes, CaptureRing, CONTROL_RING } from "../../lib/base/capture_ring.ts";
import { ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../lib/base/endpoint.ts";
import { openCaptureFile } from "../../lib/cli/tcpdump/capture_file.ts";
import { type CapturedPacket, RecordReader } from "../../lib/cli/tcpdump/packet.ts";
import { pcapngHead, pcapngPacket } from "../../lib/cli/tcpdump/pcapng.ts";
import { packetLine, packetObject } from "../../lib/cli/tcpdump/text.ts";
import { parseTcpdump } from "../../lib/cli/tcpdump/words.ts";
import { internetChecksum, makePacket } from "../data/packets.ts";

Deno.test("a line prints without outer data; a file has everything; inner and outer choose", () => {
  const layers = (words: string) => {
    const { inner, handshakes, data } = parseTcpdump(["wg1", ...words.split(" ")]).layers;
    return [inner, handshakes, data];
  };
  assert.deepEqual(layers("-c 1"), [true, true, false]);
  assert.deepEqual(layers("-w x"), [true, true, true]);
  assert.deepEqual(layers("inner"), [true, false, false]);
  assert.deepEqual(layers("-w x inner"), [true, false, false]);
  assert.deepEqual(layers("outer"), [false, true, true]);
});

Deno.test("wrong words are named, with what is required", () => {
  for (
    const [words, expected] of [
      ["", /an interface is required/],
      ["-c 5", /an interface is required/],
      ["wg1 -w", /-w: a file is required after it/],
      ["wg1 -s 0", /-s: "0" is out of range; 1 to 65535 is required/],
      ["wg1 net 10.0.0.0/33", /net: "10\.0\.0\.0\/33" is no prefix/],
      ["wg1 host 10.0.0.0/8", /host: "10\.0\.0\.0\/8" is no IP address/],
      ["wg1 inner outer", /outer: inner excludes it/],
      ["wg1 --json -w x", /--json: it cannot be used with -w/],
      ["wg1 --secrets", /--secrets: a file \(-w\) with outer datagrams is required/],
      ["wg1 --secrets -w x inner", /--secrets: a file/],
      ["wg1 port 5", /port: unknown word/],
      [`wg1 ${"host 10.0.0.1 ".repeat(65).trim()}`, /at most 64 peers or ranges/],
    ] as const
  ) {
    assert.throws(() => parseTcpdump(words === "" ? [] : words.split(" ")), expected, words);
  }
});

/** Passes a packet through a ring and a reader. */
function through(
  kind: number,
  direction: number,
  bytes: Uint8Array,
  outer?: { readonly remote: Uint8Array; readonly local: Uint8Array },
  captured = bytes.length,
): CapturedPacket {
  const ring = new CaptureRing(
    new SharedArrayBuffer(captureMemoryBytes(1)),
    CONTROL_RING,
    captured,
  );
  const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
  if (outer !== undefined) {
    const local = { address: outer.local, interfaceIndex: 1 };
    writeEndpointCell(cell, 0, { address: outer.remote, port: 7222, scope: 0 }, local);
  }
  ring.put(kind, direction, 0x88, 1_700_000_000_123.456, -1, bytes, 0, bytes.length, cell, 0);
  const into = new Uint8Array(70_000);
  const record = into.subarray(0, ring.takeTo(into, 0));
  new DataView(into.buffer).setUint32(28, 7111, true);
  const read = new RecordReader().read(record);
  assert.ok(read?.type === "packet");
  return read.packet;
}

Deno.test("an outer datagram gets the headers that it had, with right checksums", () => {
  const datagram = new Uint8Array(149).map((_, i) => i);
  for (
    const [remote, local] of [
      [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(10, 0, 0, 1)],
      [new Uint8Array(16).fill(0x20), new Uint8Array(16).fill(0x30)],
    ]
  ) {
    for (const direction of [SENT, RECEIVED]) {
      const { bytes, original } = through(RECORD.outer, direction, datagram, { remote, local });
      const isV4 = remote.length === 4;
      const expected = makePacket({
        v6: !isV4,
        udp: true,
        source: 1,
        destination: 2,
        sourcePort: direction === SENT ? 7111 : 7222,
        destinationPort: direction === SENT ? 7222 : 7111,
        payload: datagram,
        tos: 0x88,
      });
      const [from, to] = direction === SENT ? [local, remote] : [remote, local];
      const at = isV4 ? 12 : 8;
      assert.equal(original, expected.length);
      assert.deepEqual(bytes.subarray(at, at + from.length), from);
      assert.deepEqual(bytes.subarray(at + from.length, at + 2 * from.length), to);
      const udp = at + 2 * from.length;
      assert.deepEqual(bytes.subarray(udp, udp + 6), expected.subarray(udp, udp + 6));
      if (isV4) assert.equal(internetChecksum(bytes.subarray(0, 20)), 0);
      const length = bytes.length - udp;
      const pseudo = Uint8Array.of(...from, ...to, 0, 0, length >>> 8, length & 255, 0, 0, 0, 17);
      assert.equal(internetChecksum(pseudo, bytes.subarray(udp)), 0);
    }
  }
});

Deno.test("lines and objects tell what a packet is, and end nowhere in cut ones", () => {
  const tcp = makePacket({
    v6: true,
    udp: false,
    source: 1,
    destination: 2,
    sourcePort: 443,
    destinationPort: 5000,
    payload: new Uint8Array(10),
    tcpFlags: 0x12,
  });
  const whole = through(RECORD.inner, RECEIVED, tcp);
  assert.equal(
    packetLine(whole, "T"),
    "T in - IP6 fd00::1.443 > fd00::2.5000: TCP [S.], length 10",
  );
  assert.deepEqual(packetObject(whole), {
    time: 1_700_000_000.123456,
    layer: "inner",
    direction: "in",
    peer: null,
    source: "fd00::1",
    destination: "fd00::2",
    sourcePort: 443,
    destinationPort: 5000,
    protocol: "tcp",
    what: "TCP [S.], length 10",
    length: 70,
  });
  for (let captured = 1; captured < tcp.length; captured++) {
    assert.match(
      packetLine(through(RECORD.inner, SENT, tcp, undefined, captured), "T"),
      /^T out - .*length \d+$/,
    );
  }
});

Deno.test("a name of a peer brings no control characters into lines and comments", () => {
  const packet = through(RECORD.inner, SENT, new Uint8Array(20).fill(0x45));
  const peer = { publicKey: new Uint8Array(32) as never, description: "a\x1b[31m\nb" };
  assert.match(packetLine({ ...packet, peer }, "T"), /^T out a\?\[31m\?b IP/);
  assert.ok(new TextDecoder().decode(pcapngPacket({ ...packet, peer })).includes("a?[31m?b"));
});

Deno.test("every block of a file has its length at both ends, a multiple of 4", () => {
  for (const name of ["w", "wg1", "wg1234567890123"]) {
    const bytes = pcapngHead(name, 65_535, "wg 0");
    const view = new DataView(bytes.buffer);
    let at = 0;
    let blocks = 0;
    for (; at < bytes.length; blocks++) {
      const length = view.getUint32(at + 4, true);
      assert.equal(length % 4, 0);
      assert.equal(view.getUint32(at + length - 4, true), length);
      at += length;
    }
    assert.deepEqual([at, blocks], [bytes.length, 3]);
  }
});

Deno.test("a capture is in a new file: not behind a link, nor in one that somebody has open", async () => {
  const folder = Deno.makeTempDirSync();
  const write = async (path: string) => {
    using file = await openCaptureFile(path);
    file.writeSync(new TextEncoder().encode("secret"));
  };
  try {
    const old = `${folder}/old`;
    Deno.writeTextFileSync(old, "old", { mode: 0o666 });
    using reader = Deno.openSync(old);
    Deno.symlinkSync(old, `${folder}/link`);
    Deno.symlinkSync(`${folder}/nothing`, `${folder}/loose`);
    for (const name of ["link", "loose"]) {
      await assert.rejects(write(`${folder}/${name}`), /-w: .* is a symbolic link/);
    }
    assert.equal(Deno.readTextFileSync(old), "old");
    await write(old);
    assert.equal(Deno.readTextFileSync(old), "secret");
    assert.equal(Deno.statSync(old).mode! & 0o777, 0o600);
    const bytes = new Uint8Array(16);
    assert.equal(new TextDecoder().decode(bytes.subarray(0, reader.readSync(bytes)!)), "old");
    Deno.symlinkSync("/dev/null", `${folder}/null`);
    await write(`${folder}/null`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
