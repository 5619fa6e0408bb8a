/**
 * `wg show`: interfaces as wireguard-tools' wg(8) shows them, with its words.
 * @module
 */
import { ConfigError, type OsError } from "../../base/errors.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import type { Command } from "../command.ts";
import { wireguardNames, wireguardStatus } from "../interfaces.ts";
import { printAll } from "../output.ts";
import { askEach, tellFailures, zoneNames } from "../output.ts";
import {
  FIELDS,
  formatField,
  formatShown,
  type ShowField,
  showJson,
  type ShowStyle,
} from "./text.ts";

/** The command `show`. */
export const command: Command = { run: (args) => show(parseShow(args)) };

/** The content of a command line of show. */
export interface ShowLine {
  /** The name of the interface; undefined for all. */
  readonly name: string | undefined;
  /** The field; `interfaces` for names only; undefined for the view for people. */
  readonly what: ShowField | "interfaces" | undefined;
  readonly json: boolean;
}

/**
 * Reads `show [interface | all | interfaces] [field] [--json]`.
 * @throws ConfigError that names the word
 */
export function parseShow(args: readonly string[]): ShowLine {
  const words = args.filter((word) => word !== "--json");
  const json = words.length < args.length;
  const [name = "all", field, more] = words;
  const wrong = words.find((word) => word.startsWith("-")) ?? more;
  if (wrong !== undefined) {
    throw new ConfigError(wrong, "unexpected word; `wg help show` shows the usage");
  }
  if (name === "interfaces") {
    if (field !== undefined) {
      throw new ConfigError(field, "unexpected word; no word may follow `show interfaces`");
    }
    return { name: undefined, what: "interfaces", json };
  }
  const known = FIELDS.find((one) => one === field);
  if (field !== undefined && known === undefined) {
    throw new ConfigError(field, `unknown field; one of ${FIELDS.join(", ")} is required`);
  }
  if (known !== undefined && json) {
    throw new ConfigError("--json", `prints every field; ${known} must be left out`);
  }
  return { name: name === "all" ? undefined : name, what: known, json };
}

async function show({ name, what, json }: ShowLine): Promise<number> {
  if (what === "interfaces") {
    const names = await wireguardNames();
    printAll(
      json ? `${JSON.stringify(names)}\n` : names.length === 0 ? "" : `${names.join(" ")}\n`,
    );
    return 0;
  }
  const failures: OsError[] = [];
  const found = name !== undefined
    ? [await ask(name)]
    : await askEach(await wireguardNames(), ask, failures);
  const style = await styleFor(found.map(([, status]) => status));
  if (json) {
    const entries = found.map(([name, status]) => [name, showJson(status, style)]);
    printAll(`${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`);
  } else if (what === undefined) {
    printAll(found.map(([name, status]) => formatShown(name, status, style)).join("\n"));
  } else {
    printAll(
      found.map(([own, status]) =>
        formatField(status, what, name === undefined ? own : undefined, style)
      ).join(""),
    );
  }
  return tellFailures(failures);
}

/** The status of an interface with its name. */
const ask = async (name: string): Promise<readonly [string, InterfaceStatus]> => [
  name,
  await wireguardStatus(name),
];

/** The style of the output, from the environment. */
async function styleFor(shown: readonly InterfaceStatus[]): Promise<ShowStyle> {
  const mode = Deno.env.get("WG_COLOR_MODE");
  const isTerminal = Deno.stdout.isTerminal();
  return {
    nowSeconds: Math.floor(Date.now() / 1000),
    hideKeys: Deno.env.get("WG_HIDE_KEYS") !== "never",
    colors: mode === "always" || mode !== "never" && isTerminal && !Deno.noColor,
    // Programs read the output of the original, which has none.
    descriptions: isTerminal,
    zoneName: await zoneNames(shown.flatMap((one) => one.peers.map((peer) => peer.endpoint))),
  };
}
