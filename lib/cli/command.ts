/**
 * The interface of a command. The `command.ts` of each folder in lib/cli exports one as `command`;
 * lib/cli/main.ts loads the one that is called.
 * @module
 */

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

/** The exit status of a wrong command line, as of shells. Other failures exit with 1. */
export const USAGE_STATUS = 2;
