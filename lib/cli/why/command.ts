/**
 * `wg why`: what is the matter with interfaces and their peers.
 * @module
 */
import { ConfigError, type OsError } from "../../base/errors.ts";
import { findPeer } from "../../base/peer_name.ts";
import type { Command } from "../command.ts";
import { wireguardNames } from "../interfaces.ts";
import { askEach, printAll, tellFailures } from "../output.ts";
import { diagnose, isWell } from "./diagnose.ts";
import { gatherFacts } from "./gather.ts";
import { diagnosisJson, formatDiagnosis } from "./text.ts";

/** The command `why`. */
export const command: Command = { run: (args) => why(parseWhy(args)) };

/** The content of a command line of why. */
export interface WhyLine {
  /** The interface; undefined for all. */
  readonly name: string | undefined;
  /** The peer's public key or description; undefined for all. */
  readonly peer: string | undefined;
  readonly json: boolean;
}

/**
 * Reads `why [interface [peer]] [--json]`.
 * @throws ConfigError that names the word
 */
export function parseWhy(args: readonly string[]): WhyLine {
  const words = args.filter((word) => word !== "--json");
  const [name, peer, more] = words;
  const wrong = words.find((word) => word.startsWith("-")) ?? more;
  if (wrong !== undefined) {
    throw new ConfigError(wrong, "unexpected word; `wg help why` shows the usage");
  }
  return { name, peer, json: words.length < args.length };
}

async function why({ name, peer, json }: WhyLine): Promise<number> {
  const failures: OsError[] = [];
  const facts = name === undefined
    ? await askEach(await wireguardNames(), gatherFacts, failures)
    : [await gatherFacts(name)];
  const found = facts.map((one) =>
    diagnose(one, peer === undefined ? undefined : [findPeer("peer", peer, one.status.peers)])
  );
  if (json) {
    const entries = found.map((one) => [one.name, diagnosisJson(one)]);
    printAll(`${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`);
  } else {
    const colors = Deno.stdout.isTerminal() && !Deno.noColor;
    printAll(found.map((one) => formatDiagnosis(one, colors)).join("\n"));
  }
  const status = tellFailures(failures);
  return found.every(isWell) ? status : 1;
}
