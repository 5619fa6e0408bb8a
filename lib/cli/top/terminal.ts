/**
 * The terminal of `wg top`: a screen of its own, keys, and its size.
 *
 * The diff of ansi-diff writes only what changed, so that a slow link carries little.
 * @module
 */
import * as readline from "node:readline";
import process from "node:process";
import ansiDiff from "npm:ansi-diff@1.2.0";
import {
  clearViewport,
  cursorHide,
  cursorShow,
  cursorTo,
  enterAlternativeScreen,
  exitAlternativeScreen,
} from "npm:ansi-escapes@7.3.0";
import { printAll } from "../output.ts";
import type { Key } from "./keys.ts";
import type { Size } from "./view.ts";

/** A terminal without a size, as over a serial line. */
const USUAL: Size = { columns: 80, lines: 24 };
/** How long a stop takes to be in effect. */
const STOPPED_MS = 50;
const ENDING = ["SIGTERM", "SIGHUP"] as const;

/** What the terminal tells. */
export interface TerminalListener {
  readonly key: (key: Key) => void;
  readonly resized: () => void;
  /** A signal asks for the end. */
  readonly ended: () => void;
}

/** A screen over the terminal, which `close` takes away again. */
export class Terminal {
  readonly #listener: TerminalListener;
  readonly #onKey = (_text: string, key: Key) => this.#listener.key(key);
  readonly #onResize = () => {
    if (!this.#isShown) return;
    this.#begin();
    this.#listener.resized();
  };
  readonly #onEnd = () => this.#listener.ended();
  #diff = ansiDiff({ width: USUAL.columns, height: USUAL.lines });
  #isOpen = true;
  /** Whether it has the terminal: not while it stops. */
  #isShown = false;

  constructor(listener: TerminalListener) {
    this.#listener = listener;
    readline.emitKeypressEvents(process.stdin);
    process.stdin.on("keypress", this.#onKey);
    process.stdin.resume();
    Deno.addSignalListener("SIGWINCH", this.#onResize);
    for (const signal of ENDING) Deno.addSignalListener(signal, this.#onEnd);
    this.#enter();
    this.#begin();
  }

  /** The present size. */
  get size(): Size {
    try {
      const { columns, rows } = Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, lines: rows } : USUAL;
    } catch {
      return USUAL;
    }
  }

  /** Shows lines, each no wider than the screen, and no more than its lines. */
  draw(lines: readonly string[]): void {
    if (!this.#isShown) return;
    printAll(this.#diff.update(lines.join("\n")));
  }

  /** Stops this process, as ctrl-z does, until the shell continues it. */
  stop(): void {
    this.#leave();
    Deno.kill(Deno.pid, "SIGTSTP");
    // Time stands still until then. Without a shell that controls jobs nothing stops (setpgid(2)).
    setTimeout(() => {
      if (!this.#isOpen) return;
      this.#enter();
      this.#onResize();
    }, STOPPED_MS);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.stdin.off("keypress", this.#onKey);
    process.stdin.pause();
    Deno.removeSignalListener("SIGWINCH", this.#onResize);
    for (const signal of ENDING) Deno.removeSignalListener(signal, this.#onEnd);
    this.#leave();
  }

  #enter(): void {
    this.#isShown = true;
    Deno.stdin.setRaw(true);
    printAll(enterAlternativeScreen + cursorHide);
  }

  #leave(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    printAll(cursorShow + exitAlternativeScreen);
    Deno.stdin.setRaw(false);
  }

  #begin(): void {
    const { columns: width, lines: height } = this.size;
    this.#diff = ansiDiff({ width, height });
    printAll(clearViewport + cursorTo(0, 0));
  }
}
