/**
 * The file beside the control socket with what anybody may know of an interface: written anew as a whole, removed at the end.
 * @module
 */
import { publicPath, recordPath } from "./paths.ts";

/** See the module. It is a convenience: failing to write it is not an error. */
export class PublicFile {
  #path: string;
  #record: string;
  #text = "";

  /** @throws ConfigError for a name that no interface can have */
  constructor(name: string) {
    this.#path = publicPath(name);
    this.#record = recordPath(name);
  }

  /** Writes it, mode 0644, when the text is another than before. */
  write(text: string): void {
    if (text === this.#text) return;
    const fresh = `${this.#path}.${Deno.pid}`;
    try {
      Deno.writeTextFileSync(fresh, text, { mode: 0o644 });
      Deno.chmodSync(fresh, 0o644);
      Deno.renameSync(fresh, this.#path);
      this.#text = text;
    } catch {
      remove(fresh);
    }
  }

  /** Goes over to another name of the interface. @throws ConfigError as the constructor */
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
      // netstart did not make it.
    }
    this.#path = path;
    this.#record = record;
  }

  /** Removes it, and netstart's record, which is about this daemon. */
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
    // Not there.
  }
}
