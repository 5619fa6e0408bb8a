/**
 * The words of `wg monitor`, and the limits that its help tells.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";

/** How long a hook may take. Then it and what it has started are killed. */
export const HOOK_SECONDS = 30;
/** The most hooks that run at once. */
export const HOOKS_RUNNING_MAX = 8;

/** A command line of `wg monitor`. */
export interface MonitorLine {
  /** The interfaces; none for all. */
  readonly names: readonly string[];
  readonly json: boolean;
  /** Whether events go to the journal. */
  readonly journal: boolean;
  /** The folder of hooks. */
  readonly hooks: string | undefined;
}

/**
 * Reads `monitor [--json | [--journal] [--hooks FOLDER]] [interface ...]`.
 * @throws ConfigError that names the word
 */
export function parseMonitor(args: readonly string[]): MonitorLine {
  const names: string[] = [];
  let json = false, journal = false;
  let hooks: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "--json") json = true;
    else if (word === "--journal") journal = true;
    else if (word === "--hooks") {
      hooks = args[++at];
      if (hooks === undefined) throw new ConfigError(word, "a folder is required after it");
    } else if (word.startsWith("-")) {
      throw new ConfigError(
        displayValue(word),
        "unknown option; `wg help monitor` shows the usage",
      );
    } else names.push(word);
  }
  if (json && (journal || hooks !== undefined)) {
    throw new ConfigError("--json", "not allowed with --journal and --hooks: these print nothing");
  }
  return { names: [...new Set(names)], json, journal, hooks };
}
