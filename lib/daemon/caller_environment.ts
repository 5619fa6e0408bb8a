/**
 * The environment of whoever called this program, for the commands that it runs: `route exec`, netstart's lines.
 * It is not always the environment of this process.
 * @module
 */
import { carriedEnvironment } from "./packed.ts";

/** The caller's variables: "NAME=value" in the bytes that the kernel had them in. */
export function callerEnvironment(): readonly Uint8Array[] {
  const variables = () =>
    Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`);
  return carriedEnvironment() ?? variables().map((variable) => new TextEncoder().encode(variable));
}

/** The caller's variables by name. What is not UTF-8 is left out. */
export function callerVariables(): Record<string, string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const variables: Record<string, string> = {};
  for (const bytes of callerEnvironment()) {
    try {
      const text = decoder.decode(bytes);
      const end = text.indexOf("=", 1);
      if (end > 0) variables[text.slice(0, end)] = text.slice(end + 1);
    } catch {
      // Deno.Command takes text only.
    }
  }
  return variables;
}
