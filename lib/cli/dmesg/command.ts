/**
 * `wg dmesg [-f] [wgN ...]`: the logs of interfaces, ordered by time. Without names it shows all
 * interfaces. With -f it keeps running and prints new lines.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { interfaceNames, readLog } from "../../daemon/client.ts";
import type { Command } from "../command.ts";
import { askEach, printAll, tellFailures } from "../output.ts";
import type { LogLine } from "../../daemon/log_text.ts";

/** The interval between two requests for new lines. */
const FOLLOW_MS = 200;

interface NamedLine extends LogLine {
  readonly name: string;
}

/** The command `dmesg`. */
export const command: Command = { run: dmesg };

async function dmesg(args: readonly string[]): Promise<number> {
  const follow = args.includes("-f");
  const names = args.filter((word) => word !== "-f");
  const wrong = names.find((word) => word.startsWith("-"));
  if (wrong !== undefined) {
    throw new ConfigError(wrong, "unknown option; usage: dmesg [-f] [interface ...]");
  }
  const seen = new Map<string, number>();
  for (const name of names.length > 0 ? names : interfaceNames()) seen.set(name, 0);
  const failures: OsError[] = [];
  const found = await askEach([...seen.keys()], (name) => firstNews(name, seen, names), failures);
  print(found.flat().sort((a, b) => a.unixMs - b.unixMs));
  while (follow && seen.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    for (const name of [...seen.keys()]) {
      // The interface may be gone. The others continue.
      const lines = await news(name, seen).catch(() => void seen.delete(name));
      if (lines !== undefined) print(lines);
    }
  }
  return tellFailures(failures);
}

/**
 * As `news`, but interfaces of other implementations, which keep no log, are left out unless they
 * are named: their processes do not answer as ours do.
 */
async function firstNews(
  name: string,
  seen: Map<string, number>,
  asked: readonly string[],
): Promise<NamedLine[]> {
  try {
    return await news(name, seen);
  } catch (error) {
    if (!(error instanceof OsError && error.code === "EPROTO")) throw error;
    seen.delete(name);
    if (!asked.includes(name)) return [];
    const reason = "the process of another implementation keeps no log";
    throw new OsError("uapi", name, error.code, error.errno, reason);
  }
}

/** The lines of an interface that are new since the last call. Updates `seen`. */
async function news(name: string, seen: Map<string, number>): Promise<NamedLine[]> {
  const lines = await readLog(name, seen.get(name) ?? 0);
  const last = lines.at(-1);
  if (last !== undefined) seen.set(name, last.sequence);
  return lines.map((line) => ({ ...line, name }));
}

function print(lines: readonly NamedLine[]): void {
  const text = lines.map(({ unixMs, name, text }) =>
    `${new Date(unixMs).toISOString()} ${name}: ${text}\n`
  );
  printAll(text.join(""));
}
