/**
 * Targets with faults, for the tests of the fuzzer.
 * @module
 */
import type { Target } from "./target.ts";

const WORD = "depths";

/** A target whose fault lies behind six conditions, each in a block of its own. */
export const deep: Target = {
  name: "deep",
  covers: ["tests/fuzz/planted.ts"],
  bytesMax: 32,
  words: [...WORD],
  make: () => new Uint8Array(6),
  open: () => (input) => {
    const is = (at: number) => input[at] === WORD.charCodeAt(at);
    if (!is(0)) return "0";
    if (is(1)) {
      if (is(2)) {
        if (is(3)) {
          if (is(4)) {
            if (is(5)) {
              throw new Error("the deepest block was reached");
            }
            return "5";
          }
          return "4";
        }
        return "3";
      }
      return "2";
    }
    return "1";
  },
};

/** A target that believes a length. */
export const greedy: Target = {
  name: "greedy",
  covers: [],
  bytesMax: 64,
  make: (chance) => chance.bytes(64),
  open: () => {
    let taken = new Uint8Array();
    return (input) => {
      if (input.length < 4) return "short";
      taken = new Uint8Array(new DataView(input.slice().buffer).getUint32(0) >>> 2);
      return taken.length > 0 ? "some" : "none";
    };
  },
};

/** A target that fails once 20 inputs began with a bit that is set. */
export const forgetful: Target = {
  name: "forgetful",
  covers: [],
  bytesMax: 64,
  make: (chance) => chance.bytes(8),
  open: () => {
    let left = 20;
    return (input) => {
      if ((input[0] & 1) === 1 && --left === 0) throw new Error("too many");
      return `${input[0] & 1}`;
    };
  },
};
