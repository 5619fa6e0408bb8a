/**
 * The text of `wg help` and `wg help counters`.
 * @module
 */
import { COUNTERS } from "../../base/counters.ts";

/** The list of commands with their summaries. */
export function overview(
  commands: readonly { readonly name: string; readonly summary: string; readonly link?: string }[],
): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  const links = commands.map(({ link }) => link).filter((link) => link !== undefined);
  const named = `${links.slice(0, -1).join(", ")} or ${links.at(-1)}`;
  return `usage: wg command [argument ...]

${lines.join("")}
wg help COMMAND shows the help of a command. A link to wg that is named
${named} runs that command.
`;
}

/** The list of counters with their descriptions. */
export function countersHelp(): string {
  const lines = COUNTERS.map(([name, scope, text]) =>
    `${name}${scope === "peer" ? " (peer)" : ""}\n    ${text}\n`
  );
  return `usage: ifconfig wgN hwfeatures

Shows the counters of an interface that are not 0; --json shows all of them.
A counter marked (peer) exists for each peer too.

${lines.join("")}`;
}
