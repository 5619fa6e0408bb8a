/**
 * The public status file of an interface. It is replaced as a whole, and removed when the daemon
 * ends.
 * @module
 */
import { OsError } from "../base/errors.ts";
import { onFile } from "../linux/file_error.ts";
import { publicPath } from "./paths.ts";
import { writeWithMode } from "./socket_folder.ts";

/** When a write that failed is tried again; each failure doubles it, up to the second time. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

/**
 * A public status file. The interface runs without it: a write that fails, as in a full /run, is
 * tried again until it succeeds.
 */
export class PublicFile {
  #path: string;
  /** What the file holds; empty when there is none. */
  #text = "";
  /** What the file is to hold. */
  #wanted = "";
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS;
  #problem: string | undefined;
  readonly #tell: (problem: string) => void;

  /**
   * @param tell called for the first write that fails after one that succeeded
   * @throws ConfigError for a wrong name
   */
  constructor(name: string, tell: (problem: string) => void = () => {}) {
    this.#path = publicPath(name);
    this.#tell = tell;
  }

  /** Why the file could not be written; undefined when it is up to date. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Writes the file with mode 0644, if the text has changed. */
  write(text: string): void {
    this.#wanted = text;
    this.#retryMs = RETRY_MS;
    this.#put();
  }

  #put(): void {
    clearTimeout(this.#retry);
    if (this.#wanted === this.#text) return;
    const fresh = `${this.#path}.${Deno.pid}`;
    try {
      onFile("write", this.#path, () => {
        writeWithMode(fresh, this.#wanted, 0o644);
        Deno.renameSync(fresh, this.#path);
      });
      this.#text = this.#wanted;
      this.#problem = undefined;
    } catch (error) {
      remove(fresh);
      const isNew = this.#problem === undefined;
      const why = error instanceof OsError ? error.message : String(error);
      this.#problem = `${why}; it is tried again`;
      if (isNew) this.#tell(this.#problem);
      this.#retry = setTimeout(() => this.#put(), this.#retryMs);
      Deno.unrefTimer(this.#retry);
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    }
  }

  /** Renames the file. @throws ConfigError for a wrong name */
  rename(name: string): void {
    const path = publicPath(name);
    try {
      if (this.#text !== "") Deno.renameSync(this.#path, path);
    } catch {
      remove(this.#path);
      this.#text = "";
    }
    this.#path = path;
    this.#put();
  }

  /** Removes the file. */
  remove(): void {
    clearTimeout(this.#retry);
    if (this.#text !== "") remove(this.#path);
    this.#text = this.#wanted = "";
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // There is no file.
  }
}
