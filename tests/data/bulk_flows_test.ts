/** Marks of flows: how long they last, and which packets belong to one flow. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { BULK_FLOWS_BYTES, BulkFlows } from "../../lib/data/bulk_flows.ts";
import { Chance, trial } from "../random.ts";

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
/** Different flows share a mark once in a thousand times. */
const SHARED_MAX = 8;
const FLOWS = 500;

interface Flow {
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const reversed = (flow: Flow): Flow => ({
  ...flow,
  source: flow.destination,
  destination: flow.source,
  sourcePort: flow.destinationPort,
  destinationPort: flow.sourcePort,
});

/** A packet of a flow. All that does not belong to the flow is left to chance. */
function packetOf(flow: Flow, chance: Chance): Uint32Array {
  const bytes = chance.bytes(64);
  const v6 = flow.source.length === 16;
  bytes[0] = v6 ? 0x60 | bytes[0] & 15 : 0x45;
  bytes[v6 ? 6 : 9] = flow.protocol;
  bytes.set(flow.source, v6 ? 8 : 12);
  bytes.set(flow.destination, v6 ? 24 : 16);
  if (flow.protocol === TCP || flow.protocol === UDP) {
    const view = new DataView(bytes.buffer);
    view.setUint16(v6 ? 40 : 20, flow.sourcePort);
    view.setUint16(v6 ? 42 : 22, flow.destinationPort);
  }
  return new Uint32Array(bytes.buffer);
}

function flowBy(chance: Chance, v6: boolean, protocol: number): Flow {
  const bytes = v6 ? 16 : 4;
  return {
    protocol,
    source: chance.bytes(bytes),
    destination: chance.bytes(bytes),
    sourcePort: chance.int(65_536),
    destinationPort: chance.int(65_536),
  };
}

const at = (ms: number) => milliseconds(ms);
const FLOW: Flow = {
  protocol: TCP,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort: 40_000,
  destinationPort: 443,
};

Deno.test("a mark lasts until the sixth tick of 256 ms after time 0, and again when it is renewed", () => {
  const flows = new BulkFlows();
  const packet = packetOf(FLOW, Chance.of(1));
  assert.equal(flows.has(packet, 0, at(0)), false);
  flows.mark(packet, 0, at(0));
  assert.equal(flows.has(packet, 0, at(0)), true);
  assert.equal(flows.has(packet, 0, at(1_535)), true);
  assert.equal(flows.has(packet, 0, at(1_536)), false);
  flows.mark(packet, 0, at(1_536));
  assert.equal(flows.has(packet, 0, at(1_536 + 1_024 + 255)), true);
  assert.equal(flows.has(packet, 0, at(1_536 + 1_536)), false);
});

Deno.test("a mark lasts as long where the count of ticks passes 2^31", () => {
  const flows = new BulkFlows();
  const packet = packetOf(FLOW, Chance.of(1));
  const end = 2 ** 31 * 256;
  flows.mark(packet, 0, at(end - 1));
  assert.equal(flows.has(packet, 0, at(end + 512)), true);
  assert.equal(flows.has(packet, 0, at(end + 2_048)), false);
});

Deno.test("the packets of a flow share its mark in both directions, whatever else they carry", () => {
  trial((chance) => {
    for (const v6 of [false, true]) {
      for (const protocol of [TCP, UDP, v6 ? ICMPV6 : ICMP]) {
        for (let i = 0; i < 50; i++) {
          const flows = new BulkFlows();
          const flow = flowBy(chance, v6, protocol);
          flows.mark(packetOf(flow, chance), 0, at(1));
          assert.ok(flows.has(packetOf(flow, chance), 0, at(1)));
          assert.ok(flows.has(packetOf(reversed(flow), chance), 0, at(1)));
        }
      }
    }
  });
});

Deno.test("flows that differ in one address, one port or the protocol have marks of their own", () => {
  trial((chance) => {
    const others: Readonly<Record<string, (flow: Flow) => Flow>> = {
      source: (flow) => ({ ...flow, source: chance.bytes(flow.source.length) }),
      destination: (flow) => ({ ...flow, destination: chance.bytes(flow.source.length) }),
      "source port": (flow) => ({ ...flow, sourcePort: chance.int(65_536) }),
      "destination port": (flow) => ({ ...flow, destinationPort: chance.int(65_536) }),
      protocol: (flow) => ({ ...flow, protocol: flow.protocol === TCP ? UDP : TCP }),
    };
    for (const [name, other] of Object.entries(others)) {
      for (const v6 of [false, true]) {
        let shared = 0;
        for (let i = 0; i < FLOWS; i++) {
          const flows = new BulkFlows();
          const flow = flowBy(chance, v6, chance.oneOf([TCP, UDP]));
          flows.mark(packetOf(flow, chance), 0, at(1));
          if (flows.has(packetOf(other(flow), chance), 0, at(1))) shared++;
        }
        assert.ok(shared <= SHARED_MAX, `another ${name}, IPv${v6 ? 6 : 4}: ${shared} of ${FLOWS}`);
      }
    }
  });
});

Deno.test("flows are spread over the whole table", () => {
  trial((chance) => {
    const shared = new SharedArrayBuffer(BULK_FLOWS_BYTES);
    const flows = new BulkFlows(shared);
    for (let i = 0; i < 10_000; i++) {
      flows.mark(packetOf(flowBy(chance, chance.once(2), UDP), chance), 0, at(1));
    }
    const marks = new Int32Array(shared).filter((mark) => mark !== 0);
    assert.ok(marks.length > 1_000, `${marks.length} of 1024`);
  });
});

Deno.test("a thousand flows have marks in the table of another thread, and a packet's place", () => {
  trial((chance) => {
    const shared = new SharedArrayBuffer(BULK_FLOWS_BYTES);
    assert.equal(BULK_FLOWS_BYTES, 4_096);
    const here = new BulkFlows(shared), there = new BulkFlows(shared);
    for (let i = 0; i < 1_000; i++) {
      const packet = packetOf(flowBy(chance, chance.once(2), TCP), chance);
      const place = 4 * chance.int(5);
      const memory = new Uint32Array(packet.length + 5);
      memory.set(packet, place / 4);
      here.mark(memory, place, at(1));
      assert.ok(there.has(packet, 0, at(1)));
    }
  });
});
