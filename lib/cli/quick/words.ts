/**
 * Reads the command line of `wg quick`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";

/** The subcommands. */
export const ACTIONS = ["up", "down", "save", "strip", "reload", "status"] as const;
export type Action = typeof ACTIONS[number];

/** The options of each subcommand. */
const OPTIONS: Readonly<Record<Action, readonly Option[]>> = {
  up: ["-n", "--quiet"],
  down: ["-n", "--quiet", "--unit"],
  save: ["--quiet"],
  strip: [],
  reload: ["-n", "--quiet"],
  status: ["--json"],
};
type Option = "-n" | "--quiet" | "--unit" | "--json";

/** A command line. */
export interface QuickWords {
  readonly action: Action;
  /** The name of an interface, or the path of a file; undefined only for `status` of all. */
  readonly target: string | undefined;
  /** Whether the plan is printed and nothing is done. */
  readonly print: boolean;
  /** Whether the steps are not told. */
  readonly quiet: boolean;
  readonly json: boolean;
  /** Whether only what the same run of a unit has brought up is taken down. */
  readonly unit: boolean;
}

/**
 * Reads the words after `quick`. An option may be anywhere after the subcommand; after `--` every
 * word is a name.
 * @throws ConfigError
 */
export function parseQuickWords(words: readonly string[]): QuickWords {
  const [first, ...rest] = words;
  const action = ACTIONS.find((one) => one === first);
  if (action === undefined) {
    const what = first === undefined ? "quick" : displayValue(first);
    throw new ConfigError(
      what,
      `${ACTIONS.slice(0, -1).join(", ")} or ${ACTIONS.at(-1)} is required`,
    );
  }
  const given = new Set<string>();
  const targets: string[] = [];
  let literal = false;
  for (const word of rest) {
    if (literal || !word.startsWith("-")) targets.push(word);
    else if (word === "--") literal = true;
    else {
      const options = optionsIn(word);
      const known = options.every((one) => (OPTIONS[action] as readonly string[]).includes(one));
      if (!known) throw new ConfigError(displayValue(word), `${action} has no such option`);
      for (const option of options) given.add(option);
    }
  }
  if (targets.length > 1) {
    throw new ConfigError(displayValue(targets[1]), "one interface or file is required");
  }
  const [target] = targets;
  if (target === undefined && action !== "status") {
    throw new ConfigError(action, "the name of an interface, or a file NAME.conf, is required");
  }
  return {
    action,
    target,
    print: given.has("-n"),
    quiet: given.has("--quiet"),
    json: given.has("--json"),
    unit: given.has("--unit"),
  };
}

/** The options of a word: `-nq` is `-n` and `-q`. */
const optionsIn = (word: string): string[] =>
  /^-[a-z]+$/.test(word)
    ? [...word.slice(1)].map((letter) => letter === "q" ? "--quiet" : `-${letter}`)
    : [word];
