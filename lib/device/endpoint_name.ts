/**
 * The name of a peer's endpoint: when it is looked up, and which of its addresses is tried next.
 * The look-up itself is outside; this is told its result. Times are in milliseconds.
 *
 * 1. A new name is looked up at once. While there is no address, it is looked up again after 1 s,
 *    2 s, 4 s and so on up to 60 s.
 * 2. Once there are addresses, a look-up is made only when the peer does not answer: not before
 *    15 s after the last one, then 30 s, then every 60 s. The first handshake after a pause has one
 *    too when the last answer is older than 5 minutes.
 * 3. The addresses are tried in turn, IPv6 and IPv4 alternately, a different one for each
 *    initiation that got no response. An address from which the peer was heard last is one of them.
 *    An address to which nothing can be sent from here costs no time.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import type { NameStatus } from "../base/config.ts";
import { type Endpoint, type IpBytes, sameEndpoint } from "../base/endpoint.ts";
import type { NamedEndpoint } from "../base/host_name.ts";
import { isMapped } from "../base/ip_text.ts";
import { NEVER, NOT_PENDING } from "../base/times.ts";

/** When a look-up that failed is repeated; the time doubles with each failure up to the maximum. */
export const FAILED_AGAIN_MS = 1_000;
/** How long after an answer a peer that does not answer has the next look-up; it doubles too. */
export const UNANSWERED_AGAIN_MS = 15_000;
/** The longest time between two look-ups that are wanted. */
export const AGAIN_MAX_MS = 60_000;
/** The age of an answer from which on a new handshake has the name looked up. */
export const ANSWER_AGE_MS = 300_000;
/** The part of the time until the next look-up that is random. */
const JITTER = 0.25;
/** How long addresses are skipped to which nothing can be sent, before all are tried again. */
const SKIPPED_MS = 1_000;
/** The most addresses of an answer that are used. */
export const NAME_ADDRESSES_MAX = 16;

/** An address of an answer. */
export interface FoundAddress {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** The interface index of a link-local IPv6 address, otherwise 0. */
  readonly scope: number;
}

/** The result of a look-up: addresses, the best one first, or why there are none. */
export type NameAnswer = { readonly addresses: readonly FoundAddress[] } | {
  readonly problem: string;
};

/** The name of one peer's endpoint. */
export class EndpointName {
  /** Whether a look-up is under way. */
  isAsked = false;
  /** When the next look-up is due by itself. */
  dueAt: Milliseconds = NOT_PENDING;
  /** The peer has not been heard since this time although it should have answered. */
  silentAt: Milliseconds = NEVER;
  #endpoints: readonly Endpoint[] = [];
  /** The endpoint from which the peer was last heard, when it is not one of the name's. */
  #heardFrom: Endpoint | undefined;
  #problem = "";
  #failures = 0;
  /** Answers since the last handshake that completed. */
  #answers = 0;
  #answeredAt: Milliseconds = NEVER;
  #notBefore: Milliseconds = NEVER;
  /** The addresses that were skipped since the time `#skippedSince`. */
  #skipped = 0;
  #skippedSince: Milliseconds = NEVER;

  constructor(readonly named: NamedEndpoint) {}

  /** The name and the result of the last look-up. */
  get status(): NameStatus {
    return {
      ...this.named,
      addresses: this.#endpoints.map(({ address }) => address),
      problem: this.#problem,
    };
  }

  /** Whether the name has no address yet. */
  get isUnknown(): boolean {
    return this.#endpoints.length === 0;
  }

  /** Whether a look-up may begin for a peer that does not answer. */
  mayAsk(now: Milliseconds): boolean {
    return !this.isAsked && now >= this.#notBefore;
  }

  /** Whether a look-up may begin for a new handshake: there is no answer, or an old one. */
  isAged(now: Milliseconds): boolean {
    return this.mayAsk(now) && (this.#problem !== "" || now - this.#answeredAt >= ANSWER_AGE_MS);
  }

  /** Call when a look-up begins. */
  asked(): void {
    this.isAsked = true;
    this.dueAt = NOT_PENDING;
  }

  /** Call when a look-up is to begin again at once, because what kept it from an answer is over. */
  forgetFailures(): void {
    this.#failures = 0;
    this.#notBefore = NEVER;
  }

  /**
   * Call when a look-up gave no address. Those of earlier answers stay.
   * @param chance from 0 to 1
   * @returns whether the problem is another than that of the last look-up
   */
  failed(problem: string, now: Milliseconds, chance: number): boolean {
    const isNew = problem !== this.#problem;
    this.isAsked = false;
    this.#problem = problem;
    this.#notBefore = again(now, FAILED_AGAIN_MS, this.#failures++, chance);
    if (this.isUnknown) this.dueAt = this.#notBefore;
    return isNew;
  }

  /**
   * Call with the answer of a look-up, which has at least one address of `usableAddresses`.
   * @param current the peer's endpoint
   * @returns where the peer is to move to if no session with it works; undefined when it stays
   */
  answered(
    found: readonly FoundAddress[],
    current: Endpoint | undefined,
    now: Milliseconds,
    chance: number,
  ): Endpoint | undefined {
    const before = this.#endpoints;
    const isFirst = before.length === 0;
    this.isAsked = false;
    this.#problem = "";
    this.#failures = 0;
    this.#answeredAt = now;
    this.#notBefore = again(now, UNANSWERED_AGAIN_MS, this.#answers++, chance);
    this.#endpoints = inTurn(found).map((one) => ({ ...one, port: this.named.port }));
    if (current === undefined || has(this.#endpoints, current)) {
      this.#heardFrom = undefined;
      return current === undefined ? this.#endpoints[0] : undefined;
    }
    // An address of the last answer that is not in this one is given up. Another one may be where
    // the peer was heard.
    const isOutdated = isFirst || has(before, current);
    this.#heardFrom = isOutdated ? undefined : current;
    return isOutdated ? this.#endpoints[0] : undefined;
  }

  /**
   * Call when an initiation got no response, and no session with the peer works.
   * @param current the peer's endpoint, to which the initiation went
   * @returns the endpoint for the next initiation; undefined when it is the same one
   */
  unanswered(current: Endpoint | undefined): Endpoint | undefined {
    if (this.isUnknown) return undefined;
    if (current !== undefined && !has(this.#endpoints, current)) this.#heardFrom = current;
    const all = this.#all();
    const at = current === undefined ? -1 : all.findIndex((one) => sameEndpoint(one, current));
    const next = all[(at + 1) % all.length];
    return current !== undefined && sameEndpoint(next, current) ? undefined : next;
  }

  /**
   * Call when an initiation could not be sent, as `unanswered`. Each address is skipped once in
   * SKIPPED_MS.
   */
  unsent(current: Endpoint | undefined, now: Milliseconds): Endpoint | undefined {
    if (now - this.#skippedSince >= SKIPPED_MS) {
      this.#skipped = 0;
      this.#skippedSince = now;
    }
    const next = this.unanswered(current);
    if (next === undefined || ++this.#skipped >= this.#all().length) return undefined;
    return next;
  }

  /** The endpoints that are tried in turn. */
  #all(): readonly Endpoint[] {
    return this.#heardFrom === undefined ? this.#endpoints : [...this.#endpoints, this.#heardFrom];
  }

  /** Call when a handshake with the peer has completed. */
  completed(): void {
    this.#answers = 0;
    this.#heardFrom = undefined;
    this.silentAt = NEVER;
  }
}

/** The time of the next look-up after `count` ones in a row. */
function again(now: Milliseconds, first: number, count: number, chance: number): Milliseconds {
  const wait = Math.min(AGAIN_MAX_MS, first * 2 ** Math.min(count, 16));
  return milliseconds(now + wait * (1 - JITTER * chance));
}

const has = (all: readonly Endpoint[], one: Endpoint) =>
  all.some((other) => sameEndpoint(other, one));

/**
 * The addresses of an answer to which datagrams may be sent, each once, at most NAME_ADDRESSES_MAX.
 * Who answers for a name must not make the interface send to groups or to the whole network.
 */
export function usableAddresses(found: readonly FoundAddress[]): FoundAddress[] {
  const usable = new Map<string, FoundAddress>();
  for (const one of found) {
    if (usable.size === NAME_ADDRESSES_MAX) break;
    const mapped = one.address.length === 16 && isMapped(one.address);
    const address = mapped ? one.address.slice(12) : one.address;
    const isLinkLocal = address.length === 16 && address[0] === 0xfe &&
      (address[1] & 0xc0) === 0x80;
    if (!isUnicast(address) || isLinkLocal && one.scope === 0) continue;
    const scope = isLinkLocal ? one.scope : 0;
    const key = `${address} ${scope}`;
    if (!usable.has(key)) usable.set(key, { address, scope });
  }
  return [...usable.values()];
}

/** Not 0.0.0.0/8, 224.0.0.0/4, 240.0.0.0/4 (RFC 6890), ::, ff00::/8. */
function isUnicast(address: IpBytes): boolean {
  if (address.length === 4) return address[0] !== 0 && address[0] < 224;
  return address.length === 16 && address[0] !== 0xff && address.some((byte) => byte !== 0);
}

/** IPv6 and IPv4 alternately, beginning with the family of the first address (RFC 8305). */
function inTurn(found: readonly FoundAddress[]): FoundAddress[] {
  const first = found[0].address.length;
  const same = found.filter(({ address }) => address.length === first);
  const other = found.filter(({ address }) => address.length !== first);
  const turns: FoundAddress[] = [];
  for (let i = 0; i < Math.max(same.length, other.length); i++) {
    if (i < same.length) turns.push(same[i]);
    if (i < other.length) turns.push(other[i]);
  }
  return turns;
}
