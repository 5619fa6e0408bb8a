/**
 * The deadlines of the timers that depend on a peer's packets (whitepaper section 6). They are
 * computed from the times of past events, so no timer is set while packets flow.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { NEVER, NOT_PENDING, type Times } from "../base/times.ts";

/** The times of past events of a peer. The fields up to `dataReceivedAt` are those of PeerTable. */
export interface Activity {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly dataSentSince: number;
  readonly dataReceivedSince: number;
  readonly dataReceivedAt: number;
  /** When an initiation or response was last sent. */
  readonly handshakeSentAt: number;
  /** When an authenticated initiation or response was last received. */
  readonly handshakeReceivedAt: number;
}

/**
 * How long after `firedAt` a passive keepalive may be sent. A packet sent later than that is
 * another one.
 */
const KEEPALIVE_ECHO_MS = 1_000;

/**
 * When a new handshake is due because data was sent and nothing authenticated was received for
 * keepalive timeout + rekey timeout (15 s).
 * @param firedAt when the timer last fired; it fires again for data sent after that
 * @param jitter random milliseconds added to the timeout
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
 * When a passive keepalive is due because data was received and nothing authenticated was sent for
 * the keepalive timeout (10 s).
 * @param firedAt when the timer last fired
 * @param needAnother whether more data was received while the timer was pending
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
 * When a persistent keepalive is due: `interval` after the last authenticated packet was sent or
 * received.
 * @param interval milliseconds; 0 switches persistent keepalives off
 * @param firedAt when the timer last fired, which limits its rate when sending fails
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
 * How often an initiation is repeated before the handshake is given up: 90 s / 5 s + 1 = 19 times.
 * With the first one these are 20 attempts, as OpenBSD and Linux make.
 */
export function handshakeRetriesMax(times: Times): number {
  return Math.floor(times.rekeyAttempt / times.rekeyTimeout) + 1;
}
