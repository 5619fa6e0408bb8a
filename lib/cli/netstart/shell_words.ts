/**
 * Splits lines of hostname.if(5) files as a shell does. OpenBSD's netstart evaluates every line
 * with the shell, so quotes, backslashes, comments and substitutions count.
 * @module
 */

/** The parts of a line. */
export interface ShellLine {
  /** The words, if the line has no substitutions. */
  readonly words: readonly string[];
  /** Whether the line has a substitution: a `$` or a backquote outside of single quotes. */
  readonly substitutes: boolean;
  /**
   * The first character that ends a command or redirects its input or output; undefined for one
   * plain command.
   */
  readonly operator: string | undefined;
  /** Whether the line requires a shell to run as a command. */
  readonly needsShell: boolean;
  /** An unclosed quote or substitution. */
  readonly problem: string | undefined;
}

const OPERATORS = "|&;<>()";
/**
 * Characters that only a shell expands, besides substitutions and operators: patterns, lists, home
 * directories.
 */
const EXPANDED = "*?[]{}~";
/** Commands of the shell itself. */
const BUILTINS = new Set(
  ". : alias break cd command continue eval exec exit export hash read readonly return set shift times trap type ulimit umask unset wait"
    .split(" "),
);
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;

/**
 * Splits a line into words. A `#` at the beginning of a word starts a comment. A substitution is
 * part of its word and is not read.
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
    problem: quote === "" ? undefined : `a ${quote} is not closed`,
  };
}

const NOT_CLOSED = "a substitution is not closed, or nested too deep";

/**
 * How deep substitutions and quotes may be nested in each other. A line is read once for each
 * level.
 */
const NESTING_MAX = 32;

/**
 * The index after the substitution that begins at a `$` or a backquote. A `$` without a
 * substitution is one character long.
 * @param depth the number of substitutions and quotes around it
 * @returns undefined if the substitution is not closed, or nested too deep
 */
function substitutionEnd(text: string, from: number, depth = 0): number | undefined {
  if (text[from] === "`") {
    for (let i = from + 1; i < text.length; i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "`") return i + 1;
    }
    return undefined;
  }
  if (text[from + 1] === "(") return closedEnd(text, from + 2, ")", depth);
  return text[from + 1] === "{" ? closedEnd(text, from + 2, "}", depth) : from + 1;
}

/** The index after the parenthesis or brace that closes the one before `from`. */
function closedEnd(
  text: string,
  from: number,
  close: ")" | "}",
  depth: number,
): number | undefined {
  if (depth >= NESTING_MAX) return undefined;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === close) return i + 1;
    if (c === "\\") {
      i++;
      continue;
    }
    let end: number | undefined = i + 1;
    if (c === "'" || c === '"') end = quoteEnd(text, i, depth + 1);
    else if (c === "$" || c === "`") end = substitutionEnd(text, i, depth + 1);
    // A subshell, or the inner parenthesis of $((...)), has its own end.
    else if (c === "(" && close === ")") end = closedEnd(text, i + 1, ")", depth + 1);
    if (end === undefined) return undefined;
    i = end - 1;
  }
  return undefined;
}

/** The index after the quoted text that begins here. */
function quoteEnd(text: string, from: number, depth = 0): number | undefined {
  if (depth >= NESTING_MAX) return undefined;
  const quote = text[from];
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === quote) return i + 1;
    if (quote === "'") continue;
    if (text[i] === "\\") i++;
    else if (text[i] === "$" || text[i] === "`") {
      const end = substitutionEnd(text, i, depth + 1);
      if (end === undefined) return undefined;
      i = end - 1;
    }
  }
  return undefined;
}

/**
 * The variables that a line sets if it does nothing else (`GW=10.0.0.1 NET=10/8`); empty for other
 * lines.
 */
export function assignedNames({ words, operator }: ShellLine): string[] {
  if (operator !== undefined || !words.every((word) => ASSIGNMENT.test(word))) return [];
  return words.map((word) => word.slice(0, word.indexOf("=")));
}

/** The paths of our commands on OpenBSD and on Linux. */
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
 * Replaces the full paths of our commands by their names, so that PATH finds our commands: in
 * `/sbin/route add ...`, `sh /etc/netstart wg1` and `x && /sbin/ifconfig ...`. Only the word of a
 * command is replaced, never an argument.
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
      // The name of a file follows a redirection.
      if (c === "<" || c === ">") begins = false;
      continue;
    }
    const end = wordEnd(text, i);
    const word = text.slice(i, end);
    const own = OWN_PATH.exec(word);
    // `/sbin/route)` outside of parentheses is a pattern of `case`.
    if (begins && own !== null && !(text[end] === ")" && depth <= 0)) {
      const name = own[1] ?? own[2];
      result = (own[2] === undefined ? result : withoutShell(result)) + name;
    } else {
      result += withinWord(word);
    }
    begins = begins && (BEFORE_A_COMMAND.has(word) || ASSIGNMENT.test(word));
    i = end;
  }
  return result;
}

/** The text without the word `sh` or `/bin/sh` and blanks at its end. */
function withoutShell(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  const shell = ["/bin/sh", "sh"].find((word) => text.endsWith(word, end));
  return end === text.length || shell === undefined ? text : text.slice(0, end - shell.length);
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

/** A word with the commands inside its substitutions replaced. */
function withinWord(word: string): string {
  let result = "";
  let quoted = false;
  for (let i = 0; i < word.length;) {
    const c = word[i];
    let end = i + 1;
    if (c === "\\") end = i + 2;
    else if (c === '"') quoted = !quoted;
    else if (c === "'" && !quoted) end = quoteEnd(word, i) ?? word.length;
    else if (c === "$" || c === "`") {
      const closed = substitutionEnd(word, i);
      // No command of a substitution that is not closed can run.
      if (closed === undefined) return result + word.slice(i);
      end = closed;
    }
    const begin = c === "`" ? 1 : word.startsWith("$(", i) && !word.startsWith("$((", i) ? 2 : 0;
    result += begin > 0 && end > i + begin
      ? word.slice(i, i + begin) + withOwnCommands(word.slice(i + begin, end - 1)) + word[end - 1]
      : word.slice(i, end);
    i = end;
  }
  return result;
}
