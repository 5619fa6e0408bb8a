import assert from "node:assert/strict";
import {
  type Identity,
  readFirstPayload,
  readFirstStatic,
  readSecond,
  writeFirst,
  writeSecond,
} from "../../lib/noise/ikpsk2.ts";
import { CONSTRUCTION } from "../../lib/noise/handshake.ts";
import { noiseStart } from "../../lib/noise/symmetric_state.ts";
import { allSuites } from "./suites.ts";

const hex = (text: string) => Uint8Array.fromHex(text);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const NONE = new Uint8Array(0);

const rows = Deno.readTextFileSync(new URL("../vectors/noise_ikpsk2.tsv", import.meta.url)).split(
  "\n",
)
  .filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split("\t"));

for (const suite of allSuites()) {
  Deno.test(`the published Noise_IKpsk2 vectors, both sides, with ${suite.name}`, () => {
    assert.equal(rows.length, 5);
    for (
      const [, prologue, psk, initStatic, respStatic, initEphemeral, respEphemeral, messageList]
        of rows
    ) {
      const identityOf = (privateHex: string): Identity => {
        const privateKey = hex(privateHex);
        return { privateKey, publicKey: suite.publicKey(privateKey) };
      };
      const initiator = identityOf(initStatic);
      const responder = identityOf(respStatic);
      const messages = messageList.split(",").map((pair) => pair.split(":").map(hex));
      const start = noiseStart(suite, CONSTRUCTION, hex(prologue));
      const shared = suite.sharedSecret(initiator.privateKey, responder.publicKey)!;

      const first = writeFirst(
        suite,
        start,
        initiator,
        responder.publicKey,
        shared,
        hex(initEphemeral),
        messages[0][0],
      )!;
      const { ephemeral, sealedStatic, sealedPayload } = first.parts;
      assert.deepEqual(join(ephemeral, sealedStatic, sealedPayload), messages[0][1]);

      const opened = readFirstStatic(suite, start, responder, ephemeral, sealedStatic)!;
      assert.deepEqual(opened.initiatorStatic, initiator.publicKey);
      assert.deepEqual(readFirstPayload(opened.state, shared, sealedPayload), messages[0][0]);

      const second = writeSecond(
        opened.state,
        ephemeral,
        opened.initiatorStatic,
        hex(psk),
        hex(respEphemeral),
        messages[1][0],
      )!;
      assert.deepEqual(join(second.ephemeral, second.sealedPayload), messages[1][1]);
      const read = readSecond(first.initiated, initiator, hex(psk), second)!;
      assert.deepEqual(read.payload, messages[1][0]);

      const keys = read.state.split();
      assert.deepEqual(opened.state.split(), keys);
      for (let i = 2; i < messages.length; i++) {
        const sealed = suite.seal(keys[i % 2], BigInt(i >> 1) - 1n, messages[i][0], NONE);
        assert.deepEqual(sealed, messages[i][1]);
      }
    }
  });
}
