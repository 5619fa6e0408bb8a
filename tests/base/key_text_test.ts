import assert from "node:assert/strict";
import { KEY_TEXT_LENGTH, readKeyText, writeKeyText } from "../../lib/base/key_text.ts";
import { property } from "../random.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("key text: as the runtime's base64, both ways", () => {
  property(300, (chance) => {
    const key = chance.bytes(32);
    const text = new Uint8Array(KEY_TEXT_LENGTH);
    writeKeyText(text, 0, key);
    assert.equal(new TextDecoder().decode(text), key.toBase64());
    assert.deepEqual(readKeyText(text)?.toHex(), key.toHex());
  });
});

Deno.test("key text: what is not exactly one key is refused", () => {
  const good = new Uint8Array(32).fill(0xfb).toBase64();
  property(300, (chance) => {
    const at = chance.int(KEY_TEXT_LENGTH);
    const text = bytesOf(good);
    text[at] = chance.int(256);
    let runtime: string | undefined;
    try {
      const decoded = Uint8Array.fromBase64(String.fromCharCode(...text), {
        lastChunkHandling: "strict",
      });
      // The runtime ignores white space.
      if (decoded.length === 32 && !/\s/.test(String.fromCharCode(text[at]))) {
        runtime = decoded.toHex();
      }
    } catch {
      runtime = undefined;
    }
    assert.equal(readKeyText(text)?.toHex(), runtime);
  });
  for (const text of ["", good.slice(1), `${good}=`, `${good.slice(0, 42)}==`, `${good}\n`]) {
    assert.equal(readKeyText(bytesOf(text)), undefined);
  }
});
