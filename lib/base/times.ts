/**
 * The protocol's intervals as one value, which tests replace by a shorter one, and the two values
 * that stand for no time.
 * @module
 */
import { type Milliseconds, milliseconds } from "./brands.ts";
import * as C from "./constants.ts";

/** The time of an event that has not happened: earlier than every time. */
export const NEVER: Milliseconds = milliseconds(-Infinity);
/** The deadline of a timer that is not pending: later than every time. */
export const NOT_PENDING: Milliseconds = milliseconds(Infinity);

/** The protocol's intervals in milliseconds (constants.ts). */
export interface Times {
  /** Age of a session at which its initiator begins a new handshake when it sends. */
  readonly rekeyAfter: number;
  /** Age of a session at which its initiator begins a new handshake when it receives. */
  readonly rekeyAfterReceiving: number;
  /** Age of a session at which it neither sends nor receives. */
  readonly rejectAfter: number;
  /** How long an initiation waits for its response before the next is sent, besides the jitter. */
  readonly rekeyTimeout: number;
  /** The longest random time added to `rekeyTimeout`. */
  readonly rekeyTimeoutJitter: number;
  /** How long a handshake is tried before it is given up. */
  readonly rekeyAttempt: number;
  /** How long after data was received, and nothing sent, a passive keepalive is sent. */
  readonly keepaliveTimeout: number;
  /** How long after its last session began all keys of a peer are erased. */
  readonly zeroKeysAfter: number;
  /** How long the secret of cookies is used. */
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
