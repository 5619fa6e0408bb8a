/**
 * The record of what `up` did for an interface, so that `down` undoes exactly that, also when the
 * file was changed or removed since. Rules, name servers and kernel settings outlive the interface
 * and its process, and so does the record.
 * @module
 */
import { checkInterfaceName, isInterfaceName } from "../../base/interface_name.ts";
import { readRecordText, recordFiles, removeRecord, writeRecordText } from "../records.ts";
import { type DoneStep, PHASES } from "./plan.ts";

const SUFFIX = ".quick";

/** The record of an interface. It has the commands of the file, so only its owner may read it. */
export interface QuickRecord {
  /** The process number of the interface's daemon; 0 before there is one. */
  readonly pid: number;
  /** The path of the file. */
  readonly file: string;
  /**
   * The run of the unit of systemd that brought it up (INVOCATION_ID, systemd.exec(5)); the empty
   * string if no unit did, undefined if a reload has made the record.
   */
  readonly unitRun?: string | undefined;
  /** Whether `up` has come to its end. */
  readonly complete: boolean;
  /** The table of the interface's default routes; 0 for none. Other interfaces leave it alone. */
  readonly table: number;
  readonly steps: readonly DoneStep[];
  /** The commands for `down`, with `%i` replaced. */
  readonly hooks: Readonly<Record<"PreDown" | "PostDown", readonly string[]>>;
  /** Addresses and routes that commands of the file added. A reload leaves them alone. */
  readonly theirs: readonly string[];
}

/** The file of an interface's record. @throws ConfigError for a wrong name */
const fileOf = (name: string): string => `${checkInterfaceName(name)}${SUFFIX}`;

/** The record of an interface; undefined if there is none that can be read. */
export function readQuickRecord(name: string): QuickRecord | undefined {
  const text = readRecordText(fileOf(name));
  try {
    return text === undefined ? undefined : checked(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The record, if the text has the parts of one. Another version may have written it. */
function checked(record: QuickRecord): QuickRecord | undefined {
  const whole = typeof record.pid === "number" && typeof record.file === "string" &&
    Array.isArray(record.steps) &&
    record.steps.every(({ step }) => typeof step.type === "string") &&
    PHASES.slice(2).every((phase) =>
      Array.isArray(record.hooks[phase as "PreDown" | "PostDown"])
    ) && Array.isArray(record.theirs);
  return whole ? record : undefined;
}

/** Writes the record. @throws OsError */
export const writeQuickRecord = (name: string, record: QuickRecord): void =>
  writeRecordText(fileOf(name), JSON.stringify(record));

/** Removes the record, if there is one. */
export const removeQuickRecord = (name: string): void => removeRecord(fileOf(name));

/** The tables that other interfaces have for their default routes, or are about to have. */
export function tablesOfOthers(name: string): ReadonlySet<number> {
  return new Set(
    recordedNames().filter((other) => other !== name).map((other) =>
      readQuickRecord(other)?.table ?? 0
    ),
  );
}

/** The names of the interfaces that have a record. */
export const recordedNames = (): string[] =>
  recordFiles().filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length))
    .filter(isInterfaceName).sort();
