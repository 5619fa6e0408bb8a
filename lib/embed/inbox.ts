/**
 * The queue of packets from a tunnel to its program.
 * @module
 */

/**
 * The largest number of packets that wait while the program is busy. Further packets are dropped.
 */
export const INBOX_PACKETS_MAX = 1024;
/** The largest number of bytes that these packets have together. Further packets are dropped. */
export const INBOX_BYTES_MAX = 8 << 20;

/**
 * Passes packets to a callback one at a time. While the promise of the callback is pending, later
 * packets wait.
 */
export class Inbox {
  /** The number of packets that were dropped because the inbox was full. */
  dropped = 0;
  readonly #onPacket: (packet: Uint8Array) => void | PromiseLike<void>;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  #busy = false;
  #closed = false;

  /**
   * @param onPacket receives each packet. An error that it throws is reported as an uncaught error
   * of the program (`reportError`)
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

  /** Passes waiting packets to the program until the program is busy. */
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

  /** Drops all waiting packets. The callback is not called again. */
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
