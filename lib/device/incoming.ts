/**
 * Processes received handshake messages (whitepaper section 5.4) that the data plane's gate let
 * pass (lib/data/gate.ts). Stages: kind and length, mac1, then the message itself. A message
 * changes no state of a peer before it is authenticated. Every message is counted.
 * @module
 */
import { AWAITS_COOKIE, AWAITS_NOTHING, AWAITS_RESPONSE } from "../base/awaited_indices.ts";
import type { Milliseconds, PublicKey } from "../base/brands.ts";
import {
  INITIATIONS_PER_SECOND,
  KEY_LENGTH,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_DATA,
  MESSAGE_INITIATION,
} from "../base/constants.ts";
import { sameEndpoint } from "../base/endpoint.ts";
import { COUNTER, type CounterName, type PeerCounterName } from "../base/counters.ts";
import { isRefusal } from "../base/events.ts";
import type { PeerEvidenceKind } from "../base/evidence.ts";
import type { HandshakeMessage } from "../base/handshake_memory.ts";
import { secretBytes } from "../base/secret_bytes.ts";
import { checkMac1 } from "../cookie/macs.ts";
import {
  consumeResponse,
  createResponse,
  type OpenedInitiation,
  openInitiation,
  openTimestamp,
  wipeInitiated,
  wipeOpened,
} from "../noise/handshake.ts";
import { isLater, secondsBetween } from "../noise/tai64n.ts";
import {
  COOKIE_REPLY,
  INITIATION,
  MESSAGE_NONE,
  messageKind,
  readIndex,
  RESPONSE,
} from "../wire/messages.ts";
import { complainOfRefusal, complainOfStranger, SILENT_INITIATIONS } from "./complaints.ts";
import type { Context, OwnKeys } from "./context.ts";
import { tellHandshake, tellRefused, tellRoamed } from "./events.ts";
import { cookieJarOf, staticSharedOf, tellSecrets } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { moveTo, pathOf } from "./peer_endpoint.ts";
import { installSession } from "./sessions.ts";

/** The result of a message, which is the name of a counter. */
export type Verdict = Extract<CounterName, `${"handshake" | "cookie"}_${string}`>;
type PeerVerdict = Extract<PeerCounterName, Verdict>;
type PeerRefusal = Extract<PeerVerdict, PeerEvidenceKind>;

/** Processes the handshake messages that one device receives. */
export class Incoming {
  /** The sender of the message in work, as far as it is known: a peer, or a stranger's key. */
  #sender: Peer | PublicKey | undefined;

  constructor(readonly ctx: Context) {}

  /** Processes a datagram with any content. Returns the counter that counted it. */
  receive(incoming: HandshakeMessage, now: Milliseconds): Verdict {
    this.#sender = undefined;
    const verdict = this.#receive(incoming, now);
    if (isRefusal(verdict)) {
      tellRefused(this.ctx, verdict, this.#sender, incoming.source, now);
    }
    return verdict;
  }

  #receive(incoming: HandshakeMessage, now: Milliseconds): Verdict {
    const { ctx } = this;
    const { datagram: message, source } = incoming;
    const kind = messageKind(message);
    if (kind === MESSAGE_NONE || kind === MESSAGE_DATA) return this.#refuse("handshake_malformed");
    if (!ctx.up) return this.#refuse("handshake_link_down");
    const { own } = ctx;
    if (own === undefined) return this.#refuse("handshake_no_private_key");
    if (kind === MESSAGE_COOKIE_REPLY) return this.#cookieReply(incoming, now);
    const initiation = kind === MESSAGE_INITIATION;
    // The data plane has checked mac1, but the private key may have changed since.
    if (!checkMac1(ctx.suite, own.mac1Key, message)) {
      ctx.out.say(initiation ? "Invalid initiation MAC" : "Invalid response MAC", source);
      return this.#refuse("handshake_mac1_wrong");
    }
    return initiation ? this.#initiation(own, incoming, now) : this.#response(own, incoming, now);
  }

  #cookieReply(incoming: HandshakeMessage, now: Milliseconds): Verdict {
    const { ctx } = this;
    const { datagram: message, source } = incoming;
    const index = readIndex(message, COOKIE_REPLY.receiver);
    const peer = ctx.indices.find(index);
    if (peer === undefined) {
      ctx.out.say("Unknown cookie response", source);
      return this.#refuse("cookie_unknown_index");
    }
    if (!cookieJarOf(ctx, peer).consume(message, now)) {
      ctx.out.say("Could not decrypt cookie response", source);
      return this.#refuseOf(peer, "cookie_forged", incoming, now);
    }
    ctx.out.say("Receiving cookie response", source);
    ctx.indices.awaits(index, peer.pending?.index === index ? AWAITS_RESPONSE : AWAITS_NOTHING);
    peer.handshakeRxBytes += message.length;
    peer.evidence.note("cookie_accepted", now, source);
    return this.#accept(peer, "cookie_accepted");
  }

  #initiation(own: OwnKeys, incoming: HandshakeMessage, now: Milliseconds): Verdict {
    const { ctx } = this;
    const { datagram: message, source } = incoming;
    const say = (why = "") => ctx.out.say(`Invalid handshake initiation${why}`, source);
    const opened = openInitiation(ctx.suite, ctx.start, own.identity, message);
    if (opened === undefined) {
      say();
      return this.#refuse("handshake_initiation_forged");
    }
    try {
      return this.#answer(opened, incoming, now, say);
    } finally {
      // Erased already when it was answered.
      wipeOpened(opened);
    }
  }

  /** Checks an initiation further and answers it. The caller erases `opened`. */
  #answer(
    opened: OpenedInitiation,
    incoming: HandshakeMessage,
    now: Milliseconds,
    say: (why?: string) => void,
  ): Verdict {
    const { ctx } = this;
    const { datagram: message, source } = incoming;
    const peer = ctx.peers.find(opened.initiatorStatic);
    if (peer === undefined) {
      say(": its sender is not a peer");
      this.#sender = opened.initiatorStatic.slice() as PublicKey;
      complainOfStranger(ctx, opened.initiatorStatic, source, now);
      return this.#refuse("handshake_unknown_peer");
    }
    const staticShared = staticSharedOf(ctx, peer);
    if (staticShared === undefined) {
      say();
      return this.#refuseOf(peer, "handshake_weak_key", incoming, now);
    }
    const timestamp = openTimestamp(opened, staticShared, message);
    if (timestamp === undefined) {
      say(` from peer ${peer.label}`);
      return this.#refuseOf(peer, "handshake_initiation_forged", incoming, now);
    }
    if (peer.lastTimestamp !== undefined && !isLater(timestamp, peer.lastTimestamp)) {
      say(` from peer ${peer.label}: replayed, or its clock is behind`);
      const seconds = secondsBetween(peer.lastTimestamp, timestamp);
      return this.#refuseOf(peer, "handshake_replayed", incoming, now, `${seconds}`);
    }
    if (now - peer.initiationConsumedAt < 1_000 / INITIATIONS_PER_SECOND) {
      say(` from peer ${peer.label}: too many`);
      return this.#refuseOf(peer, "handshake_too_often", incoming, now);
    }
    peer.lastTimestamp = timestamp;
    peer.initiationConsumedAt = now;
    if (peer.isDisabled) {
      say(` from peer ${peer.label}: it is disabled`);
      return this.#refuseOf(peer, "handshake_disabled", incoming, now);
    }
    ctx.out.say(`Receiving handshake initiation from peer ${peer.label}`, source);

    const index = ctx.handshakes.sessionKeys.hasRoom
      ? ctx.indices.allocate(peer, ctx.receivers.next(peer, ctx.table.rxBytes(peer.slot), now))
      : undefined;
    if (index === undefined) return this.#refuseOf(peer, "handshake_no_index", incoming, now);
    const ephemeral = secretBytes(KEY_LENGTH);
    ctx.random(ephemeral);
    if (ctx.own !== undefined) tellSecrets(ctx, peer, ctx.own.identity.privateKey, ephemeral);
    const remoteIndex = readIndex(message, INITIATION.sender);
    const made = createResponse(opened, peer.presharedKey, index, remoteIndex, ephemeral);
    ephemeral.fill(0);
    if (made === undefined) {
      ctx.indices.release(index);
      say(` from peer ${peer.label}`);
      return this.#refuseOf(peer, "handshake_initiation_forged", incoming, now);
    }
    cookieJarOf(ctx, peer).seal(made.message, now);
    this.#authenticated(peer, incoming, now);
    installSession(ctx, peer, false, index, remoteIndex, made.keys, now);
    peer.timers.anyAuthenticatedPacketSent(now);
    ctx.out.say(`Sending handshake response to peer ${peer.label}`, source);
    ctx.table.handshakeLeaves(peer.slot, index);
    ctx.indices.awaits(index, AWAITS_COOKIE);
    // `moveTo` stores the address that the initiation was sent to, unless the route has changed.
    const { local } = pathOf(ctx, peer);
    ctx.out.datagram({ bytes: made.message, endpoint: source, local, peer: peer.slot });
    const { evidence } = peer;
    if (evidence.count("handshake_initiation_sent") >= SILENT_INITIATIONS) {
      evidence.note("called_first", now, source, evidence.who("handshake_initiation_sent"));
    }
    evidence.note("handshake_initiation_accepted", now, source);
    return this.#accept(peer, "handshake_initiation_accepted");
  }

  #response(own: OwnKeys, incoming: HandshakeMessage, now: Milliseconds): Verdict {
    const { ctx } = this;
    const { datagram: message, source } = incoming;
    const index = readIndex(message, RESPONSE.receiver);
    const peer = ctx.indices.find(index);
    const pending = peer?.pending;
    if (peer === undefined || pending === undefined || pending.index !== index) {
      ctx.out.say("Unknown handshake response", source);
      return this.#refuse("handshake_unknown_index");
    }
    if (!ctx.handshakes.sessionKeys.hasRoom) {
      return this.#refuseOf(peer, "handshake_no_index", incoming, now);
    }
    const keys = consumeResponse(pending.initiated, own.identity, peer.presharedKey, message);
    if (keys === undefined) {
      ctx.out.say(`Invalid handshake response from peer ${peer.label}`, source);
      return this.#refuseOf(peer, "handshake_response_forged", incoming, now);
    }
    ctx.out.say(`Receiving handshake response from peer ${peer.label}`, source);
    this.#authenticated(peer, incoming, now);
    // The index is now the session's, so it is not released.
    ctx.indices.awaits(index, AWAITS_NOTHING);
    peer.pending = undefined;
    wipeInitiated(pending.initiated);
    installSession(ctx, peer, true, index, readIndex(message, RESPONSE.sender), keys, now);
    completeHandshake(ctx, peer, true, now);
    return this.#accept(peer, "handshake_response_accepted");
  }

  /** Counts a message of an unknown sender. */
  #refuse(verdict: Verdict): Verdict {
    this.ctx.counters.add(COUNTER[verdict]);
    return verdict;
  }

  /** Counts a refused message that concerns a known peer. */
  #refuseOf(
    peer: Peer,
    verdict: PeerRefusal,
    { source }: HandshakeMessage,
    now: Milliseconds,
    detail = "",
  ): Verdict {
    this.#sender = peer;
    peer.evidence.note(verdict, now, source, detail);
    complainOfRefusal(this.ctx, peer, verdict, source, now);
    this.ctx.counters.addOf(COUNTER[verdict], peer.slot);
    return verdict;
  }

  #accept(peer: Peer, verdict: PeerVerdict): Verdict {
    this.ctx.counters.addOf(COUNTER[verdict], peer.slot);
    return verdict;
  }

  #authenticated(peer: Peer, incoming: HandshakeMessage, now: Milliseconds): void {
    peer.timers.anyAuthenticatedPacketReceived(now);
    peer.handshakeRxBytes += incoming.datagram.length;
    const before = pathOf(this.ctx, peer).endpoint;
    moveTo(this.ctx, peer, incoming.source, incoming.local);
    if (before === undefined) peer.evidence.note("endpoint_learned", now, incoming.source);
    else if (!sameEndpoint(before, incoming.source)) {
      tellRoamed(this.ctx, peer, before, now);
    }
  }
}

/**
 * Call when both sides have the session. The initiator knows that from the response, the responder
 * from the first data message.
 */
export function completeHandshake(
  ctx: Context,
  peer: Peer,
  initiator: boolean,
  now: Milliseconds,
): void {
  peer.evidence.note("handshake_completed", now, undefined, initiator ? "initiator" : "responder");
  peer.timers.handshakeComplete();
  peer.endpointName?.completed();
  ctx.table.clearWanted(peer.slot);
  ctx.counters.addOf(COUNTER.handshake_completed, peer.slot);
  peer.lastHandshakeUnixMs = Number(ctx.wallClock() / 1_000_000n);
  tellHandshake(ctx, peer, initiator);
}
