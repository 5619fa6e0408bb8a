/**
 * Blocking poll(2) for the data plane's Worker, and the eventfd that wakes it. The signatures are
 * those that Deno compiles to direct calls.
 * @module
 */
import * as libc from "./libc.ts";
import { POLLIN } from "./structs.ts";

const ENTRY_BYTES = 8;

function open() {
  return libc.openLibc({
    poll: { parameters: ["pointer", "u64", "i32"], result: "i32" },
    ppoll: { parameters: ["pointer", "u64", "pointer", "pointer"], result: "i32" },
    eventfd_read: { parameters: ["i32", "pointer"], result: "i32" },
    eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  });
}

let symbols: ReturnType<typeof open> | undefined;
const functions = () => symbols ??= open();

/** An array of descriptors to poll for input. The kernel ignores an entry of -1. */
export class PollSet {
  readonly #functions = functions();
  readonly #entries: DataView;
  readonly #pointer: Deno.PointerValue;
  readonly #count: bigint;
  readonly #places: number;
  readonly #time = new DataView(new ArrayBuffer(128));
  readonly #timePointer = Deno.UnsafePointer.of(this.#time);

  constructor(descriptors: readonly number[]) {
    // V8 keeps buffers of 128 bytes and more outside of its heap, where they do not move.
    const memory = new ArrayBuffer(Math.max(128, descriptors.length * ENTRY_BYTES));
    this.#entries = new DataView(memory);
    this.#pointer = Deno.UnsafePointer.of(memory);
    this.#count = BigInt(descriptors.length);
    this.#places = descriptors.length;
    descriptors.forEach((descriptor, place) => this.set(place, descriptor));
  }

  /** Sets the descriptor of an entry. */
  set(place: number, descriptor: number): void {
    this.#entries.setInt32(place * ENTRY_BYTES, descriptor, true);
    this.#entries.setInt16(place * ENTRY_BYTES + 4, POLLIN, true);
    this.#entries.setInt16(place * ENTRY_BYTES + 6, 0, true);
  }

  /** Whether a place is waited on for input, as it is at first; for errors it always is. */
  listen(place: number, on: boolean): void {
    this.#entries.setInt16(place * ENTRY_BYTES + 4, on ? POLLIN : 0, true);
  }

  /**
   * Blocks this thread until a descriptor is ready, for at most `timeoutMs`. Returns the number of
   * ready descriptors, or 0 after a signal.
   */
  wait(timeoutMs: number): number {
    const ready = this.#functions.poll(this.#pointer, this.#count, timeoutMs);
    if (ready > 0) return ready;
    for (let place = 0; place < this.#places; place++) {
      this.#entries.setInt16(place * ENTRY_BYTES + 6, 0, true);
    }
    return 0;
  }

  /**
   * Blocks this thread until a descriptor is ready, for at most `timeUs` microseconds, less than a
   * second. It does not report descriptors. `setTimerSlack` sets the precision.
   */
  nap(timeUs: number): void {
    // struct timespec: 64-bit seconds, 64-bit nanoseconds.
    this.#time.setUint32(8, timeUs * 1000, true);
    this.#functions.ppoll(this.#pointer, this.#count, this.#timePointer, null);
  }

  /** The events of an entry after `wait`: bits of POLLIN, POLLERR, POLLHUP and POLLNVAL. */
  found(place: number): number {
    return this.#entries.getInt16(place * ENTRY_BYTES + 6, true);
  }
}

/** An eventfd(2), with which one thread wakes another. */
export class EventFd {
  readonly #functions = functions();
  readonly #value = new BigUint64Array(new ArrayBuffer(128));
  readonly #pointer = Deno.UnsafePointer.of(this.#value);

  /**
   * @param descriptor the `descriptor` of another thread's EventFd; by default a new one is made
   */
  constructor(readonly descriptor: number = libc.eventfd()) {
    if (descriptor < 0) throw new RangeError("eventfd: no descriptor left");
  }

  /** Makes the descriptor readable. */
  signal(): void {
    this.#functions.eventfd_write(this.descriptor, 1n);
  }

  /** Makes the descriptor unreadable again. */
  drain(): void {
    this.#functions.eventfd_read(this.descriptor, this.#pointer);
  }

  close(): void {
    libc.close(this.descriptor);
  }
}

/** A datagram socket whose content is discarded, because only its readability matters. */
export class DrainedSocket {
  readonly #memory = new Uint8Array(8192);

  constructor(readonly descriptor: number) {}

  /** Reads and discards at most `most` messages, so that a flood does not block the caller. */
  drain(most = 256): void {
    for (
      let i = 0;
      i < most && libc.recv(this.descriptor, this.#memory, libc.MSG_DONTWAIT) >= 0;
      i++
    );
  }
}
