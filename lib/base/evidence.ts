/**
 * Evidence: the last event of each kind, for `wg why`. A counter tells how often something
 * happened; the evidence of the same name tells when it happened last, with whom, and the details.
 * @module
 */

/** Whose evidence a kind is: a `peer`'s, or the interface's, for senders that are no peer. */
export type EvidenceScope = "peer" | "interface";

type Row = readonly [kind: string, scope: EvidenceScope, text: string];

/**
 * Kind, scope, and what the fields tell: the other end is `who`, the rest is `detail`. Kinds have
 * the names of counters, except the last ones.
 */
export const EVIDENCE = [
  ["handshake_initiation_sent", "peer", "who: the destination"],
  ["handshake_initiation_accepted", "peer", "who: the source"],
  ["handshake_completed", "peer", "detail: `initiator` or `responder`, which we were"],
  ["handshake_retried", "peer", "who: the destination of the initiation without a response"],
  ["handshake_given_up", "peer", "who: the destination"],
  ["handshake_unanswered", "peer", "who: the destination of the data without an answer"],
  ["handshake_no_endpoint", "peer", ""],
  ["handshake_send_failed", "peer", "who: the destination; detail: the errno's name"],
  ["handshake_weak_key", "peer", ""],
  ["handshake_replayed", "peer", "who: the source; detail: seconds by which its clock is behind"],
  ["handshake_too_often", "peer", "who: the source"],
  ["handshake_no_index", "peer", ""],
  ["handshake_disabled", "peer", "who: the source"],
  ["handshake_initiation_forged", "peer", "who: the source"],
  ["handshake_response_forged", "peer", "who: the source"],
  ["cookie_accepted", "peer", "who: the source"],
  ["cookie_forged", "peer", "who: the source"],
  ["tx_no_endpoint", "peer", ""],
  ["tx_send_failed", "peer", "who: the destination; detail: the errno's name"],
  ["tx_looped", "peer", "who: the endpoint; detail: public key of the peer that has it inside"],
  ["rx_unallowed_source", "peer", "who: the endpoint; detail: the source of the inner packet"],
  ["rx_own_source", "peer", "who: the endpoint; detail: the source of the inner packet"],
  ["tx_no_peer", "interface", "detail: the destination of the inner packet"],
  ["handshake_mac1_wrong", "interface", "who: the source; detail: `initiation` or `response`"],
  ["handshake_unknown_peer", "interface", "who: the source; detail: its public key"],
  ["handshake_rate_limited", "interface", "who: the source"],
  ["udp_icmp_errors", "interface", "who: the destination; detail: see `PathError`"],
  [
    "called_first",
    "peer",
    "the peer's initiation came after ours got no response; who: the source; detail: where ours went",
  ],
  [
    "endpoint_learned",
    "peer",
    "a message of a peer without an endpoint told it; who: the endpoint",
  ],
  ["endpoint_moved", "peer", "who: the endpoint; detail: the one before"],
  [
    "endpoint_alternated",
    "peer",
    "it came back to the endpoint before the last; who: the endpoint; detail: the one between",
  ],
  ["data_sent", "peer", "the first data after anything was received"],
  ["data_unanswered", "peer", "as data_sent, while nothing was received since"],
  ["received", "peer", "anything authenticated that is not a handshake message"],
  ["data_received", "peer", ""],
] as const satisfies readonly Row[];

/** The kind of an event. */
export type EvidenceKind = typeof EVIDENCE[number][0];
/** The kinds that belong to a peer. */
export type PeerEvidenceKind = Extract<
  typeof EVIDENCE[number],
  readonly [string, "peer", string]
>[0];
/** The kinds that belong to the interface. */
export type InterfaceEvidenceKind = Exclude<EvidenceKind, PeerEvidenceKind>;

/** The last event of a kind. */
export interface Evidence {
  /** The kind of the event. */
  readonly kind: EvidenceKind;
  /** How long ago it happened, in milliseconds of a clock that is never set. */
  readonly ageMs: number;
  /**
   * How often it happened since the last handshake with the peer that completed. For the kinds that
   * belong to the interface: since the start, with this other end. For `endpoint_alternated`: in a
   * row, each at most ALTERNATION_MS after the one before, whatever handshakes complete.
   */
  readonly count: number;
  /** The endpoint at the other end, as text; empty when there is none. */
  readonly who: string;
  /** What else is known; see EVIDENCE. Without spaces at its ends, on one line. */
  readonly detail: string;
}

/** How soon a peer comes back to an endpoint, again and again, that alternates, in ms. */
export const ALTERNATION_MS = 60_000;

const KINDS: ReadonlySet<string> = new Set(EVIDENCE.map(([kind]) => kind));

/** Whether there is evidence of this kind. */
export const isEvidenceKind = (kind: string): kind is EvidenceKind => KINDS.has(kind);

/** What an ICMP error says. `time-exceeded` is a loop of routers, or a TTL that is too small. */
export type PathProblem =
  | "net-unreachable"
  | "host-unreachable"
  | "port-unreachable"
  | "prohibited"
  | "too-big"
  | "time-exceeded"
  | "other";

/**
 * An ICMP error for a datagram of ours. Anybody can forge one: it explains, and changes nothing.
 * As text it is `PROBLEM OFFENDER MTU`.
 */
export interface PathError {
  /** What is wrong. */
  readonly problem: PathProblem;
  /** The address of the host that sent the error; empty when the kernel does not tell it. */
  readonly offender: string;
  /** The largest packet that passes, in bytes, of `too-big`; otherwise 0. */
  readonly mtu: number;
}

/** The text of a PathError, for `Evidence.detail`. */
export const formatPathError = ({ problem, offender, mtu }: PathError): string =>
  `${problem} ${offender === "" ? "-" : offender} ${mtu}`;

/**
 * Reads the text of a PathError.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatPathError, parsePathError } from "./evidence.ts";
 *
 * const error = { problem: "too-big", offender: "10.0.0.9", mtu: 1400 } as const;
 * assert.ok(formatPathError(error) === "too-big 10.0.0.9 1400");
 * assert.deepEqual(parsePathError("too-big 10.0.0.9 1400"), error);
 * ```
 */
export function parsePathError(text: string): PathError {
  const [problem, offender = "-", mtu = "0"] = text.split(" ");
  return {
    problem: PROBLEMS.find((one) => one === problem) ?? "other",
    offender: offender === "-" ? "" : offender,
    mtu: /^[0-9]{1,10}$/.test(mtu) ? Number(mtu) : 0,
  };
}

const PROBLEMS: readonly PathProblem[] = [
  "net-unreachable",
  "host-unreachable",
  "port-unreachable",
  "prohibited",
  "too-big",
  "time-exceeded",
];
