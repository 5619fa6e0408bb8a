/**
 * Finds and reads the file of an interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import { displayPath, displayValue } from "../../base/quote.ts";
import { formatProblem, wipeConfig } from "../../wgconf/parse.ts";
import { parseQuickConfig, type QuickConfig } from "../../wgconf/quick.ts";
import { isUtf16, UTF16_PROBLEM } from "../../wgconf/scan.ts";
import { accessWarning } from "../file_access.ts";
import { complain } from "../output.ts";
import { servicePort } from "../services.ts";
import { findTable } from "../../linux/route_tables.ts";
import { reasonOf } from "../netstart/shell.ts";

/** The folder of files that are given by the name of their interface. */
export const CONFIG_FOLDER = "/etc/wireguard";

/** The names of interfaces that wg-quick(8) takes. They need no quotes in a shell. */
const NAME = /^[a-zA-Z0-9_=+.-]{1,15}$/;
const SUFFIX = ".conf";
/** The most bytes of a file: 100,000 peers with long lists of ranges. */
const FILE_MAX = 64 * 1024 * 1024;

/** A file and its interface. */
export interface QuickFile {
  readonly name: string;
  /** The path of the file, links followed where it exists. */
  readonly path: string;
}

/**
 * The file that a word of the command line means: `NAME` is NAME.conf in /etc/wireguard, and a path
 * ends in NAME.conf.
 * @param recorded the path from which the interface of a name was brought up
 * @throws ConfigError
 */
export function findFile(
  word: string,
  recorded: (name: string) => string | undefined = () => undefined,
): QuickFile {
  const isName = NAME.test(word) && word !== "." && word !== "..";
  const named = `${CONFIG_FOLDER}/${word}${SUFFIX}`;
  if (isName && !(word.endsWith(SUFFIX) && !exists(named) && exists(word))) {
    return { name: checkInterfaceName(word), path: physical(recorded(word) ?? named) };
  }
  const name = /(?:^|\/)([^/]*)\.conf$/.exec(word)?.[1];
  if (name === undefined || !NAME.test(name)) {
    throw new ConfigError(
      displayValue(word),
      "the name of an interface (1 to 15 of a-z, A-Z, 0-9, _, =, +, . and -), or a path that ends " +
        "in NAME.conf, is required",
    );
  }
  return { name: checkInterfaceName(name), path: physical(word) };
}

/** Whether there is a file. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a file; undefined if this user may not see that. */
export function seenFile(path: string): boolean | undefined {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied ? undefined : false;
  }
}

/** The path without links; a path that leads nowhere is made absolute. */
function physical(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  }
}

/**
 * Reads the bytes of a file, and warns about one that others can read or write. Fill the bytes with
 * zeros after use.
 * @throws ConfigError that names the file
 */
export function readFileBytes({ path }: QuickFile): Uint8Array<ArrayBuffer> {
  const shown = displayPath(path);
  try {
    const { isFile, size, uid } = Deno.statSync(path);
    if (!isFile) throw new ConfigError(shown, "not a regular file");
    if (size > FILE_MAX) {
      throw new ConfigError(shown, `the file is too large; at most ${FILE_MAX} bytes are allowed`);
    }
    warnOfOthers(path, uid);
    const bytes = Deno.readFileSync(path);
    if (!isUtf16(bytes)) return bytes;
    bytes.fill(0);
    throw new ConfigError(shown, UTF16_PROBLEM);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(shown, reasonOf(error));
  }
}

function warnOfOthers(path: string, uid: number | null): void {
  const shown = displayPath(path);
  const access = accessWarning(path);
  if (access !== undefined) complain(`WARNING: ${access}`);
  if (uid !== null && uid !== 0 && uid !== Deno.uid()) {
    complain(`WARNING: ${shown} belongs to another user (uid ${uid}), whose commands it may run`);
  }
}

/** What a file says, with the keys in it until it is disposed of. */
export interface ReadConfig extends Disposable {
  readonly config: QuickConfig;
}

/**
 * Reads a file and prints its warnings and refused lines.
 * @returns undefined if a line was refused
 * @throws ConfigError if the file cannot be read
 */
export function readConfig(file: QuickFile): ReadConfig | undefined {
  const bytes = readFileBytes(file);
  const config = parseQuickConfig(bytes, {
    file: file.path,
    servicePort,
    endpointPortMin: 1,
    hasTable: (name) => findTable(name) !== undefined,
  });
  for (const warning of config.warnings) complain(`WARNING: ${formatProblem(warning)}`);
  for (const problem of config.problems) complain(formatProblem(problem));
  const wipe = () => {
    wipeConfig(config);
    bytes.fill(0);
  };
  if (config.problems.length === 0) return { config, [Symbol.dispose]: wipe };
  wipe();
  return undefined;
}
