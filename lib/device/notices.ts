/**
 * Processes the notices of the data plane: refusals become events, evidence is kept, and with
 * `debug` the log has OpenBSD's messages.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { EVIDENCE, type EvidenceKind, type InterfaceEvidenceKind } from "../base/evidence.ts";
import {
  type DataEvent,
  EVIDENCE_NOTICES,
  type Notice,
  REFUSAL_NOTICES,
} from "../base/messages.ts";
import { complainOfSource } from "./complaints.ts";
import type { Context } from "./context.ts";
import { tellRefused } from "./events.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./peer_endpoint.ts";

/** Call for each notice. */
export function heardNotice(
  ctx: Context,
  { notice, source, detail = "", leftOut = 0 }: Extract<DataEvent, { type: "notice" }>,
  peer: Peer | undefined,
  now: Milliseconds,
): void {
  const why = REFUSAL_NOTICES[notice];
  if (why !== undefined) tellRefused(ctx, why, peer, source, now, leftOut);
  const kind = EVIDENCE_NOTICES[notice];
  if (kind !== undefined && isInterfaceKind(kind)) ctx.strangers.note(kind, now, source, detail);
  else if (kind !== undefined) peer?.evidence.note(kind, now, source, detail);
  if (notice === "unallowed-source" && peer !== undefined) {
    complainOfSource(ctx, peer, detail, now);
  }
  if (ctx.out.debug) sayNotice(ctx, notice, peer, source);
}

const INTERFACE_KINDS: ReadonlySet<EvidenceKind> = new Set(
  EVIDENCE.filter(([, scope]) => scope === "interface").map(([kind]) => kind),
);
const isInterfaceKind = (kind: EvidenceKind): kind is InterfaceEvidenceKind =>
  INTERFACE_KINDS.has(kind);

function sayNotice(
  ctx: Context,
  notice: Notice,
  peer: Peer | undefined,
  source: Endpoint | undefined,
): void {
  const { out } = ctx;
  const where = source ?? (peer === undefined ? undefined : pathOf(ctx, peer).endpoint);
  const label = peer?.label;
  switch (notice) {
    case "invalid-initiation-mac":
      return out.say("Invalid initiation MAC", where);
    case "invalid-response-mac":
      return out.say("Invalid response MAC", where);
    case "unknown-response":
      return out.say("Unknown handshake response", where);
    case "unknown-cookie-reply":
      return out.say("Unknown cookie response", where);
    case "cookie-sent":
      return out.say("Sending cookie response", where);
    case "keepalive-received":
      return out.say(`Receiving keepalive packet from peer ${label}`, where);
    case "keepalive-sent":
      return out.say(`Sending keepalive packet to peer ${label}`, where);
    case "unallowed-source":
      return out.say(`Packet has unallowed src IP from peer ${label}`, where);
    case "no-endpoint":
      return out.say(`No valid endpoint has been configured or discovered for peer ${label}`);
    case "own-source":
      return out.say(`Packet has our own src IP from peer ${label}`, where);
    case "send-failed":
      return out.say(`Unable to send to peer ${label}`, where);
    case "rate-limited":
      return out.say("Too many handshake messages", where);
    case "path-error":
      return out.say("Receiving ICMP error", where);
    case "no-peer":
      return out.say("No range of allowed IPs has the destination of a packet");
    case "not-ip":
      return out.say(`Packet is neither ipv4 nor ipv6 from peer ${label}`, where);
    default:
      notice satisfies never;
  }
}
