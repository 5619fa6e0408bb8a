/**
 * Waiting in poll(2) without yielding, and the eventfd that ends the wait: what the data plane's
 * Worker sits in. Hot signatures only (pointers made beforehand, i32 results).
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

/**
 * A fixed number of places for descriptors that are waited on for input. A place of -1 is passed
 * over.
 */
export class PollSet {
  readonly #functions = functions();
  readonly #entries: DataView;
  readonly #pointer: Deno.PointerValue;
  readonly #count: bigint;
  readonly #places: number;
  readonly #time = new DataView(new ArrayBuffer(128));
  readonly #timePointer = Deno.UnsafePointer.of(this.#time);

  constructor(descriptors: readonly number[]) {
    // At least 128 bytes of their own, so that V8 keeps them outside its moving heap.
    const memory = new ArrayBuffer(Math.max(128, descriptors.length * ENTRY_BYTES));
    this.#entries = new DataView(memory);
    this.#pointer = Deno.UnsafePointer.of(memory);
    this.#count = BigInt(descriptors.length);
    this.#places = descriptors.length;
    descriptors.forEach((descriptor, place) => this.set(place, descriptor));
  }

  /** Puts a descriptor into a place. */
  set(place: number, descriptor: number): void {
    this.#entries.setInt32(place * ENTRY_BYTES, descriptor, true);
    this.#entries.setInt16(place * ENTRY_BYTES + 4, POLLIN, true);
    this.#entries.setInt16(place * ENTRY_BYTES + 6, 0, true);
  }

  /**
   * Blocks this thread until a descriptor has input or an error, or until the time is over (ms; 0
   * only looks). Returns how many have; a signal counts as none.
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
   * As `wait`, for some microseconds (below a second); what was found is not told. How exact it is
   * `setTimerSlack` decides.
   */
  nap(timeUs: number): void {
    // struct timespec: 64-bit seconds, 64-bit nanoseconds.
    this.#time.setUint32(8, timeUs * 1000, true);
    this.#functions.ppoll(this.#pointer, this.#count, this.#timePointer, null);
  }

  /** What the last `wait` found at a place: 0, or POLLIN, POLLERR, POLLHUP, POLLNVAL as bits. */
  found(place: number): number {
    return this.#entries.getInt16(place * ENTRY_BYTES + 6, true);
  }
}

/** A counter in the kernel that another thread can wait for. */
export class EventFd {
  readonly #functions = functions();
  readonly #value = new BigUint64Array(new ArrayBuffer(128));
  readonly #pointer = Deno.UnsafePointer.of(this.#value);

  /** @param descriptor another thread's `descriptor`; without it a new one is made */
  constructor(readonly descriptor: number = libc.eventfd()) {
    if (descriptor < 0) throw new RangeError("eventfd: no descriptor left");
  }

  /** Makes it readable. */
  signal(): void {
    this.#functions.eventfd_write(this.descriptor, 1n);
  }

  /** Makes it unreadable again. */
  drain(): void {
    this.#functions.eventfd_read(this.descriptor, this.#pointer);
  }

  close(): void {
    libc.close(this.descriptor);
  }
}

/**
 * Reads a socket of datagrams empty and throws the content away; for sockets whose readability is
 * the whole message.
 */
export class DrainedSocket {
  readonly #memory = new Uint8Array(8192);

  constructor(readonly descriptor: number) {}

  /** At most `most` messages, so that a flood of them cannot hold the caller. */
  drain(most = 256): void {
    for (
      let i = 0;
      i < most && libc.recv(this.descriptor, this.#memory, libc.MSG_DONTWAIT) >= 0;
      i++
    );
  }
}
