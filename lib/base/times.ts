/**
 * The protocol's intervals as one value, so that tests can shorten them; everything else uses
 * STANDARD_TIMES. And the two values that stand for no time.
 * @module
 */
import { type Milliseconds, milliseconds } from "./brands.ts";
import * as C from "./constants.ts";

/** When something last happened that has not happened yet: earlier than every time. */
export const NEVER: Milliseconds = milliseconds(-Infinity);
/** The deadline of a timer that is not pending: later than every time. */
export const NOT_PENDING: Milliseconds = milliseconds(Infinity);

/** Intervals in milliseconds; each is named and explained in constants.ts. */
export interface Times {
  /** The initiator of a session asks for a new one when it sends on one older than this. */
  readonly rekeyAfter: number;
  /** The initiator asks for a new session when it receives on one older than this. */
  readonly rekeyAfterReceiving: number;
  /** A session older than this sends and accepts nothing. */
  readonly rejectAfter: number;
  /** A handshake attempt is repeated after this long (plus jitter), and not more often. */
  readonly rekeyTimeout: number;
  /** The greatest jitter of a repeated handshake. */
  readonly rekeyTimeoutJitter: number;
  /** A handshake is given up after this long without an answer. */
  readonly rekeyAttempt: number;
  /** A passive keepalive goes out this long after data came and nothing went. */
  readonly keepaliveTimeout: number;
  /** All keys of a peer are erased this long after its last session began. */
  readonly zeroKeysAfter: number;
  /** How long a cookie and the secret that makes cookies are used. */
  readonly cookieSecret: number;
}

/** The whitepaper's values. */
export const STANDARD_TIMES: Times = {
  rekeyAfter: C.REKEY_AFTER_TIME_MS,
  rekeyAfterReceiving: C.REKEY_AFTER_TIME_RECEIVING_MS,
  rejectAfter: C.REJECT_AFTER_TIME_MS,
  rekeyTimeout: C.REKEY_TIMEOUT_MS,
  rekeyTimeoutJitter: C.REKEY_TIMEOUT_JITTER_MS,
  rekeyAttempt: C.REKEY_ATTEMPT_TIME_MS,
  keepaliveTimeout: C.KEEPALIVE_TIMEOUT_MS,
  zeroKeysAfter: C.ZERO_KEYS_AFTER_MS,
  cookieSecret: C.COOKIE_SECRET_MAX_AGE_MS,
};
