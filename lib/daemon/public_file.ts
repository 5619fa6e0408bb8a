/**
 * The file beside the control socket with what anybody may know of an interface: written anew as a whole, removed at the end.
 * @module
 */
import { publicPath } from "./paths.ts";

/** See the module. It is a convenience: failing to write it is not an error. */
export class PublicFile {
  #path: string;
  #text = "";

  /** @throws ConfigError for a name that no interface can have */
  constructor(name: string) {
    this.#path = publicPath(name);
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
    const path = publicPath(name);
    try {
      if (this.#text !== "") Deno.renameSync(this.#path, path);
    } catch {
      this.remove();
    }
    this.#path = path;
  }

  /** Removes it. */
  remove(): void {
    if (this.#text !== "") remove(this.#path);
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
