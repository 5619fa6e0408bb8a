/**
 * The two kinds of error that reach a user. Hostile input never throws: it gives a verdict and a counter.
 * @module
 */

/** A user's mistake: `word` is the word of the command line or key of the file that was wrong. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /**
   * @param word the word that was wrong, as the user wrote it; never a private or preshared key
   * @param problem what is wrong and what was expected
   */
  constructor(readonly word: string, readonly problem: string) {
    super(`${word}: ${problem}`);
  }
}

/** The operating system refused: the call, what it was called on, and the errno. */
export class OsError extends Error {
  override readonly name = "OsError";
  /**
   * @param call the system call or request, e.g. `bind` or `RTM_NEWADDR`
   * @param object what it was called on, e.g. `udp port 7111`
   * @param code the errno's name, e.g. `EADDRINUSE`
   * @param errno its number on Linux
   * @param text what it means, e.g. `Address already in use`
   */
  constructor(
    readonly call: string,
    readonly object: string,
    readonly code: string,
    readonly errno: number,
    readonly text: string,
  ) {
    super(`${object}: ${call}: ${text} (${code})`);
  }
}
