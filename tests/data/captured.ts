/**
 * Captures of a data plane: begins one and reads its records.
 * @module
 */
import { CAPTURE_SNAP_MAX, type CaptureFilter } from "../../lib/base/capture_filter.ts";
import {
  RECORD,
  RECORD_CAPTURED,
  RECORD_DIRECTION,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_ORIGINAL,
  RECORD_PEER,
  RECORD_TIME,
  RECORD_TOS,
  SENT,
} from "../../lib/base/capture_record.ts";
import { captureMemoryBytes, CaptureRing } from "../../lib/base/capture_ring.ts";
import { dataPlanesOf } from "../../lib/base/data_planes.ts";
import { ENDPOINT_CELL_BYTES, readEndpointCell } from "../../lib/base/endpoint.ts";
import { WORKERS } from "./worker_forms.ts";
import type { Side } from "./two_sides.ts";

const EVERYTHING: CaptureFilter = {
  inner: true,
  handshakes: true,
  data: true,
  peers: undefined,
  ranges: [],
  snap: CAPTURE_SNAP_MAX,
};

/** A record of a capture. */
export interface Recorded {
  /** One of RECORD. */
  readonly kind: number;
  readonly sent: boolean;
  readonly peer: number;
  readonly tos: number;
  readonly time: number;
  readonly original: number;
  readonly bytes: Uint8Array;
  readonly port: number | undefined;
}

/** Begins a capture of a side. Returns what takes its records. */
export function capture(side: Side, filter: Partial<CaptureFilter> = {}): () => Recorded[] {
  const memory = new SharedArrayBuffer(captureMemoryBytes(WORKERS));
  const { senders } = dataPlanesOf(WORKERS);
  const wanted = { ...EVERYTHING, ...filter };
  side.apply({ type: "capture", capture: { memory, senders, filter: wanted } });
  const rings = Array.from({ length: WORKERS }, (_, i) => new CaptureRing(memory, i + 1));
  return () => {
    const taken: Recorded[] = [];
    for (const ring of rings) {
      const into = new Uint8Array(80_000);
      for (let length = ring.takeTo(into, 0); length > 0; length = ring.takeTo(into, 0)) {
        taken.push(recorded(into.slice(0, length)));
      }
    }
    return taken;
  };
}

function recorded(record: Uint8Array): Recorded {
  const view = new DataView(record.buffer);
  const kind = record[RECORD_KIND];
  const isOuter = kind === RECORD.outer;
  const at = RECORD_HEAD_BYTES + (isOuter ? ENDPOINT_CELL_BYTES : 0);
  return {
    kind,
    sent: record[RECORD_DIRECTION] === SENT,
    tos: record[RECORD_TOS],
    time: view.getFloat64(RECORD_TIME, true),
    peer: view.getInt32(RECORD_PEER, true),
    original: view.getUint32(RECORD_ORIGINAL, true),
    bytes: record.slice(at, at + view.getUint32(RECORD_CAPTURED, true)),
    port: isOuter ? readEndpointCell(record, RECORD_HEAD_BYTES)?.port : undefined,
  };
}
