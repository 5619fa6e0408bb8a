/**
 * Reads a configuration file of wg(8) and tells what is wrong with it.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { displayPath } from "../base/quote.ts";
import {
  formatProblem,
  type ParseOptions,
  parseWgConfig,
  type WgConfig,
  wipeConfig,
} from "../wgconf/parse.ts";
import { accessWarning } from "./file_access.ts";
import { complain } from "./output.ts";
import { isStandardInput, readWhole } from "./read_bytes.ts";
import { servicePort } from "./services.ts";

/** The largest file that is read, in bytes: 65,536 peers with all values fit. */
const CONF_MAX = 64 * 1024 * 1024;

/**
 * Reads a file, or standard input for `-` and `/dev/stdin`. Prints its warnings, and its refused
 * lines if there are any. A file with keys that others can access is warned about.
 * @param options more keys and values to read, as wg-quick's
 * @returns the values and the bytes (`closeConfFile` erases them); undefined if a line was refused
 * @throws ConfigError if the file is too large
 * @throws OsError
 */
export function readConfFile(
  path: string,
  options: Omit<ParseOptions, "file" | "servicePort"> = {},
): ConfFile | undefined {
  const file = isStandardInput(path) ? "standard input" : path;
  const bytes = readWhole(path, CONF_MAX);
  if (bytes === undefined) {
    throw new ConfigError(
      displayPath(path),
      `the file is too large; at most ${CONF_MAX} bytes are allowed`,
    );
  }
  const config = parseWgConfig(bytes, { ...options, file, servicePort });
  const conf = { config, bytes };
  const access = hasSecrets(config) && !isStandardInput(path) ? accessWarning(path) : undefined;
  if (access !== undefined) complain(`WARNING: ${access}`);
  for (const warning of config.warnings) complain(`WARNING: ${formatProblem(warning)}`);
  if (config.problems.length === 0) return conf;
  for (const problem of config.problems) complain(formatProblem(problem));
  closeConfFile(conf);
  return undefined;
}

/** A file that was read. */
export interface ConfFile {
  readonly config: WgConfig;
  readonly bytes: Uint8Array;
}

/** Erases the bytes of a file and its secret keys. */
export function closeConfFile({ config, bytes }: ConfFile): void {
  wipeConfig(config);
  bytes.fill(0);
}

const hasSecrets = ({ lines }: WgConfig) =>
  lines.some((line) => line.type === "entry" && line.secret !== undefined);
