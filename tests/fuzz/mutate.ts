/**
 * Changes inputs by chance, so that nearly valid ones come out: bits, numbers at their limits,
 * lengths that lie, pieces cut out, repeated, moved, or taken from another input.
 * @module
 */
import type { Chance } from "../random.ts";

/** What the mutations of one target draw from. */
export interface Stock {
  /** Bytes that inputs are made of. */
  readonly words: readonly Uint8Array[];
  /** Another input to take a piece of. */
  readonly other: () => Uint8Array;
  /** The longest input, in bytes. */
  readonly bytesMax: number;
}

type Mutation = (chance: Chance, input: Uint8Array, stock: Stock) => Uint8Array;

const BYTES = [0, 1, 2, 4, 9, 10, 13, 32, 34, 36, 39, 40, 45, 61, 92, 96, 0x7f, 0x80, 0xfe, 0xff];
const DECIMALS = [
  "0",
  "1",
  "-1",
  "255",
  "256",
  "65535",
  "65536",
  "2147483647",
  "2147483648",
  "4294967295",
  "4294967296",
  "9007199254740993",
  "18446744073709551615",
  "18446744073709551616",
  "00000000000000000001",
  "1e3",
];

/** Applies up to eight mutations. The result may be empty. */
export function mutate(chance: Chance, input: Uint8Array, stock: Stock): Uint8Array {
  let result = input;
  for (let left = 1 << chance.int(4); left > 0; left--) {
    result = chance.oneOf(MUTATIONS)(chance, result, stock);
    if (result.length > stock.bytesMax) result = result.subarray(0, stock.bytesMax);
  }
  return result.slice();
}

/** Replaces bytes `from` to `to` by others. */
function replaced(
  input: Uint8Array,
  from: number,
  to: number,
  ...pieces: readonly Uint8Array[]
): Uint8Array {
  const inserted = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const result = new Uint8Array(input.length - (to - from) + inserted);
  result.set(input.subarray(0, from));
  let at = from;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  result.set(input.subarray(to), at);
  return result;
}

/** A piece of the input: short ones are as likely as long ones. */
function piece(chance: Chance, input: Uint8Array): readonly [from: number, to: number] {
  const from = chance.int(input.length + 1);
  const longest = Math.min(input.length - from, 1 << chance.int(16));
  return [from, from + chance.int(longest + 1)];
}

/** A line of a text, with its line feed. */
function line(chance: Chance, input: Uint8Array): readonly [from: number, to: number] {
  const at = chance.int(input.length + 1);
  const from = at === 0 ? 0 : input.lastIndexOf(10, at - 1) + 1;
  const end = input.indexOf(10, at);
  return [from, end < 0 ? input.length : end + 1];
}

/** Writes a number of 1, 2, 4 or 8 bytes over the input, of either byte order. */
function withNumber(
  chance: Chance,
  input: Uint8Array,
  change: (now: bigint, bits: number) => bigint,
): Uint8Array {
  const size = chance.oneOf([1, 2, 4, 8]);
  if (input.length < size) return input;
  const result = input.slice();
  // Fields are most often aligned.
  const places = input.length - size + 1;
  const at = chance.once(3) ? chance.int(places) : chance.int(Math.ceil(places / size)) * size;
  const order = chance.once(2);
  let now = 0n;
  for (let i = 0; i < size; i++) {
    now = now << 8n | BigInt(result[order ? at + size - 1 - i : at + i]);
  }
  let next = BigInt.asUintN(size * 8, change(now, size * 8));
  for (let i = 0; i < size; i++, next >>= 8n) {
    result[order ? at + i : at + size - 1 - i] = Number(next & 255n);
  }
  return result;
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(chance, input) {
    const result = input.slice();
    if (input.length > 0) result[chance.int(input.length)] ^= 1 << chance.int(8);
    return result;
  },
  function setByte(chance, input) {
    const result = input.slice();
    if (input.length > 0) {
      result[chance.int(input.length)] = chance.once(2) ? chance.oneOf(BYTES) : chance.int(256);
    }
    return result;
  },
  function limitOfNumber(chance, input) {
    return withNumber(chance, input, (_, bits) => {
      const power = 1n << BigInt(chance.int(bits + 1));
      return chance.oneOf([0n, power, power - 1n, power + 1n, -power]);
    });
  },
  function lengthOfInput(chance, input) {
    return withNumber(chance, input, () => BigInt(input.length + chance.int(33) - 16));
  },
  function nearNumber(chance, input) {
    return withNumber(chance, input, (now) => now + BigInt(chance.int(33) - 16));
  },
  function cutEnd(chance, input) {
    return input.subarray(0, chance.int(input.length + 1));
  },
  function remove(chance, input) {
    return replaced(input, ...piece(chance, input));
  },
  function repeat(chance, input) {
    const [from, to] = piece(chance, input);
    const count = 1 << chance.int(8);
    const copies = Array.from({ length: count }, () => input.subarray(from, to));
    return (to - from) * count > 1 << 16 ? input : replaced(input, to, to, ...copies);
  },
  function move(chance, input) {
    const [from, to] = piece(chance, input);
    const without = replaced(input, from, to);
    const at = chance.int(without.length + 1);
    return replaced(without, at, at, input.subarray(from, to));
  },
  function insertBytes(chance, input) {
    const at = chance.int(input.length + 1);
    return replaced(input, at, at, chance.bytes(1 + chance.int(1 << chance.int(8))));
  },
  function insertWord(chance, input, { words }) {
    if (words.length === 0) return input;
    const at = chance.int(input.length + 1);
    return replaced(input, at, at, chance.oneOf(words));
  },
  function overwriteByWord(chance, input, { words }) {
    if (words.length === 0) return input;
    const at = chance.int(input.length + 1);
    const word = chance.oneOf(words);
    return replaced(input, at, Math.min(input.length, at + word.length), word);
  },
  function splice(chance, input, { other }) {
    const source = other();
    return replaced(input, ...piece(chance, input), source.subarray(...piece(chance, source)));
  },
  function joinEnds(chance, input, { other }) {
    const source = other();
    return replaced(
      input,
      chance.int(input.length + 1),
      input.length,
      source.subarray(chance.int(source.length + 1)),
    );
  },
  function repeatLine(chance, input) {
    const [from, to] = line(chance, input);
    const at = line(chance, input)[0];
    return replaced(input, at, at, input.subarray(from, to));
  },
  function removeLine(chance, input) {
    return replaced(input, ...line(chance, input));
  },
  function takeLine(chance, input, { other }) {
    const source = other();
    const at = line(chance, input)[0];
    return replaced(input, at, at, source.subarray(...line(chance, source)));
  },
  function decimal(chance, input) {
    const isDigit = (byte: number) => byte >= 48 && byte < 58;
    const from = chance.int(input.length + 1);
    const first = input.findIndex((byte, i) => i >= from && isDigit(byte));
    if (first < 0) return input;
    let end = first;
    while (end < input.length && isDigit(input[end])) end++;
    return replaced(input, first, end, new TextEncoder().encode(chance.oneOf(DECIMALS)));
  },
];
