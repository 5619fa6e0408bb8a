/**
 * Where the configuration of a new client goes: standard output, a file, or QR codes.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import { reasonOf } from "../netstart/shell.ts";
import { printAll, printBytes } from "../output.ts";
import type { ClientLine } from "./words.ts";

/** The files of a new client. They are there before the client is, and go if it cannot be made. */
export interface ClientFiles {
  /** Prints what goes to standard output. */
  print(): void;
  discard(): void;
}

/**
 * Writes the files, each new and with mode 0600.
 * @param text the configuration
 * @throws ConfigError; no file is left then
 */
export async function writeClientFiles(
  line: Pick<ClientLine, "out" | "png" | "svg" | "qr" | "json">,
  text: Uint8Array,
): Promise<ClientFiles> {
  const { out, png, svg, qr, json } = line;
  const written: string[] = [];
  const discard = () => written.forEach(removeIfThere);
  try {
    const needsCode = qr || png !== undefined || svg !== undefined;
    // Loaded only when it is needed.
    const codes = needsCode ? await import("./qr.ts") : undefined;
    const modules = codes?.qrModules(new TextDecoder().decode(text));
    if (out !== undefined) writeNew("-o", out, text, written);
    if (codes !== undefined && modules !== undefined) {
      if (png !== undefined) writeNew("--png", png, codes.qrPng(modules), written);
      if (svg !== undefined) {
        writeNew("--svg", svg, new TextEncoder().encode(codes.qrSvg(modules)), written);
      }
    }
    const code = qr && codes && modules && codes.qrText(modules, Deno.stdout.isTerminal());
    const print = () => {
      if (code) printAll(code);
      else if (!json && written.length === 0) printBytes(text);
    };
    return { print, discard };
  } catch (error) {
    discard();
    throw error;
  }
}

/** Removes a file. An error that led here is not hidden by one of this. */
function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody has removed it.
  }
}

function writeNew(word: string, path: string, bytes: Uint8Array, written: string[]): void {
  try {
    const file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    written.push(path);
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    } finally {
      file.close();
    }
  } catch (error) {
    throw new ConfigError(word, `${displayPath(path)}: ${reasonOf(error)}`);
  }
}
