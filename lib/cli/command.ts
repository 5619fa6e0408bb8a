/**
 * What the `command.ts` of every folder here exports as `command`. lib/cli/main.ts loads just the one that is wanted.
 * @module
 */

/** One command. */
export interface Command {
  /**
   * Does it.
   * @param args the words after the command's name
   * @returns the exit status
   * @throws ConfigError or OsError, which the caller prints on one line before it exits with 1
   */
  run(args: readonly string[]): Promise<number> | number;
}

/** The exit status of a command line that is none, as shells have it; every other failure is 1. */
export const USAGE_STATUS = 2;
