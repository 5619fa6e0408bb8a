/**
 * Packets on their way from the tunnel to the program, which may take its time.
 * @module
 */

/** Packets that wait while the program is busy with an earlier one; further ones are dropped. */
export const INBOX_PACKETS_MAX = 1024;
/** Bytes that these packets have together; further ones are dropped. */
export const INBOX_BYTES_MAX = 8 << 20;

/**
 * Hands packets to a callback one at a time: while the promise that it returned is pending, later
 * packets wait.
 */
export class Inbox {
  /** Packets that found the inbox full. */
  dropped = 0;
  readonly #onPacket: (packet: Uint8Array) => void | PromiseLike<void>;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  #busy = false;
  #closed = false;

  /**
   * @param onPacket gets each packet; an error of it is reported as an uncaught one of the program
   * (`reportError`)
   */
  constructor(onPacket: (packet: Uint8Array) => void | PromiseLike<void>) {
    this.#onPacket = onPacket;
  }

  /** Adds a packet. Call `handOver` afterwards, when the callback may run. */
  put(packet: Uint8Array): void {
    const { length } = packet;
    if (
      this.#closed || this.#waiting.length >= INBOX_PACKETS_MAX ||
      this.#bytes + length > INBOX_BYTES_MAX
    ) {
      this.dropped++;
      return;
    }
    this.#waiting.push(packet);
    this.#bytes += length;
  }

  /** Gives the program what waits, until it is busy. */
  handOver(): void {
    while (!this.#busy) {
      const packet = this.#waiting.shift();
      if (packet === undefined) return;
      this.#bytes -= packet.length;
      try {
        const done = this.#onPacket(packet);
        if (typeof done?.then === "function") this.#waitFor(done);
      } catch (error) {
        reportError(error);
      }
    }
  }

  /** Drops what waits; the callback is not called any more. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = this.#bytes = 0;
  }

  #waitFor(done: PromiseLike<void>): void {
    this.#busy = true;
    const next = () => {
      this.#busy = false;
      this.handOver();
    };
    done.then(next, (error: unknown) => {
      reportError(error);
      next();
    });
  }
}
