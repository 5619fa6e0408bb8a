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
