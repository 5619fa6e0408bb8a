import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { sessionIndex } from "../../lib/base/brands.ts";
import { KEY_LENGTH, MESSAGE_INITIATION } from "../../lib/base/constants.ts";
import { checkMac1, mac1Key } from "../../lib/cookie/macs.ts";
import { nobleSuite as suite } from "../../lib/crypto/noble_suite.ts";
import {
  createResponse,
  identityOf,
  openInitiation,
  openTimestamp,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import { INITIATION, messageKind, readIndex } from "../../lib/wire/messages.ts";
import { ask } from "../../scripts/bench/handshake_load.ts";

Deno.test("the load's initiations are real: a responder opens them, and its answers open there", async () => {
  const random = () => crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
  const responder = identityOf(suite, random());
  const initiators = [random(), random(), random()];
  const known = new Map(initiators.map((key) => [identityOf(suite, key).publicKey.toHex(), key]));
  const start = wireguardStart(suite);
  const mac = mac1Key(suite, responder.publicKey);
  const latest = new Map<string, string>();
  const problems: string[] = [];
  let answers = 0;

  const socket = createSocket("udp4");
  socket.on("message", (message: Uint8Array, from: { port: number; address: string }) => {
    if (messageKind(message) !== MESSAGE_INITIATION || !checkMac1(suite, mac, message)) {
      return void problems.push("mac1");
    }
    const opened = openInitiation(suite, start, responder, message);
    const who = opened?.initiatorStatic.toHex() ?? "";
    if (opened === undefined || !known.has(who)) {
      return void problems.push("not one of the initiators");
    }
    const shared = suite.sharedSecret(responder.privateKey, opened.initiatorStatic) ??
      new Uint8Array(KEY_LENGTH);
    const time = openTimestamp(opened, shared, message)?.toHex() ?? "";
    if (time <= (latest.get(who) ?? "")) return void problems.push("a timestamp that did not grow");
    latest.set(who, time);
    const receiver = readIndex(message, INITIATION.sender);
    const made = createResponse(
      opened,
      new Uint8Array(KEY_LENGTH),
      sessionIndex(9),
      receiver,
      random(),
    );
    if (made === undefined) return void problems.push("no response");
    answers++;
    socket.send(made.message, from.port, from.address);
  });
  await new Promise<void>((bound) => socket.bind(0, "127.0.0.1", bound));
  try {
    const count = await ask({
      address: "127.0.0.1",
      port: socket.address().port,
      responder: responder.publicKey.toHex(),
      initiators: initiators.map((key) => key.toHex()),
      seconds: 3,
    });
    assert.deepEqual(problems, []);
    assert.ok(count.answered > 3 && count.answered <= answers, JSON.stringify(count));
    assert.ok(count.verified > 0);
    assert.equal(count.cookies, 0);
    assert.equal(latest.size, 3);
  } finally {
    socket.close();
  }
});
