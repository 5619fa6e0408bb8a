/**
 * Commands that files name, which a shell or the program runs.
 * @module
 */
import { ConfigError } from "./errors.ts";
import { CONTROLS } from "./quote.ts";

/** Checks a command. @throws ConfigError that names `word`, for one with a character NUL */
export function checkCommand(word: string, command: string): void {
  if (!command.includes("\0")) return;
  throw new ConfigError(word, "the command has a character NUL, which no program can be given");
}

/** A command as it is shown: `?` for control characters but tab and newline. */
export function shownCommand(text: string): string {
  return text.replace(CONTROLS, (one) => one === "\t" || one === "\n" ? one : "?");
}
