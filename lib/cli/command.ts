/**
 * What the `command.ts` of every folder here exports as `command`. lib/cli/main.ts loads just the one that is wanted.
 * @module
 */

/** One command. */
export interface Command {
  /**
   * Does it.
   * @param args the words after the command's name
   * @param name the name it was called by, for messages: `ifconfig` through a link, otherwise `wg`
   * @returns the exit status
   * @throws ConfigError or OsError, which the caller prints as `wg: ...` on one line before it exits with 1
   */
  run(args: readonly string[], name: string): Promise<number> | number;
}
