/**
 * The list of what `wg install` has made, for `wg uninstall`: a JSON file.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";

/** A file that was installed. */
export interface ManifestFile {
  /** The absolute path, without the folder of `--root`. */
  readonly path: string;
  /** SHA-256 of a file's content in hexadecimal, or the text of a link after `link:`. */
  readonly is: string;
  /** Where the file lies that had this path before; `--force` has moved it there. */
  readonly saved?: string;
}

/** What an installation has made. */
export interface Manifest {
  readonly version: string;
  readonly files: readonly ManifestFile[];
  /** Folders that did not exist, each before those in it. */
  readonly folders: readonly string[];
}

/** The largest list that is read, in bytes. */
export const MANIFEST_MAX = 1 << 20;

/** The text of the file. */
export const manifestText = (manifest: Manifest): string =>
  `${JSON.stringify(manifest, undefined, 2)}\n`;

/**
 * Reads the text of the file.
 * @param name the path, for messages
 * @throws ConfigError when it is not such a list, or has a path that is not plain and absolute
 */
export function parseManifest(text: string, name: string): Manifest {
  const wrong = (problem: string) => new ConfigError(displayPath(name), problem);
  let value: Partial<Manifest> | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("not JSON; the list that `wg install` has written is required");
  }
  if (
    typeof value?.version !== "string" || !Array.isArray(value.files) ||
    !Array.isArray(value.folders)
  ) throw wrong("version, files and folders are required");
  for (const file of value.files) {
    if (typeof file?.is !== "string" || !isPlain(file.path)) throw wrong("a file of it is wrong");
    if (file.saved !== undefined && !isPlain(file.saved)) throw wrong("a file of it is wrong");
  }
  if (!value.folders.every(isPlain)) throw wrong("a folder of it is wrong");
  return { version: value.version, files: value.files, folders: value.folders };
}

/** Whether it is an absolute path without `.` and `..` and control characters. */
function isPlain(path: unknown): boolean {
  if (typeof path !== "string" || !path.startsWith("/") || path.length > 4096) return false;
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(path)) return false;
  return path.slice(1).split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
