/**
 * The words of `wg tcpdump`.
 * @module
 */
import { CAPTURE_SNAP_MAX, CAPTURE_TERMS_MAX } from "../../base/capture_filter.ts";
import type { AllowedIp } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { parseDecimal, parseIp, parseRange } from "../../base/ip_text.ts";
import { displayValue, quote } from "../../base/quote.ts";

const COUNT_MAX = 0xffff_ffff;

/** A command line of tcpdump. */
export interface TcpdumpLine {
  readonly interface: string;
  /** The file to write; `-` for the standard output; undefined to print lines. */
  readonly file: string | undefined;
  /** The number of packets after which it ends. */
  readonly count: number;
  readonly snap: number;
  readonly json: boolean;
  readonly secrets: boolean;
  readonly layers: {
    readonly inner: boolean;
    readonly handshakes: boolean;
    readonly data: boolean;
  };
  /** Descriptions or public keys of peers. */
  readonly peers: readonly string[];
  readonly ranges: readonly AllowedIp[];
}

/**
 * Reads the words after `tcpdump`.
 * @throws ConfigError that names the word, its value and what is required
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseTcpdump } from "./words.ts";
 *
 * const line = parseTcpdump(["wg1", "-c", "10", "peer", "anna", "host", "10.0.0.1"]);
 * assert.equal(line.count, 10);
 * assert.deepEqual(line.peers, ["anna"]);
 * ```
 */
export function parseTcpdump(args: readonly string[]): TcpdumpLine {
  const [name, ...words] = args;
  if (name === undefined || name.startsWith("-")) {
    throw new ConfigError(
      "tcpdump",
      "an interface is required first; `wg help tcpdump` tells more",
    );
  }
  let file: string | undefined;
  let count = Infinity;
  let snap = CAPTURE_SNAP_MAX;
  let json = false;
  let secrets = false;
  let only: "inner" | "outer" | undefined;
  const peers: string[] = [];
  const ranges: AllowedIp[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const operand = (what: string): string => {
      const value = words.shift();
      if (value !== undefined && value !== "") return value;
      throw new ConfigError(word as string, `${what} is required after it`);
    };
    switch (word) {
      case "-w":
        file = operand("a file");
        break;
      case "-c":
        count = number(word, operand("a number of packets"), COUNT_MAX);
        break;
      case "-s":
        snap = number(word, operand("a number of bytes"), CAPTURE_SNAP_MAX);
        break;
      case "--json":
        json = true;
        break;
      case "--secrets":
        secrets = true;
        break;
      case "peer":
        peers.push(operand("a name or a public key"));
        break;
      case "net":
      case "host":
        ranges.push(range(word, operand(word === "net" ? "a prefix" : "an address")));
        break;
      case "inner":
      case "outer":
        if (only !== undefined && only !== word) {
          throw new ConfigError(word, `${only} excludes it; without both, both are recorded`);
        }
        only = word;
        break;
      default:
        throw new ConfigError(
          displayValue(word),
          "unknown word; `wg help tcpdump` lists the options and terms",
        );
    }
  }
  if (Math.max(peers.length, ranges.length) > CAPTURE_TERMS_MAX) {
    throw new ConfigError("tcpdump", `at most ${CAPTURE_TERMS_MAX} peers or ranges are possible`);
  }
  if (json && file !== undefined) throw new ConfigError("--json", "it cannot be used with -w");
  if (secrets && (file === undefined || only === "inner")) {
    throw new ConfigError("--secrets", "a file (-w) with outer datagrams is required");
  }
  const layers = {
    inner: only !== "outer",
    handshakes: only !== "inner",
    data: only === "outer" || only === undefined && file !== undefined,
  };
  return { interface: name, file, count, snap, json, secrets, layers, peers, ranges };
}

function number(word: string, value: string, max: number): number {
  const found = parseDecimal(value, max);
  if (found !== undefined && found > 0) return found;
  throw new ConfigError(word, `${quote(value)} is out of range; 1 to ${max} is required`);
}

function range(word: "net" | "host", value: string): AllowedIp {
  if (word === "host") {
    const address = parseIp(value);
    if (address !== undefined) return { address, prefix: address.length * 8 };
    throw new ConfigError(word, `${quote(value)} is no IP address`);
  }
  const found = parseRange(value);
  if (found !== undefined) return found;
  throw new ConfigError(word, `${quote(value)} is no prefix; ADDRESS/LENGTH is required`);
}
