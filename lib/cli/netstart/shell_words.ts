/**
 * Lines of hostname.if(5) as words: OpenBSD's netstart has them read by the shell, so quotes, backslashes and comments count.
 * @module
 */

/** What a line is made of. */
export interface ShellLine {
  readonly words: readonly string[];
  /** Something outside single quotes that only a shell can do: expansions, pipes, redirections, several commands. */
  readonly needsShell: boolean;
  /** A quote that is not closed. */
  readonly problem: string | undefined;
}

const SPECIAL = new Set("|&;<>()$`*?[]{}~");

/** Splits a line into words. A `#` at the beginning of a word starts a comment. */
export function splitShellLine(line: string): ShellLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let needsShell = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (quote === "'") {
      if (c === "'") quote = "";
      else word += c;
    } else if (c === "\\") {
      const next = line[i + 1] ?? "";
      const literal = quote === '"' && !'"\\$`'.includes(next) ? "\\" : "";
      word = (word ?? "") + literal + next;
      i++;
    } else if (quote === '"') {
      if (c === '"') quote = "";
      else word += c;
      if (c === "$" || c === "`") needsShell = true;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (c === " " || c === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === "#" && word === undefined) {
      break;
    } else {
      if (SPECIAL.has(c)) needsShell = true;
      word = (word ?? "") + c;
    }
  }
  if (word !== undefined) words.push(word);
  // NAME=value before a command.
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(words[0] ?? "")) needsShell = true;
  return { words, needsShell, problem: quote === "" ? undefined : `a ${quote} that is not closed` };
}

/** A word as the shell reads it back. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
