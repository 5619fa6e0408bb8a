/**
 * Gives text to a shell by its standard input: text of files may have keys, and every user can read
 * the arguments of a process.
 * @module
 */
import { shellQuote } from "../base/quote.ts";

/**
 * Makes the shell read its task from standard input. The variables are not exported. No program is
 * run for it: it would be one of the caller's PATH. A shell that gets no task fails.
 */
export const READ_LINE = `unset _line _next
while IFS= read -r _next || [ -n "$_next" ]; do _line="$_line$_next
"; done
[ -n "$_line" ] || exit 126
unset _next
exec </dev/null
`;
const EVALUATE = `${READ_LINE}eval "$_line"`;

/**
 * Starts a shell that evaluates a text. Its standard input is /dev/null then.
 * @param variables variables of the shell that its children do not see
 * @param fed ends when the shell has the text
 */
export function runShellText(
  shell: string,
  text: string,
  variables: Readonly<Record<string, string>>,
  environment: Record<string, string>,
): { readonly child: Deno.ChildProcess; readonly fed: Promise<void> } {
  const child = new Deno.Command(shell, {
    args: ["-c", EVALUATE],
    env: environment,
    clearEnv: true,
    stdin: "piped",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const assignments = Object.entries(variables).map(([name, value]) =>
    `${name}=${shellQuote(value)}\n`
  );
  return { child, fed: feed(child, assignments.join("") + text) };
}

/** Writes the text to a shell. A shell that ends without reading it has reported why. */
export async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // The exit status has the reason.
  }
}

/** What is wrong with the end of a process; undefined for the exit status 0. */
export function problemOf({ code, signal }: Deno.CommandStatus): string | undefined {
  if (signal !== null) return `ended by ${signal}`;
  return code === 0 ? undefined : `ended with status ${code}`;
}
