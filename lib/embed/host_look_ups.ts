/**
 * Looks up the hosts of endpoints with the resolver of the runtime, which is that of the system: it
 * reads /etc/hosts too. It requires `--allow-net`.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import { parseIp } from "../base/ip_text.ts";
import type { NameAnswer } from "../device/device.ts";

/** The most look-ups at once. Others wait. */
const LOOK_UPS_AT_ONCE = 16;
/** How long an answer is awaited. */
const ANSWER_MS = 20_000;

/** Finds the addresses of a host, as text. It may reject. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** The look-ups of one tunnel. */
export class HostLookUps {
  readonly #answered: (host: string, answer: NameAnswer) => void;
  readonly #reaches: (address: IpBytes) => boolean;
  readonly #resolve: Resolve;
  readonly #waiting: string[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #closed = false;

  /**
   * @param answered takes the answer for a host, once for each `lookUp`, never within it
   * @param reaches whether the socket reaches an address
   */
  constructor(
    answered: (host: string, answer: NameAnswer) => void,
    reaches: (address: IpBytes) => boolean,
    resolve: Resolve = resolveBySystem,
  ) {
    this.#answered = answered;
    this.#reaches = reaches;
    this.#resolve = resolve;
  }

  /** Begins to look up a host. */
  lookUp(host: string): void {
    this.#waiting.push(host);
    this.#start();
  }

  /** Ends all look-ups. Nothing is answered afterwards, and what hangs is not waited for. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #start(): void {
    while (!this.#closed && this.#waiting.length > 0 && this.#timers.size < LOOK_UPS_AT_ONCE) {
      const host = this.#waiting.shift()!;
      const end = (answer: NameAnswer) => {
        if (!this.#timers.delete(timer)) return;
        clearTimeout(timer);
        this.#answered(host, answer);
        this.#start();
      };
      const timer = setTimeout(
        () => end({ problem: `no answer for ${ANSWER_MS / 1_000} seconds` }),
        ANSWER_MS,
      );
      this.#timers.add(timer);
      this.#resolve(host).then(
        (texts) => end(this.#answerOf(texts)),
        (error) => end({ problem: error instanceof Error ? error.message : String(error) }),
      );
    }
  }

  #answerOf(texts: readonly string[]): NameAnswer {
    const found = texts.map((text) => parseIp(text)).filter((address) => address !== undefined);
    const reached = found.filter((address) => this.#reaches(address));
    if (found.length > 0 && reached.length === 0) {
      return { problem: "the socket reaches no address of the name" };
    }
    return { addresses: reached.map((address) => ({ address, scope: 0 })) };
  }
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns");
  const found = Promise.withResolvers<readonly string[]>();
  lookup(host, { all: true }, (error, addresses) => {
    if (error) found.reject(error);
    else found.resolve(addresses.map(({ address }) => address));
  });
  return await found.promise;
}
