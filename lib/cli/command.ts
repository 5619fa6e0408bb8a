/**
 * What every command's module in this folder exports, so that lib/cli/main.ts can load just the one that is wanted: a function named as the
 * module (`ifconfig`, `route`, `netstat`, `netstart`, `help`, `dmesg`).
 * @module
 */

/**
 * Does a command.
 * @param args the words after the command's name
 * @param name the name it was called by, for usage lines: `ifconfig` through a link, otherwise `wg ifconfig`
 * @returns the exit status
 * @throws ConfigError or OsError, which the caller prints as `wg: ...` on one line before it exits with 1
 */
export type Command = (args: readonly string[], name: string) => Promise<number> | number;
