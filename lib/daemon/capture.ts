/**
 * The capture of an interface, in the main isolate. It has the data planes record into rings, adds
 * the handshake messages that the control plane sends, and passes the records on in the order of
 * their times to the client that asked. At most one capture is on.
 * @module
 */
import { type PeerSlot, peerSlot, type PublicKey } from "../base/brands.ts";
import type { CaptureFilter } from "../base/capture_filter.ts";
import {
  HANDSHAKE_SECRETS_BYTES,
  RECORD,
  RECORD_BYTES_MAX,
  RECORD_CAPTURED,
  RECORD_DIRECTION,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_ORIGINAL,
  RECORD_PEER,
  RECORD_PORT,
  RECORD_TIME,
  recordBytes,
  SENT,
} from "../base/capture_record.ts";
import { captureMemoryBytes, CaptureRing, CONTROL_RING } from "../base/capture_ring.ts";
import { HANDSHAKE_TOS, KEY_LENGTH } from "../base/constants.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type IpBytes,
  readEndpointCell,
  writeEndpointCell,
} from "../base/endpoint.ts";
import { EBUSY, osError } from "../base/errno.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import { ConfigError } from "../base/errors.ts";
import type { DataCommand } from "../base/messages.ts";
import type { Device, HandshakeSecrets, OutgoingDatagram } from "../device/device.ts";
import { now, wallClock } from "../runtime/clock.ts";
import type { CaptureRequest } from "../uapi/capture.ts";

/** How often the rings are read while they are empty. */
const READ_EVERY_MS = 20;
/** Bytes that are sent to the client at once, at most. */
const CHUNK_BYTES = 256 * 1024;
/** Bytes of the longest record of a peer: its key, and a description of at most 255 bytes. */
const PEER_RECORD_MAX = recordBytes(RECORD.peer, KEY_LENGTH + 255);
/** How long the source address of a route is remembered, and how many are. */
const SOURCES_MS = 1_000;
const SOURCES_MAX = 1_024;

/** The parts of an interface that a capture uses. */
export interface CaptureParts {
  readonly device: Device;
  /** Sends commands to the data planes. */
  readonly command: (commands: readonly DataCommand[]) => void;
  /** How many data planes there are, and how many of them send. */
  readonly dataPlanes: number;
  readonly senders: number;
  /** The port of the UDP sockets. */
  readonly port: () => number;
  /** The address from which the kernel sends to an endpoint, if it has a route. */
  readonly sourceTo: (endpoint: Endpoint) => IpBytes | undefined;
}

/** The captures of one interface. */
export class Captures {
  readonly #parts: CaptureParts;
  #running: RunningCapture | undefined;

  constructor(parts: CaptureParts) {
    this.#parts = parts;
  }

  /**
   * Begins a capture.
   * @throws OsError EBUSY while another one is on
   * @throws ConfigError for a peer that the interface does not have
   */
  begin(request: CaptureRequest): RunningCapture {
    if (this.#running !== undefined) {
      throw osError("capture", "interface", EBUSY, "another capture is running");
    }
    const capture = new RunningCapture(this.#parts, request, () => this.#running = undefined);
    this.#running = capture;
    return capture;
  }

  /**
   * Sends a handshake message and records it. The record is made first: the answer may be there
   * before the call returns.
   * @param send returns 0 or an errno, with which nothing is recorded
   * @returns what `send` returned
   */
  sending(datagram: OutgoingDatagram, send: () => number): number {
    return this.#running === undefined ? send() : this.#running.sending(datagram, send);
  }

  /** Ends the capture that is on. */
  close(): void {
    this.#running?.close();
  }
}

/** A capture that is on. */
export class RunningCapture {
  readonly #parts: CaptureParts;
  readonly #filter: CaptureFilter;
  /** The public keys of the wanted peers by slot, for a slot gets another peer later. */
  readonly #wanted: ReadonlyMap<PeerSlot, PublicKey> | undefined;
  readonly #ended: () => void;
  readonly #own: CaptureRing;
  readonly #rings: readonly CaptureRing[];
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #view = new DataView(this.#chunk.buffer);
  /** Bytes of the chunk that the client is sent. They are erased afterwards. */
  #used = 0;
  readonly #cell = new Uint8Array(ENDPOINT_CELL_BYTES);
  /** The public key of the peer in each slot, as the client was told. */
  readonly #told = new Map<number, Uint8Array>();
  #toldDropped = 0;
  readonly #sources = new Map<string, IpBytes | undefined>();
  #sourcesAt = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(parts: CaptureParts, request: CaptureRequest, ended: () => void) {
    const { peers: keys, secrets, ...rest } = request;
    const { device } = parts;
    const wanted = new Map(keys.map((key) => {
      const slot = device.slotOf(key);
      const publicKey = slot === undefined ? undefined : device.peerAt(slot)?.publicKey;
      if (slot !== undefined && publicKey !== undefined) return [slot, publicKey];
      throw new ConfigError("peer", "the interface has no peer with this public key");
    }));
    this.#wanted = wanted.size === 0 ? undefined : wanted;
    const filter = { ...rest, peers: this.#wanted && [...wanted.keys()] };
    const { dataPlanes, senders } = parts;
    const memory = new SharedArrayBuffer(captureMemoryBytes(dataPlanes));
    this.#parts = parts;
    this.#filter = filter;
    this.#ended = ended;
    this.#own = new CaptureRing(memory, CONTROL_RING, filter.snap);
    this.#rings = [
      ...Array.from({ length: dataPlanes }, (_, index) => new CaptureRing(memory, index + 1)),
      this.#own,
    ];
    if (secrets) device.onHandshakeSecrets((one) => this.#keep(one));
    parts.command([{ type: "capture", capture: { memory, senders, filter } }]);
  }

  /** Sends a handshake message and records it; see `Captures.sending`. */
  sending(datagram: OutgoingDatagram, send: () => number): number {
    const mark = this.#own.mark;
    if (!this.#filter.handshakes || !this.#concerns(datagram.peer)) return send();
    const isRecorded = this.#record(datagram);
    const errno = send();
    if (errno !== 0 && isRecorded) this.#own.withdraw(mark);
    return errno;
  }

  #record({ bytes, endpoint, local, peer }: OutgoingDatagram): boolean {
    writeEndpointCell(this.#cell, 0, endpoint, local);
    return this.#own.put(
      RECORD.outer,
      SENT,
      HANDSHAKE_TOS,
      now(),
      peer,
      bytes,
      0,
      bytes.length,
      this.#cell,
      0,
    );
  }

  /**
   * Waits for the next records. The bytes are valid until the next call.
   * @returns undefined when the capture has ended
   */
  async next(): Promise<Uint8Array | undefined> {
    this.#chunk.fill(0, 0, this.#used);
    while (true) {
      this.#used = this.#collect();
      if (this.#used > 0) return this.#chunk.subarray(0, this.#used);
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, READ_EVERY_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /**
   * Ends the capture. `next` then returns the records that are left. Call it again when nobody
   * reads any more, so that no secrets are kept.
   */
  close(): void {
    if (this.#closed) {
      while (this.#own.takeTo(this.#chunk, 0) > 0);
      this.#chunk.fill(0);
      return;
    }
    this.#closed = true;
    this.#parts.device.onHandshakeSecrets(undefined);
    this.#parts.command([{ type: "capture", capture: undefined }]);
    this.#wake?.();
    this.#ended();
  }

  #concerns(peer: PeerSlot): boolean {
    const key = this.#wanted?.get(peer);
    if (key === undefined) return this.#wanted === undefined;
    return this.#parts.device.peerAt(peer)?.publicKey === key;
  }

  /** Keeps the secrets of a handshake until the client is sent them, which is soon. */
  #keep({ privateKey, handshake }: HandshakeSecrets): void {
    const peer = handshake?.peer;
    if (peer !== undefined && !this.#concerns(peer)) return;
    const bytes = new Uint8Array(HANDSHAKE_SECRETS_BYTES);
    bytes.set(privateKey);
    if (handshake !== undefined) {
      const { peerPublicKey, ephemeralPrivate, presharedKey } = handshake;
      bytes.set(peerPublicKey, KEY_LENGTH);
      bytes.set(ephemeralPrivate, 2 * KEY_LENGTH);
      bytes.set(presharedKey, 3 * KEY_LENGTH);
    }
    this.#own.put(RECORD.secrets, SENT, 0, now(), peer ?? -1, bytes, 0, bytes.length, bytes, 0);
    bytes.fill(0);
  }

  /** Moves records to the chunk, the oldest first. Returns the bytes in it. */
  #collect(): number {
    // A later record may follow from one that is put while the rings are looked at.
    const until = this.#own.latestTime;
    const toWall = Number(wallClock()) / 1e6 - now();
    const port = this.#parts.port();
    let at = 0;
    while (at + RECORD_BYTES_MAX + PEER_RECORD_MAX + RECORD_HEAD_BYTES < CHUNK_BYTES) {
      const ring = this.#oldest(until);
      if (ring === undefined) break;
      const length = ring.takeTo(this.#chunk, at);
      if (length === 0) break;
      const slot = this.#view.getInt32(at + RECORD_PEER, true);
      const told = slot < 0 ? 0 : this.#tell(slot, at, length);
      at += told;
      this.#complete(at, toWall, port);
      at += length;
    }
    const dropped = this.#rings.reduce((sum, ring) => sum + ring.dropped, 0);
    if (dropped !== this.#toldDropped) {
      this.#toldDropped = dropped;
      at += this.#putHead(at, RECORD.dropped, -1, dropped, 0);
    }
    return at;
  }

  /** The ring with the oldest record, if that is not later than `until`. */
  #oldest(until: number): CaptureRing | undefined {
    let oldest: CaptureRing | undefined;
    let time = Infinity;
    for (const ring of this.#rings) {
      const next = ring.nextTime;
      if (next > until || next >= time) continue;
      time = next;
      oldest = ring;
    }
    return oldest;
  }

  /** Completes a record with what only the main isolate knows. */
  #complete(at: number, toWall: number, port: number): void {
    const view = this.#view;
    view.setFloat64(at + RECORD_TIME, view.getFloat64(at + RECORD_TIME, true) + toWall, true);
    view.setUint32(at + RECORD_PORT, port, true);
    const cellAt = at + RECORD_HEAD_BYTES;
    if (this.#chunk[at + RECORD_KIND] !== RECORD.outer) return;
    if (this.#chunk[at + RECORD_DIRECTION] !== SENT || this.#chunk[cellAt + 1] !== 0) return;
    // The kernel has chosen the source of this datagram.
    const endpoint = readEndpointCell(this.#chunk, cellAt);
    const address = endpoint && this.#sourceTo(endpoint);
    if (address === undefined) return;
    writeEndpointCell(this.#chunk, cellAt, endpoint, { address, interfaceIndex: 0 });
  }

  #sourceTo(endpoint: Endpoint): IpBytes | undefined {
    const at = performance.now();
    if (at - this.#sourcesAt > SOURCES_MS || this.#sources.size >= SOURCES_MAX) {
      this.#sources.clear();
      this.#sourcesAt = at;
    }
    const text = formatEndpoint(endpoint);
    if (!this.#sources.has(text)) this.#sources.set(text, this.#parts.sourceTo(endpoint));
    return this.#sources.get(text);
  }

  /**
   * Inserts the record of a peer before the record of `length` bytes at `at`, unless the client was
   * told it. Returns its bytes.
   */
  #tell(slot: number, at: number, length: number): number {
    const peer = this.#parts.device.peerAt(peerSlot(slot));
    if (peer === undefined || this.#told.get(slot) === peer.publicKey) return 0;
    this.#told.set(slot, peer.publicKey);
    const name = new TextEncoder().encode(peer.description).subarray(0, 255);
    const captured = KEY_LENGTH + name.length;
    const bytes = recordBytes(RECORD.peer, captured);
    this.#chunk.copyWithin(at + bytes, at, at + length);
    this.#putHead(at, RECORD.peer, slot, captured, captured);
    this.#chunk.set(peer.publicKey, at + RECORD_HEAD_BYTES);
    this.#chunk.set(name, at + RECORD_HEAD_BYTES + KEY_LENGTH);
    return bytes;
  }

  #putHead(at: number, kind: number, slot: number, original: number, captured: number): number {
    const length = recordBytes(kind, captured);
    this.#chunk.fill(0, at, at + length);
    this.#view.setUint32(at + RECORD_LENGTH, length, true);
    this.#chunk[at + RECORD_KIND] = kind;
    this.#view.setInt32(at + RECORD_PEER, slot, true);
    this.#view.setUint32(at + RECORD_ORIGINAL, original, true);
    this.#view.setUint32(at + RECORD_CAPTURED, captured, true);
    return length;
  }
}
