/**
 * Inputs that failed once, some inputs to each target, and tests of the fuzzer itself. `deno task
 * fuzz` feeds more.
 */
import assert from "node:assert/strict";
import { Chance, SEED } from "../random.ts";
import { casesOf, inputOf } from "./cases.ts";
import { fuzz } from "./fuzzer.ts";
import { Judge, minimise } from "./judge.ts";
import { mutate } from "./mutate.ts";
import { deep, forgetful, greedy } from "./planted.ts";
import { targetOf, TARGETS } from "./targets.ts";

/** Inputs to each target in a run of the tests. */
const INPUTS = 200;
/** Inputs in which coverage finds the planted fault, many times over. */
const DEEP_INPUTS = 200_000;

for (const target of TARGETS) {
  Deno.test(`fuzz ${target.name}: some inputs, and those that failed once`, async () => {
    for (const { input, about } of casesOf(target.name)) {
      try {
        new Judge(target).feed(input);
      } catch (cause) {
        throw new Error(`${target.name}: ${input.toHex().slice(0, 200)}: ${about}`, { cause });
      }
    }
    const { inputs, verdicts, failure } = await fuzz(target, {
      seed: SEED,
      inputs: INPUTS,
      guided: false,
    });
    if (failure !== undefined) {
      const again = failure.alone ? `--input ${failure.input.toHex()}` : `--seed ${SEED} --blind`;
      console.error(`WG_TEST_SEED=${SEED}; deno task fuzz ${target.name} ${again}`);
      throw failure.error;
    }
    assert.equal(inputs, INPUTS);
    assert.ok(verdicts.size >= 2, `all inputs came to the same: ${[...verdicts.keys()]}`);
  });
}

Deno.test("every file of cases belongs to a target and has inputs", () => {
  for (const { name } of Deno.readDirSync(new URL("cases/", import.meta.url))) {
    const target = name.replace(/\.txt$/, "");
    assert.ok(targetOf(target) !== undefined, name);
    assert.ok(casesOf(target).length > 0, name);
  }
});

Deno.test("an input is written in hexadecimal, with repeated pieces", () => {
  assert.equal(inputOf("2428*3 29").toHex(), "24282428242829");
  assert.throws(() => inputOf("2"));
});

Deno.test("coverage finds a fault behind six conditions, which blind inputs do not reach", async () => {
  const options = { seed: SEED, inputs: DEEP_INPUTS };
  const guided = await fuzz(deep, { ...options, guided: true });
  assert.match(String(guided.failure?.error), /deepest block/, `${guided.kept} kept`);
  assert.equal(new TextDecoder().decode(guided.failure!.input), "depths");
  const blind = await fuzz(deep, { ...options, inputs: guided.inputs, guided: false });
  assert.equal(blind.failure, undefined, `after ${guided.inputs} inputs`);
});

Deno.test("an input that makes the target allocate too much is a failure", async () => {
  const { failure } = await fuzz(greedy, { seed: SEED, inputs: 1_000, guided: false });
  assert.match(String(failure?.error), /allocat/i);
});

Deno.test("a failure that needs the inputs before it is told by its seed", async () => {
  const options = { seed: SEED, inputs: 10_000, guided: false };
  const first = await fuzz(forgetful, options);
  assert.equal(first.failure?.alone, false);
  const second = await fuzz(forgetful, options);
  assert.deepEqual(second.failure?.input, first.failure?.input);
});

Deno.test("a failing input is made small", () => {
  const input = new TextEncoder().encode("depths and much behind it");
  assert.equal(new TextDecoder().decode(minimise(deep, input)), "depths");
});

Deno.test("mutations follow from the seed, keep the limit and leave the input alone", () => {
  const input = Chance.of(SEED).bytes(300);
  const before = input.slice();
  const stock = { words: [], other: () => new Uint8Array(400).fill(7), bytesMax: 350 };
  const some = () => {
    const chance = Chance.of(SEED);
    return Array.from({ length: 500 }, () => mutate(chance, input, stock));
  };
  const mutated = some();
  assert.deepEqual(some(), mutated);
  assert.deepEqual(input, before);
  assert.ok(mutated.every((one) => one.length <= 350));
  assert.ok(new Set(mutated.map((one) => one.toHex())).size > 300);
});
