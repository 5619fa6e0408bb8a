/**
 * Says in the log, without `debug`, why a peer is not reached: at most once in COMPLAIN_EVERY_MS
 * for each peer, whatever others send. `wg why` tells it at length.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { errnoName, errnoText } from "../base/errno.ts";
import { isRefusal, type Refusal, REFUSALS } from "../base/events.ts";
import { parsePathError, type PathProblem, type PeerEvidenceKind } from "../base/evidence.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";

/** How often the log is told of one peer, and of strangers. */
export const COMPLAIN_EVERY_MS = 60_000;

/** The initiations without a response from which on a peer counts as silent. */
export const SILENT_INITIATIONS = 3;

/** The refusals that the log tells. Others can be caused by anybody, or tell nothing of a cause. */
const TOLD: ReadonlySet<string> = new Set<Refusal>([
  "handshake_response_forged",
  "handshake_replayed",
  "handshake_no_index",
  "handshake_too_often",
]);

const PATH_PROBLEMS: Readonly<Record<PathProblem, string>> = {
  "net-unreachable": "the network is unreachable",
  "host-unreachable": "the host is unreachable",
  "port-unreachable": "the port is refused",
  "prohibited": "it is administratively prohibited",
  "too-big": "the datagrams are too big",
  "time-exceeded": "the datagrams pass too many routers",
  "other": "the datagrams cannot be processed",
};

/** Tells that something is wrong with a peer, for which `PEER` stands in the text. */
export function complainOf(ctx: Context, peer: Peer, what: string, now: Milliseconds): void {
  if (now - peer.complainedAt < COMPLAIN_EVERY_MS) return;
  peer.complainedAt = now;
  ctx.out.complain(what.replace("PEER", () => `peer ${peer.label}`));
}

/** Call when a message of a peer was refused. */
export function complainOfRefusal(
  ctx: Context,
  peer: Peer,
  kind: PeerEvidenceKind,
  source: Endpoint,
  now: Milliseconds,
): void {
  if (!isRefusal(kind) || !TOLD.has(kind)) return;
  const from = formatEndpoint(source);
  complainOf(ctx, peer, `Handshake with PEER at ${from} failed: ${REFUSALS[kind]}`, now);
}

/** Call when an inner packet of a peer was dropped because of its source. */
export function complainOfSource(
  ctx: Context,
  peer: Peer,
  address: string,
  now: Milliseconds,
): void {
  complainOf(
    ctx,
    peer,
    `Packet from PEER has the source ${address}, which is not in its allowed IPs`,
    now,
  );
}

/** Call when a handshake message could not be sent. */
export function complainOfUnsent(
  ctx: Context,
  peer: Peer,
  endpoint: Endpoint,
  errno: number,
  now: Milliseconds,
): void {
  const to = formatEndpoint(endpoint);
  complainOf(ctx, peer, `Unable to send to PEER at ${to}: ${unsentText(errno)}`, now);
}

/** The text of an errno of sendmsg(2), and its name. */
export const unsentText = (errno: number) => `${errnoText(errno)} (${errnoName(errno)})`;

/**
 * Call when another initiation is sent to a peer, or a handshake is given up. New packets begin
 * handshakes too, so initiations without a response are counted, and not retries in a row.
 */
export function complainOfSilence(
  ctx: Context,
  peer: Peer,
  endpoint: Endpoint | undefined,
  now: Milliseconds,
): void {
  const unanswered = peer.evidence.count("handshake_initiation_sent");
  if (endpoint === undefined || unanswered === 0) return;
  const done = peer.evidence.at("handshake_completed") ?? -Infinity;
  const error = ctx.strangers.find("udp_icmp_errors", endpoint);
  const to = formatEndpoint(endpoint);
  if (error !== undefined && error.at > done) {
    const { problem, offender } = parsePathError(error.detail);
    const who = offender === "" ? "a router" : offender;
    const why = `${who} says that ${PATH_PROBLEMS[problem]}`;
    complainOf(ctx, peer, `No answer from PEER at ${to}: ${why}`, now);
  } else if (unanswered >= SILENT_INITIATIONS) {
    complainOf(ctx, peer, `No answer from PEER at ${to}`, now);
  }
}

/** Call when an initiation came whose sender is no peer. */
export function complainOfStranger(
  ctx: Context,
  publicKey: Uint8Array,
  source: Endpoint,
  now: Milliseconds,
): void {
  const key = publicKey.toBase64();
  ctx.strangers.note("handshake_unknown_peer", now, source, key);
  if (!ctx.strangers.mayComplain(now, COMPLAIN_EVERY_MS)) return;
  const where = formatEndpoint(source);
  ctx.out.complain(`Handshake refused: ${where} has the public key ${key}, which is no peer's`);
}
