/** The protocol's values, beside those of the whitepaper and of Linux. */
import assert from "node:assert/strict";
import * as C from "../../lib/base/constants.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";

Deno.test("the limits of sessions are those of section 6.1 of the whitepaper", () => {
  assert.equal(C.REKEY_AFTER_MESSAGES, 1_152_921_504_606_846_976n);
  assert.equal(C.REJECT_AFTER_MESSAGES, 18_446_744_073_709_543_423n);
  assert.deepEqual(STANDARD_TIMES, {
    rekeyAfter: 120_000,
    rekeyAfterReceiving: 165_000,
    rejectAfter: 180_000,
    rekeyTimeout: 5_000,
    // Linux: a random time of less than a third of a second.
    rekeyTimeoutJitter: 333,
    rekeyAttempt: 90_000,
    keepaliveTimeout: 10_000,
    zeroKeysAfter: 540_000,
    cookieSecret: 120_000,
  });
});

Deno.test("lengths, message types and DSCP are those on the wire", () => {
  const lengths = [C.INITIATION_LENGTH, C.RESPONSE_LENGTH, C.COOKIE_REPLY_LENGTH];
  assert.deepEqual([...lengths, C.DATA_LENGTH_MIN, C.DATA_OVERHEAD], [148, 92, 64, 32, 32]);
  const types = [C.MESSAGE_INITIATION, C.MESSAGE_RESPONSE, C.MESSAGE_COOKIE_REPLY, C.MESSAGE_DATA];
  assert.deepEqual(types, [1, 2, 3, 4]);
  const fields = [C.KEY_LENGTH, C.TAG_LENGTH, C.MAC_LENGTH, C.COOKIE_LENGTH, C.TIMESTAMP_LENGTH];
  assert.deepEqual(fields, [32, 16, 16, 16, 12]);
  assert.equal(C.HANDSHAKE_TOS, 0x88);
  assert.equal(C.DATAGRAM_MAX, 65_535);
});

Deno.test("limits of queues and tables: Linux's where it has them", () => {
  assert.equal(C.REPLAY_WINDOW_BITS, 8192);
  assert.equal(C.STAGED_PACKETS_MAX, 128);
  assert.equal(C.HANDSHAKE_QUEUE_MAX, 4096);
  assert.equal(C.UNDER_LOAD_QUEUE, 512);
  assert.equal(C.UNDER_LOAD_AFTER_MS, 1_000);
  assert.equal(C.INITIATIONS_PER_SECOND, 50);
  assert.deepEqual([C.PROVEN_QUEUE_MAX, C.UNANSWERED_MAX], [1024, 1024]);
  assert.deepEqual([C.PEERS_MAX, C.ALLOWED_IPS_MAX, C.SESSION_SLOTS], [2 ** 16, 2 ** 20, 2 ** 18]);
  assert.equal(C.DEFAULT_MTU, 1420);
  assert.equal(C.IPV6_MTU_MIN, 1280);
  // OpenBSD's.
  assert.deepEqual([C.PERSISTENT_KEEPALIVE_MAX_S, C.DESCRIPTION_SIZE, C.RDOMAIN_MAX], [
    43_200,
    64,
    255,
  ]);
});
