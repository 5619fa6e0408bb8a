/**
 * Keeps the last event of each kind of every peer, and of senders that are no peer. It costs memory
 * only where something happened, and its size has a limit whatever strangers send.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import {
  ALTERNATION_MS,
  type Evidence,
  type EvidenceKind,
  type InterfaceEvidenceKind,
  type PeerEvidenceKind,
} from "../base/evidence.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import { NEVER } from "../base/times.ts";

/**
 * The most events of one kind that are kept, each of another sender. One more drops the oldest.
 */
export const STRANGERS_MAX = 32;

/** Kinds whose count a handshake does not begin anew. */
const LASTING: ReadonlySet<PeerEvidenceKind> = new Set<PeerEvidenceKind>([
  "handshake_completed",
  "endpoint_alternated",
]);

interface Noted {
  readonly at: Milliseconds;
  /** How often since the last handshake that completed, or since the start for strangers. */
  readonly count: number;
  readonly who: Endpoint | undefined;
  readonly detail: string;
}

/** The evidence of one peer: one entry for a kind. */
export class PeerEvidence {
  #noted: Map<PeerEvidenceKind, Noted> | undefined;

  /** Notes an event, which replaces the last one of its kind. */
  note(kind: PeerEvidenceKind, now: Milliseconds, who?: Endpoint, detail = ""): void {
    const count = this.count(kind) + 1;
    (this.#noted ??= new Map()).set(kind, { at: now, count, who, detail });
  }

  /** Notes that the peer sends from another endpoint than before. */
  moved(now: Milliseconds, endpoint: Endpoint, before: Endpoint): void {
    if (this.#noted?.get("endpoint_moved")?.detail === formatEndpoint(endpoint)) {
      const last = this.at("endpoint_alternated");
      if (last !== undefined && now - last > ALTERNATION_MS) {
        this.#noted.delete("endpoint_alternated");
      }
      this.note("endpoint_alternated", now, endpoint, formatEndpoint(before));
    }
    this.note("endpoint_moved", now, endpoint, formatEndpoint(before));
  }

  /** When the last event of a kind happened; undefined for never. */
  at(kind: PeerEvidenceKind): Milliseconds | undefined {
    return this.#noted?.get(kind)?.at;
  }

  /** The other end of the last event of a kind, as text; empty for none. */
  who(kind: PeerEvidenceKind): string {
    return textOf(this.#noted?.get(kind)?.who);
  }

  /** How often events of a kind happened since the last handshake that completed. */
  count(kind: PeerEvidenceKind): number {
    const noted = this.#noted?.get(kind);
    const completed = LASTING.has(kind) ? undefined : this.at("handshake_completed");
    return noted === undefined || completed !== undefined && noted.at < completed ? 0 : noted.count;
  }

  /** All of it. */
  list(now: Milliseconds): Evidence[] {
    return Array.from(
      this.#noted ?? [],
      ([kind, noted]) => oneOf(kind, { ...noted, count: this.count(kind) }, now),
    );
  }
}

/** The evidence that belongs to no peer, by kind and sender (or destination). */
export class InterfaceEvidence {
  readonly #noted = new Map<InterfaceEvidenceKind, Map<string, Noted>>();
  #complainedAt: number = NEVER;

  /** Whether the log may be told of strangers again, which is then noted as done. */
  mayComplain(now: Milliseconds, everyMs: number): boolean {
    if (now - this.#complainedAt < everyMs) return false;
    this.#complainedAt = now;
    return true;
  }

  /** Notes an event, which replaces the last one of its kind with the same other end. */
  note(
    kind: InterfaceEvidenceKind,
    now: Milliseconds,
    who: Endpoint | undefined,
    detail: string,
  ): void {
    let ofKind = this.#noted.get(kind);
    if (ofKind === undefined) this.#noted.set(kind, ofKind = new Map());
    const key = who === undefined ? detail : textOf(who);
    const count = (ofKind.get(key)?.count ?? 0) + 1;
    ofKind.delete(key);
    if (ofKind.size >= STRANGERS_MAX) {
      const [oldest] = ofKind.keys();
      ofKind.delete(oldest);
    }
    ofKind.set(key, { at: now, count, who, detail });
  }

  /** The last event of a kind with this other end; undefined when none is kept. */
  find(
    kind: InterfaceEvidenceKind,
    who: Endpoint,
  ): { at: Milliseconds; detail: string } | undefined {
    return this.#noted.get(kind)?.get(textOf(who));
  }

  /** All of it, the oldest of each kind first. */
  list(now: Milliseconds): Evidence[] {
    return [...this.#noted].flatMap(([kind, ofKind]) =>
      Array.from(ofKind.values(), (noted) => oneOf(kind, noted, now))
    );
  }
}

/** All evidence of a peer: what was noted, and the times of its row of the table. */
export function evidenceOf(
  { slot, evidence }: { readonly slot: PeerSlot; readonly evidence: PeerEvidence },
  table: PeerTable,
  now: Milliseconds,
): Evidence[] {
  const times: readonly (readonly [PeerEvidenceKind, Milliseconds])[] = [
    ["data_sent", table.dataSentFirst(slot)],
    ["data_unanswered", table.dataSentSince(slot)],
    ["received", table.receivedAt(slot)],
    ["data_received", table.dataReceivedAt(slot)],
  ];
  return [
    ...evidence.list(now),
    ...times.filter(([, at]) => at !== NEVER)
      .map(([kind, at]) => oneOf(kind, { at, count: 1, who: undefined, detail: "" }, now)),
  ];
}

const textOf = (who: Endpoint | undefined) => who === undefined ? "" : formatEndpoint(who);

function oneOf(kind: EvidenceKind, noted: Noted, now: Milliseconds): Evidence {
  const { at, count, who, detail } = noted;
  return { kind, ageMs: Math.max(0, Math.round(now - at)), count, who: textOf(who), detail };
}
