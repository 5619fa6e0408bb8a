/**
 * Lines of hostname.if(5) as the shell reads them: OpenBSD's netstart has every line evaluated by
 * it, so quotes, backslashes, comments and substitutions count.
 * @module
 */

/** What a line is made of. */
export interface ShellLine {
  /** As they are when the line substitutes nothing. */
  readonly words: readonly string[];
  /**
   * Whether a value comes from a variable or a command: `$`, a backquote, outside single quotes.
   */
  readonly substitutes: boolean;
  /**
   * The first character that ends a command or directs its input and output; undefined for one
   * command.
   */
  readonly operator: string | undefined;
  /** Whether only a shell can run the line as a command. */
  readonly needsShell: boolean;
  /** A quote or a substitution that is not closed. */
  readonly problem: string | undefined;
}

const OPERATORS = "|&;<>()";
/** What only a shell can do, besides substitutions and operators: patterns, lists, homes. */
const EXPANDED = "*?[]{}~";
/** Commands that are the shell's own. */
const BUILTINS = new Set(
  ". : alias break cd command continue eval exec exit export hash read readonly return set shift times trap type ulimit umask unset wait"
    .split(" "),
);
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;

/**
 * Splits a line into words. A `#` at the beginning of a word starts a comment. What a substitution
 * holds is a part of its word, unread.
 */
export function splitShellLine(line: string): ShellLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let substitutes = false;
  let expands = false;
  let operator: string | undefined;
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
    } else if (c === "$" || c === "`") {
      const end = substitutionEnd(line, i);
      if (end === undefined) {
        return { words, substitutes: true, operator, needsShell: true, problem: NOT_CLOSED };
      }
      substitutes = true;
      word = (word ?? "") + line.slice(i, end);
      i = end - 1;
    } else if (quote === '"') {
      if (c === '"') quote = "";
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (c === " " || c === "\t" || c === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === "#" && word === undefined) {
      break;
    } else {
      if (OPERATORS.includes(c)) operator ??= c;
      else if (EXPANDED.includes(c)) expands = true;
      word = (word ?? "") + c;
    }
  }
  if (word !== undefined) words.push(word);
  const [first = ""] = words;
  const needsShell = substitutes || operator !== undefined || expands || ASSIGNMENT.test(first) ||
    BUILTINS.has(first);
  return {
    words,
    substitutes,
    operator,
    needsShell,
    problem: quote === "" ? undefined : `a ${quote} that is not closed`,
  };
}

const NOT_CLOSED = "a substitution that is not closed";

/**
 * Where the substitution that begins at a `$` or a backquote ends: the index behind it. A `$` that
 * begins none is one character long.
 * @returns undefined when it is not closed
 */
function substitutionEnd(text: string, from: number): number | undefined {
  if (text[from] === "`") {
    for (let i = from + 1; i < text.length; i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "`") return i + 1;
    }
    return undefined;
  }
  const close = text[from + 1] === "(" ? ")" : text[from + 1] === "{" ? "}" : undefined;
  if (close === undefined) return from + 1;
  for (let i = from + 2; i < text.length; i++) {
    const c = text[i];
    if (c === close) return i + 1;
    if (c === "\\") i++;
    else if (c === "'" || c === '"') {
      const end = quoteEnd(text, i);
      if (end === undefined) return undefined;
      i = end - 1;
    } else if (c === "$" || c === "`") {
      const end = substitutionEnd(text, i);
      if (end === undefined) return undefined;
      i = end - 1;
    } else if (c === "(" && close === ")") {
      // A subshell, or the inner one of $((...)): it has an end of its own.
      const end = substitutionEnd(`$${text.slice(i)}`, 0);
      if (end === undefined) return undefined;
      i += end - 2;
    }
  }
  return undefined;
}

/** The index behind the quoted text that begins here. */
function quoteEnd(text: string, from: number): number | undefined {
  const quote = text[from];
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === quote) return i + 1;
    if (quote === "'") continue;
    if (text[i] === "\\") i++;
    else if (text[i] === "$" || text[i] === "`") {
      const end = substitutionEnd(text, i);
      if (end === undefined) return undefined;
      i = end - 1;
    }
  }
  return undefined;
}

/**
 * The variables that a line sets when it does nothing else (`GW=10.0.0.1 NET=10/8`); empty for
 * other lines.
 */
export function assignedNames({ words, operator }: ShellLine): string[] {
  if (operator !== undefined || !words.every((word) => ASSIGNMENT.test(word))) return [];
  return words.map((word) => word.slice(0, word.indexOf("=")));
}

/** Our commands where OpenBSD, or a Linux that has them, keeps them. */
const OWN_PATH =
  /^(?:(?:\/usr)?(?:\/local)?\/s?bin\/(ifconfig|route|netstat|netstart)|\/etc\/(netstart))$/;
/** Words that a command may follow. */
const BEFORE_A_COMMAND = new Set(
  [
    "!",
    "{",
    "if",
    "then",
    "elif",
    "else",
    "while",
    "until",
    "do",
    "time",
    "exec",
    "command",
    "sh",
    "/bin/sh",
  ],
);

/**
 * A command line with the whole paths of our own commands taken to their names, so that those
 * first on PATH are meant: `/sbin/route add ...` and `sh /etc/netstart wg1` as well as
 * `x && /sbin/ifconfig ...`. Only the word of a command is looked at, never its arguments.
 */
export function withOwnCommands(text: string): string {
  let result = "";
  let begins = true;
  let depth = 0;
  for (let i = 0; i < text.length;) {
    const c = text[i];
    if (c === "#" && (i === 0 || /[\s|&;()]/.test(text[i - 1]))) return result + text.slice(i);
    if (/[\s|&;()<>]/.test(c)) {
      if (c === "(") depth++;
      else if (c === ")") depth--;
      begins ||= "|&;()\n".includes(c);
      result += c;
      i++;
      // What follows a redirection is a file's name.
      if (c === "<" || c === ">") begins = false;
      continue;
    }
    const end = wordEnd(text, i);
    const word = text.slice(i, end);
    const own = OWN_PATH.exec(word);
    // `/sbin/route)` outside of parentheses is a pattern of `case`.
    if (begins && own !== null && !(text[end] === ")" && depth <= 0)) {
      const name = own[1] ?? own[2];
      result = (own[2] === undefined ? result : result.replace(/(?:\/bin\/)?sh[ \t]+$/, "")) + name;
    } else {
      result += withinWord(word);
    }
    begins = begins && (BEFORE_A_COMMAND.has(word) || ASSIGNMENT.test(word));
    i = end;
  }
  return result;
}

function wordEnd(text: string, from: number): number {
  for (let i = from; i < text.length;) {
    const c = text[i];
    if (/[\s|&;()<>]/.test(c)) return i;
    if (c === "\\") i += 2;
    else if (c === "'" || c === '"') i = quoteEnd(text, i) ?? text.length;
    else if (c === "$" || c === "`") i = substitutionEnd(text, i) ?? text.length;
    else i++;
  }
  return text.length;
}

/** The commands inside the substitutions of a word. */
function withinWord(word: string): string {
  let result = "";
  let quoted = false;
  for (let i = 0; i < word.length;) {
    const c = word[i];
    let end = i + 1;
    if (c === "\\") end = i + 2;
    else if (c === '"') quoted = !quoted;
    else if (c === "'" && !quoted) end = quoteEnd(word, i) ?? word.length;
    else if (c === "$" || c === "`") end = substitutionEnd(word, i) ?? i + 1;
    const begin = c === "`" ? 1 : word.startsWith("$(", i) && !word.startsWith("$((", i) ? 2 : 0;
    result += begin > 0 && end > i + begin
      ? word.slice(i, i + begin) + withOwnCommands(word.slice(i + begin, end - 1)) + word[end - 1]
      : word.slice(i, end);
    i = end;
  }
  return result;
}
