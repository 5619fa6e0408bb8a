/**
 * `ifconfig`: shows interfaces, or reads and checks words and changes one interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import type { Family } from "./words/draft.ts";
import type { Command } from "../command.ts";

/** The command `ifconfig`. */
export const command: Command = {
  async run(args) {
    const named = args.findIndex((word) => !word.startsWith("-"));
    const before = named < 0 ? args : args.slice(0, named);
    if (before.includes("--help") || before.includes("-h")) return await help();
    const unknown = before.find((word) => !isShowOption(word) && word !== "-C");
    if (unknown !== undefined) {
      throw new ConfigError(unknown, "unknown option; `wg help ifconfig` lists the options");
    }
    if (before.includes("-C")) return classes(args.filter((word) => word !== "-C"));
    const options = args.filter(isShowOption);
    const words = args.filter((word) => !isShowOption(word));
    const first = options.some((word) => ALL.test(word)) && isShowWord(words[0] ?? "") ? 0 : 1;
    // A line that only shows may have its options anywhere. In other lines an option may be an
    // operand.
    if (isShown(words.slice(first))) {
      return await show(words[first - 1], words.slice(first), options);
    }
    if (before.length > 0) {
      const { ONLY_FOR_SHOWING } = await import("./words/refused.ts");
      throw new ConfigError(before[0], ONLY_FOR_SHOWING);
    }
    const { changeInterface } = await import("./change.ts");
    return await changeInterface(args, { isLastDeed: true });
  },
};

const ALL = /^-[aA]+$/;
const isShowOption = (word: string) => word === "--json" || ALL.test(word);
const isFamily = (word: string) => word === "inet" || word === "inet6";
const isShowWord = (word: string) => isFamily(word) || word === "hwfeatures";

/** Whether the words after an interface only show it: at most one family, and `hwfeatures`. */
function isShown(words: readonly string[]): boolean {
  return words.every(isShowWord) && words.filter(isFamily).length < 2;
}

async function show(
  name: string | undefined,
  words: readonly string[],
  options: readonly string[],
): Promise<number> {
  const { printInterfaces } = await import("./show.ts");
  return await printInterfaces({
    name: name === undefined ? undefined : checkInterfaceName(name),
    family: words.find(isFamily) as Family | undefined,
    features: words.includes("hwfeatures"),
    peers: name !== undefined || options.some((word) => ALL.test(word) && word.includes("A")),
    json: options.includes("--json"),
  });
}

/** Prints the classes of interfaces that `create` makes. */
function classes(rest: readonly string[]): number {
  if (rest.length > 0) throw new ConfigError(rest[0], "unexpected word; no word may follow -C");
  console.log("wg");
  return 0;
}

async function help(): Promise<number> {
  const { IFCONFIG_MANUAL } = await import("./help.ts");
  const { helpText } = await import("../manual.ts");
  console.log(helpText(IFCONFIG_MANUAL).trimEnd());
  return 0;
}
