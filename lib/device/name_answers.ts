/**
 * Processes the answers to look-ups of names (name_look_ups.ts), and tries the next address where
 * one cannot be sent to.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import type { Context } from "./context.ts";
import { type EndpointName, type NameAnswer, usableAddresses } from "./endpoint_name.ts";
import { chanceOf, isReached } from "./name_look_ups.ts";
import { initiate } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { moveTo, pathOf } from "./peer_endpoint.ts";
import { dropPending } from "./sessions.ts";

/** Processes the answer for a host, for all peers that wait for it. */
export function nameAnswered(
  ctx: Context,
  host: string,
  answer: NameAnswer,
  now: Milliseconds,
): void {
  const found = "addresses" in answer ? usableAddresses(answer.addresses) : [];
  for (const peer of ctx.names.answered(host)) {
    const name = peer.endpointName;
    if (name === undefined) continue;
    if (found.length > 0) {
      move(ctx, peer, name, found, now);
    } else {
      const problem = "problem" in answer ? answer.problem : "no usable address in the answer";
      if (name.failed(problem, now, chanceOf(ctx))) tellProblem(ctx, peer, name);
    }
    ctx.names.schedule(peer);
  }
}

function tellProblem(ctx: Context, peer: Peer, name: EndpointName): void {
  const { host, problem } = name.status;
  ctx.out.complain(
    `The endpoint of peer ${peer.label}, ${host}, does not resolve: ${problem}; ${
      name.isUnknown ? "it is tried again" : "its last addresses are used"
    }`,
  );
}

function move(
  ctx: Context,
  peer: Peer,
  name: EndpointName,
  found: ReturnType<typeof usableAddresses>,
  now: Milliseconds,
): void {
  const { endpoint } = pathOf(ctx, peer);
  const { host, problem } = name.status;
  // The first answer belongs to the change that gave the peer this name, which is obeyed.
  const obeyed = name.isUnknown && problem === "";
  const next = name.answered(found, endpoint, now, chanceOf(ctx));
  const moves = next !== undefined &&
    (endpoint === undefined || obeyed || !isReached(ctx, peer, now));
  if (moves || problem !== "") {
    const what = moves ? `is now ${formatEndpoint(next)}` : `resolves again`;
    ctx.out.note(`The endpoint of peer ${peer.label}, ${host}, ${what}`);
  }
  if (!moves) return;
  moveTo(ctx, peer, next, undefined);
  const isWanted = peer.timers.handshakePossible(now);
  if (!isWanted || isReached(ctx, peer, now)) return;
  // The initiation that waits for its response went elsewhere.
  dropPending(ctx, peer);
  initiate(ctx, peer, now, true);
}

/** Call when an initiation could not be sent. It goes to the next address of the peer's name. */
export function initiationUnsent(ctx: Context, peer: Peer, now: Milliseconds): void {
  const name = peer.endpointName;
  if (name === undefined || peer.pending === undefined || isReached(ctx, peer, now)) return;
  const next = name.unsent(pathOf(ctx, peer).endpoint, now);
  if (next === undefined) return;
  moveTo(ctx, peer, next, undefined);
  dropPending(ctx, peer);
  peer.timers.handshakePossible(now);
  initiate(ctx, peer, now, true);
}
