/**
 * `ifconfig`: shows interfaces, or reads words, checks them all, and changes one interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import type { Family } from "./words/draft.ts";
import type { Command } from "../command.ts";
import type { ShowOptions } from "./show.ts";

/** What the options and a lone name select. */
interface Selection {
  json: boolean;
  aliases: boolean;
  all: boolean;
}

/** ifconfig(8) for wg interfaces. */
export const command: Command = {
  async run(args) {
    const selection: Selection = { json: false, aliases: false, all: false };
    let at = 0;
    for (; at < args.length && args[at].startsWith("-"); at++) {
      const option = args[at];
      if (option === "--help" || option === "-h") return await help();
      if (option === "-C") return classes(args.slice(at + 1));
      if (!takeOption(selection, option)) {
        throw new ConfigError(option, "unknown option; `wg help ifconfig` names them");
      }
    }
    return await act(selection, args.slice(at));
  },
};

function takeOption(selection: Selection, option: string): boolean {
  if (option === "--json") {
    selection.json = true;
    return true;
  }
  if (!/^-[aA]+$/.test(option)) return false;
  selection.all = true;
  selection.aliases ||= option.includes("A");
  return true;
}

async function act(selection: Selection, words: readonly string[]): Promise<number> {
  const { json, aliases } = selection;
  const [name, ...rest] = words;
  if (selection.all || name === undefined) {
    if (words.length > 1 || (name !== undefined && !isFamily(name))) {
      throw new ConfigError(name, "with -a or -A only inet or inet6 may follow");
    }
    return await show({
      name: undefined,
      family: name as Family | undefined,
      features: false,
      peers: aliases,
      json,
    });
  }
  const features = rest.includes("hwfeatures");
  const family = rest.filter((word) => word !== "hwfeatures");
  if (family.length === 0 || (family.length === 1 && isFamily(family[0]))) {
    return await show({
      name: checkInterfaceName(name),
      family: family[0] as Family | undefined,
      features,
      peers: true,
      json,
    });
  }
  if (json) throw new ConfigError("--json", "only for showing interfaces");
  const { changeInterface } = await import("./change.ts");
  return await changeInterface(words);
}

async function show(options: ShowOptions): Promise<number> {
  const { printInterfaces } = await import("./show.ts");
  return await printInterfaces(options);
}

const isFamily = (word: string) => word === "inet" || word === "inet6";

/** The classes of interfaces that `create` knows. */
function classes(rest: readonly string[]): number {
  if (rest.length > 0) throw new ConfigError(rest[0], "nothing may follow -C");
  console.log("wg");
  return 0;
}

async function help(): Promise<number> {
  const { ifconfigHelp } = await import("../ifconfig/help.ts");
  console.log(ifconfigHelp().trimEnd());
  return 0;
}
