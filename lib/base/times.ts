/**
 * The protocol's intervals as one value, so that tests can shorten them; everything else uses STANDARD_TIMES.
 * @module
 */
import * as C from "./constants.ts";

/** Intervals in milliseconds; each is named and explained in constants.ts. */
export interface Times {
  readonly rekeyAfter: number;
  readonly rekeyAfterReceiving: number;
  readonly rejectAfter: number;
  readonly rekeyTimeout: number;
  readonly rekeyTimeoutJitter: number;
  readonly rekeyAttempt: number;
  readonly keepaliveTimeout: number;
  readonly zeroKeysAfter: number;
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
