import assert from "node:assert/strict";
import { takeKeys } from "../../lib/uapi/key_lines.ts";
import { KeyedText } from "../../lib/uapi/keyed_text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const HEX = "c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669";

Deno.test("the bytes of a text are those of its string", () => {
  const text = new KeyedText();
  text.add("private_key=");
  text.addKey(Uint8Array.fromHex(HEX));
  text.add("\ndescription=Büro\npreshared_key=");
  text.addKey(new Uint8Array(32));
  text.add("\n");
  const all = `private_key=${HEX}\ndescription=Büro\npreshared_key=${"0".repeat(64)}\n`;
  assert.equal(text.toString(), all);
  assert.equal(new TextDecoder().decode(text.toBytes("errno=0\n\n")), `${all}errno=0\n\n`);
  assert.equal(new TextDecoder().decode(new KeyedText().toBytes("x")), "x");
});

Deno.test("keys are taken out of their lines and of no others", () => {
  const lines = [
    "set=1",
    `private_key=${HEX.toUpperCase()}`,
    `public_key=${HEX}`,
    `preshared_key=${HEX}`,
    `preshared_key=${HEX}0`,
    `preshared_key=${HEX.slice(1)}g`,
    `description=private_key=${HEX}`,
  ];
  const text = bytes(lines.join("\n"));
  const keys = takeKeys(text);
  assert.deepEqual([...keys.keys()], [1, 3]);
  for (const key of keys.values()) assert.equal(key.toHex(), HEX);
  lines[1] = `private_key=${"*".repeat(64)}`;
  lines[3] = `preshared_key=${"*".repeat(64)}`;
  assert.equal(new TextDecoder().decode(text), lines.join("\n"));
  assert.equal(takeKeys(bytes(`private_key=${HEX}`)).size, 1, "the last line needs no newline");
});
