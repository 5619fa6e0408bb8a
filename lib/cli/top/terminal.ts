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
  clearScreen,
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
    this.#begin();
    this.#listener.resized();
  };
  readonly #onEnd = () => this.#listener.ended();
  #diff = ansiDiff({ width: USUAL.columns, height: USUAL.lines });
  #isOpen = true;

  constructor(listener: TerminalListener) {
    this.#listener = listener;
    readline.emitKeypressEvents(process.stdin);
    Deno.stdin.setRaw(true);
    process.stdin.on("keypress", this.#onKey);
    process.stdin.resume();
    Deno.addSignalListener("SIGWINCH", this.#onResize);
    for (const signal of ENDING) Deno.addSignalListener(signal, this.#onEnd);
    printAll(enterAlternativeScreen + cursorHide);
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
    if (!this.#isOpen) return;
    printAll(this.#diff.update(lines.join("\n")));
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.stdin.off("keypress", this.#onKey);
    process.stdin.pause();
    Deno.removeSignalListener("SIGWINCH", this.#onResize);
    for (const signal of ENDING) Deno.removeSignalListener(signal, this.#onEnd);
    printAll(cursorShow + exitAlternativeScreen);
    Deno.stdin.setRaw(false);
  }

  #begin(): void {
    const { columns: width, lines: height } = this.size;
    this.#diff = ansiDiff({ width, height });
    printAll(clearScreen + cursorTo(0, 0));
  }
}
