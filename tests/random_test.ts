import assert from "node:assert/strict";
import { Chance, property, SEED, trial } from "./random.ts";

/** Runs something that fails. Returns its error and what was printed. */
function failure(body: () => void): { readonly error: Error; readonly printed: string } {
  const { error: print } = console;
  let printed = "";
  console.error = (text: string) => printed += text;
  try {
    body();
  } catch (error) {
    if (error instanceof Error) return { error, printed };
    throw error;
  } finally {
    console.error = print;
  }
  return assert.fail("it did not fail");
}

Deno.test("the same seed gives the same numbers, each within its bounds", () => {
  const [a, b] = [Chance.of(7), Chance.of(7)];
  for (let i = 0; i < 1000; i++) {
    const drawn = a.int(1 + i);
    assert.ok(drawn >= 0 && drawn <= i);
    assert.equal(b.int(1 + i), drawn);
  }
  assert.deepEqual(a.bytes(100), b.bytes(100));
  assert.notDeepEqual(a.bytes(100), Chance.of(8).bytes(100));
});

Deno.test("a trial that fails is made small, and the seed is printed", () => {
  const { error, printed } = failure(() =>
    property(200, (chance) => {
      const list = Array.from({ length: chance.int(30) }, () => chance.int(10_000));
      if (list.some((one) => one > 500)) throw new Error(list.join());
    })
  );
  assert.match(error.message, /^(0,)*501$/);
  assert.match(printed, new RegExp(`^WG_TEST_SEED=${SEED}, `));
  const once = failure(() => trial((chance) => assert.equal(chance.int(9), 9), 4));
  assert.equal(once.printed, `WG_TEST_SEED=${SEED}, trial 4`);
});
