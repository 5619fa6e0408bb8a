/**
 * `wg quick`: interfaces from the files of wg-quick(8).
 * @module
 */
import { formatProblem, wipeConfig } from "../../wgconf/parse.ts";
import { parseQuickConfig } from "../../wgconf/quick.ts";
import type { Command } from "../command.ts";
import { helpText, type Manual } from "../manual.ts";
import { complain, printAll, printBytes, programName } from "../output.ts";
import { servicePort } from "../services.ts";
import { tellReady } from "../service.ts";
import { down } from "./down.ts";
import { findFile, type QuickFile, readFileBytes } from "./file.ts";
import { withLock } from "./lock.ts";
import { QUICK_MANUAL, subcommandManual } from "./help.ts";
import { readQuickRecord } from "./record.ts";
import { reload } from "./reload.ts";
import { save } from "./save.ts";
import { status } from "./status.ts";
import { excludesRange, rangesOfExcluding, strippedFile } from "./strip_text.ts";
import { isOfThisRun } from "./unit_run.ts";
import { up } from "./up.ts";
import { ACTIONS, parseQuickWords, type QuickWords } from "./words.ts";

/** The link that runs this command. */
const QUICK_LINK = "wg-quick";

/** The command `quick`. */
export const command: Command = {
  async run(args) {
    const [first, second] = args;
    if (first === undefined || ["help", "--help", "-h"].includes(first)) {
      printAll(helpText(asCalled(QUICK_MANUAL)));
      return first === undefined ? 1 : 0;
    }
    const action = ACTIONS.find((one) => one === first);
    if (action !== undefined && (second === "--help" || second === "-h")) {
      printAll(helpText(asCalled(subcommandManual(action))));
      return 0;
    }
    return await act(parseQuickWords(args));
  },
};

/** The manual with the name of the link that was called. */
const asCalled = (manual: Manual): Manual =>
  programName() === QUICK_LINK ? { ...manual, name: QUICK_LINK } : manual;

async function act(words: QuickWords): Promise<number> {
  const { action, target } = words;
  const recorded = (name: string) => readQuickRecord(name)?.file;
  if (target === undefined) return await status(undefined, words);
  const file = findFile(target, action === "up" ? undefined : recorded);
  switch (action) {
    case "up": {
      const status = await withLock(file, () => up(file, words));
      if (status === 0 && !words.print) tellReady(file.name);
      return status;
    }
    case "down":
      return await withLock(file, async () => {
        if (words.unit && !isOfThisRun(file.name, readQuickRecord(file.name))) return 0;
        return await down(file, words);
      });
    case "reload":
      return await withLock(file, () => reload(file, words));
    case "save":
      return await save(file, words);
    case "strip":
      return strip(file);
    case "status":
      return await status(file, words);
  }
}

/**
 * Prints the file as wg(8) reads it. Refused lines are left to the reader of what is printed,
 * except in a file that excludes ranges, which are computed.
 */
function strip(file: QuickFile): number {
  const bytes = readFileBytes(file);
  const config = parseQuickConfig(bytes, { file: file.path, servicePort });
  const refused = config.lines.some(excludesRange) ? config.problems : [];
  for (const problem of refused) complain(formatProblem(problem));
  const { text, byteOrderMark } = strippedFile(bytes, rangesOfExcluding(config));
  wipeConfig(config);
  bytes.fill(0);
  if (refused.length > 0) {
    text.fill(0);
    return 1;
  }
  if (byteOrderMark) complain(`WARNING: ${file.path}:1: the byte order mark is left out`);
  printBytes(text);
  text.fill(0);
  return 0;
}
