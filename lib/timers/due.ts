/**
 * When the timers of a peer that follow its packets are due (whitepaper section 6). They are worked
 * out from the times at which things last happened, so that nothing has to be armed while packets
 * flow.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { NEVER, NOT_PENDING, type Times } from "../base/times.ts";

/**
 * When things last happened with a peer: data messages by the PeerTable, handshake messages by the
 * control plane.
 */
export interface Activity {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly dataSentSince: number;
  readonly dataReceivedSince: number;
  readonly dataReceivedAt: number;
  /** The last initiation or response that was sent, and the last authenticated one that came in. */
  readonly handshakeSentAt: number;
  readonly handshakeReceivedAt: number;
}

/**
 * A passive keepalive asked for at `firedAt` is on its way this much later at most; a packet sent
 * later is another one.
 */
const KEEPALIVE_ECHO_MS = 1_000;

/**
 * A new handshake because data went out and nothing authenticated came back for keepalive timeout +
 * rekey timeout (15 s).
 * @param firedAt when it last fired; it fires again only for what was sent after
 */
export function newHandshakeDue(
  times: Times,
  activity: Activity,
  firedAt: number,
  jitter: number,
): Milliseconds {
  const { dataSentSince, sentAt } = activity;
  if (dataSentSince === NEVER) return NOT_PENDING;
  const patience = times.keepaliveTimeout + times.rekeyTimeout + jitter;
  if (dataSentSince > firedAt) return milliseconds(dataSentSince + patience);
  return sentAt > firedAt ? milliseconds(firedAt + patience) : NOT_PENDING;
}

/**
 * A passive keepalive because data came in and nothing authenticated went out for the keepalive
 * timeout (10 s).
 * @param firedAt when it last fired
 * @param needAnother whether more data had come in while that one was pending
 */
export function passiveKeepaliveDue(
  times: Times,
  activity: Activity,
  firedAt: number,
  needAnother: boolean,
): Milliseconds {
  const { dataReceivedSince, dataReceivedAt, sentAt, handshakeSentAt } = activity;
  const quietSince = Math.max(dataReceivedSince, handshakeSentAt, firedAt);
  if (
    dataReceivedSince !== NEVER && (dataReceivedSince >= quietSince || dataReceivedAt > quietSince)
  ) {
    return milliseconds(quietSince + times.keepaliveTimeout);
  }
  if (!needAnother || sentAt > firedAt + KEEPALIVE_ECHO_MS || handshakeSentAt > firedAt) {
    return NOT_PENDING;
  }
  return milliseconds(firedAt + times.keepaliveTimeout);
}

/**
 * A persistent keepalive: the interval after the last authenticated packet either way.
 * @param interval milliseconds; 0 when it is off
 * @param firedAt when it last fired: it does not fire faster than its interval even if nothing
 *   could be sent
 */
export function persistentKeepaliveDue(
  interval: number,
  activity: Activity,
  firedAt: number,
): Milliseconds {
  if (interval === 0) return NOT_PENDING;
  const { sentAt, receivedAt, handshakeSentAt, handshakeReceivedAt } = activity;
  return milliseconds(
    Math.max(sentAt, receivedAt, handshakeSentAt, handshakeReceivedAt, firedAt) + interval,
  );
}

/**
 * How often a handshake is repeated before it is given up: as often as the rekey timeout goes into
 * the attempt time (18).
 */
export function handshakeRetriesMax(times: Times): number {
  return Math.floor(times.rekeyAttempt / times.rekeyTimeout);
}
