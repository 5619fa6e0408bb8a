/**
 * The interface of a command. The `command.ts` of each folder in lib/cli exports one as `command`;
 * lib/cli/main.ts loads the one that is called.
 * @module
 */

import { ConfigError } from "../base/errors.ts";
import { displayValue } from "../base/quote.ts";

/** A command of the command line. */
export interface Command {
  /**
   * Runs the command.
   * @param args the words after the name of the command
   * @returns the exit status
   * @throws ConfigError or OsError; the caller prints it on one line and exits with 1
   */
  run(args: readonly string[]): Promise<number> | number;
}

/**
 * Refuses words for a command that takes none.
 * @throws ConfigError
 */
export function noWords(command: string, args: readonly string[]): void {
  if (args.length === 0) return;
  throw new ConfigError(displayValue(args[0]), `unexpected word; ${command} takes none`);
}
