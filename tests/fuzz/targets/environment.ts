/**
 * The environment that a packed program carries for the commands that it runs.
 * @module
 */
import assert from "node:assert/strict";
import { carriedVariables } from "../../../lib/daemon/packed.ts";
import type { Chance } from "../../random.ts";
import { bytesOf, parsed, type Target, textOf } from "../target.ts";

function carried(chance: Chance): Uint8Array {
  const variables = Array.from(
    { length: chance.int(6) },
    () =>
      chance.oneOf(["PATH=/bin", "A=", "=B", "Zoë=ü", "NONE", `X=${"y".repeat(chance.int(200))}`]),
  );
  return bytesOf(bytesOf(variables.map((variable) => `${variable}\0`).join("")).toBase64());
}

/** The value of the variable that carries it. */
export const environment: Target = {
  name: "environment",
  covers: ["lib/daemon/packed.ts"],
  bytesMax: 8_192,
  words: ["AA==", "QT1CAA==", "=", "\n", "QQ"],
  make: carried,
  open: () => (input) => {
    const text = textOf(input);
    return parsed(() => carriedVariables(text), (variables) => {
      const all = Uint8Array.from(variables.flatMap((variable) => [...variable, 0]));
      assert.deepEqual(carriedVariables(all.toBase64()), variables, "variables differ");
      assert.ok(variables.every((variable) => !variable.includes(0)));
      return variables.length === 0 ? "none" : "variables";
    }, text);
  },
};
