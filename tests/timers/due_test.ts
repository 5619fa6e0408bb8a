import assert from "node:assert/strict";
import { NEVER, NOT_PENDING, STANDARD_TIMES as T } from "../../lib/base/times.ts";
import {
  type Activity,
  handshakeRetriesMax,
  newHandshakeDue,
  passiveKeepaliveDue,
  persistentKeepaliveDue,
} from "../../lib/timers/due.ts";

const QUIET: Activity = {
  sentAt: NEVER,
  receivedAt: NEVER,
  dataSentSince: NEVER,
  dataReceivedSince: NEVER,
  dataReceivedAt: NEVER,
  handshakeSentAt: NEVER,
  handshakeReceivedAt: NEVER,
};

Deno.test("a quiet peer has nothing pending", () => {
  assert.equal(newHandshakeDue(T, QUIET, 0, 0), NOT_PENDING);
  assert.equal(passiveKeepaliveDue(T, QUIET, 0, false), NOT_PENDING);
  assert.equal(persistentKeepaliveDue(0, QUIET, 0), NOT_PENDING);
  assert.equal(handshakeRetriesMax(T), 19);
});

Deno.test("a new handshake is due 15 s and jitter after data without an answer, once for each later data", () => {
  const sent = { ...QUIET, sentAt: 1000, dataSentSince: 1000 };
  assert.equal(newHandshakeDue(T, sent, 0, 200), 16_200);
  assert.equal(newHandshakeDue(T, sent, 16_200, 200), NOT_PENDING);
  assert.equal(newHandshakeDue(T, { ...sent, sentAt: 17_000 }, 16_200, 0), 31_200);
  // Data of the moment at which the timer fired has been answered for by the handshake.
  assert.equal(newHandshakeDue(T, sent, 1000, 0), NOT_PENDING);
  assert.equal(newHandshakeDue(T, { ...sent, sentAt: 16_200 }, 16_200, 0), NOT_PENDING);
});

Deno.test("a passive keepalive is due 10 s after data was received and nothing sent", () => {
  const received = { ...QUIET, receivedAt: 1000, dataReceivedSince: 1000, dataReceivedAt: 1000 };
  assert.equal(passiveKeepaliveDue(T, received, 0, false), 11_000);
  assert.equal(
    passiveKeepaliveDue(T, { ...received, handshakeSentAt: 2000 }, 0, false),
    NOT_PENDING,
  );
  assert.equal(
    passiveKeepaliveDue(T, { ...received, handshakeSentAt: 2000, dataReceivedAt: 3000 }, 0, false),
    12_000,
  );
  assert.equal(
    passiveKeepaliveDue(T, { ...received, handshakeSentAt: 2000, dataReceivedAt: 2000 }, 0, false),
    NOT_PENDING,
    "a handshake message of the same moment is an answer",
  );
  assert.equal(
    passiveKeepaliveDue(T, received, 11_000, false),
    NOT_PENDING,
    "it fired and could not be sent",
  );
});

Deno.test("a second passive keepalive is due when more data came while the first was pending", () => {
  const answered = { ...QUIET, sentAt: 11_001, dataReceivedAt: 5000 };
  assert.equal(passiveKeepaliveDue(T, answered, 11_000, true), 21_000);
  assert.equal(passiveKeepaliveDue(T, answered, 11_000, false), NOT_PENDING);
  // The keepalive itself is sent up to a second after the timer has fired.
  assert.equal(passiveKeepaliveDue(T, { ...answered, sentAt: 12_000 }, 11_000, true), 21_000);
  assert.equal(passiveKeepaliveDue(T, { ...answered, sentAt: 12_001 }, 11_000, true), NOT_PENDING);
  const same = { ...answered, handshakeSentAt: 11_000 };
  assert.equal(passiveKeepaliveDue(T, same, 11_000, true), 21_000);
  assert.equal(
    passiveKeepaliveDue(T, { ...answered, handshakeSentAt: 15_000 }, 11_000, true),
    NOT_PENDING,
  );
});

Deno.test("the persistent keepalive counts from the last authenticated packet of any kind", () => {
  for (const field of ["sentAt", "receivedAt", "handshakeSentAt", "handshakeReceivedAt"] as const) {
    assert.equal(persistentKeepaliveDue(25_000, { ...QUIET, [field]: 7000 }, 0), 32_000, field);
  }
  assert.equal(persistentKeepaliveDue(25_000, QUIET, 9000), 34_000);
});
