/**
 * The command line of usage.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import { displayValue, quote } from "../../base/quote.ts";
import { parseSize, type Period, PERIODS, type Quota } from "./quota.ts";

/** The file of the history without `--file`. */
export const USAGE_FILE = "/var/lib/wg/usage.sqlite";
/** The seconds between two samples without `--every`. */
export const SAMPLE_EVERY_S = 10;
/** The most seconds between two samples. */
const EVERY_MAX_S = 3600;

/** The content of a command line of usage. */
export type UsageLine =
  & { readonly file: string }
  & (
    | { readonly action: "record"; readonly everyMs: number }
    | {
      readonly action: "show";
      /** The interface; undefined for all. */
      readonly name: string | undefined;
      readonly by: Period;
      readonly json: boolean;
    }
    | {
      readonly action: "quota";
      readonly name: string;
      /** A public key or a description, as the user wrote it. */
      readonly peer: string;
      /** Undefined removes the quota. */
      readonly quota: Quota | undefined;
    }
  );

/** What options require. */
const REQUIRED: Readonly<Record<string, string>> = {
  "--file": "a file",
  "--every": `seconds, 1 to ${EVERY_MAX_S}`,
  "--quota": "an amount of data, such as 50G, or none",
  "--per": "day or month",
};
const FLAGS: readonly string[] = ["--record", "--month", "--json"];

/** The options that each action takes. */
const TAKES = {
  record: ["--record", "--every", "--file"],
  show: ["--month", "--json", "--file"],
  quota: ["--quota", "--per", "--file"],
} as const;

/** The words that each action takes at least and at most. */
const WORDS = { record: [0, 0], show: [0, 1], quota: [2, 2] } as const;

/**
 * Reads `usage [interface] [--month] [--json]`, `usage --record [--every seconds]` and `usage
 * interface peer --quota size [--per period]`, each with `--file file`.
 * @throws ConfigError that names the word
 */
export function parseUsage(args: readonly string[]): UsageLine {
  const words: string[] = [];
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (!word.startsWith("-")) words.push(word);
    else if (FLAGS.includes(word)) options.set(word, "");
    else if (Object.hasOwn(REQUIRED, word)) {
      const value = args[++at];
      if (value === undefined) throw new ConfigError(word, `requires ${REQUIRED[word]}`);
      options.set(word, value);
    } else {
      throw new ConfigError(
        displayValue(word),
        "unknown option; `wg help usage` lists the options",
      );
    }
  }
  const action = options.has("--record") ? "record" : options.has("--quota") ? "quota" : "show";
  for (const option of options.keys()) {
    if (!(TAKES[action] as readonly string[]).includes(option)) {
      throw new ConfigError(option, "does not go with the others; `wg help usage` shows the usage");
    }
  }
  const [min, max] = WORDS[action];
  if (words.length > max) {
    throw new ConfigError(displayValue(words[max]), "unexpected word; see `wg help usage`");
  }
  if (words.length < min) throw new ConfigError("--quota", "requires an interface and a peer");
  const file = options.get("--file") ?? USAGE_FILE;
  if (file === "") throw new ConfigError("--file", `requires ${REQUIRED["--file"]}`);
  const [name, peer] = words;
  if (name !== undefined) checkInterfaceName(name);
  switch (action) {
    case "record":
      return { action, file, everyMs: parseEvery(options.get("--every")) };
    case "show":
      return {
        action,
        file,
        name,
        by: options.has("--month") ? "month" : "day",
        json: options.has("--json"),
      };
    case "quota":
      return { action, file, name, peer, quota: parseQuota(options) };
  }
}

function parseQuota(options: ReadonlyMap<string, string>): Quota | undefined {
  const size = options.get("--quota") ?? "";
  const per = options.get("--per") ?? "month";
  const period = PERIODS.find((one) => one === per);
  if (period === undefined) {
    throw new ConfigError("--per", `${quote(per)} is no period; ${REQUIRED["--per"]} is required`);
  }
  return size === "none" ? undefined : { bytes: parseSize("--quota", size), period };
}

function parseEvery(text: string | undefined): number {
  if (text === undefined) return SAMPLE_EVERY_S * 1000;
  const seconds = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= EVERY_MAX_S) return seconds * 1000;
  throw new ConfigError(
    "--every",
    `${quote(text)} is invalid; ${REQUIRED["--every"]} are required`,
  );
}
