/**
 * The public status file of an interface. It is replaced as a whole, and removed when the daemon
 * ends.
 * @module
 */
import { publicPath, recordPath } from "./paths.ts";
import { writeWithMode } from "./socket_folder.ts";

/** A public status file. Failures are ignored, because the file is not necessary. */
export class PublicFile {
  #path: string;
  #record: string;
  #text = "";

  /** @throws ConfigError for a wrong name */
  constructor(name: string) {
    this.#path = publicPath(name);
    this.#record = recordPath(name);
  }

  /** Writes the file with mode 0644, if the text has changed. */
  write(text: string): void {
    if (text === this.#text) return;
    const fresh = `${this.#path}.${Deno.pid}`;
    try {
      writeWithMode(fresh, text, 0o644);
      Deno.renameSync(fresh, this.#path);
      this.#text = text;
    } catch {
      remove(fresh);
    }
  }

  /** Renames the file and netstart's record. @throws ConfigError for a wrong name */
  rename(name: string): void {
    const [path, record] = [publicPath(name), recordPath(name)];
    try {
      if (this.#text !== "") Deno.renameSync(this.#path, path);
    } catch {
      this.remove();
    }
    try {
      Deno.renameSync(this.#record, record);
    } catch {
      // There is no record.
    }
    this.#path = path;
    this.#record = record;
  }

  /** Removes the file, and netstart's record of this daemon. */
  remove(): void {
    if (this.#text !== "") remove(this.#path);
    remove(this.#record);
    this.#text = "";
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // There is no file.
  }
}
