/**
 * The environment of the caller of this program, for the commands that the program runs (`route
 * exec`, lines of netstart). This process may have another environment.
 * @module
 */
import { carriedEnvironment } from "./packed.ts";

/** The caller's variables: "NAME=value" strings in their original bytes. */
export function callerEnvironment(): readonly Uint8Array[] {
  const variables = () =>
    Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`);
  return carriedEnvironment() ?? variables().map((variable) => new TextEncoder().encode(variable));
}

/** The caller's variables by name. Those that are not UTF-8 or have no name are left out. */
export function callerVariables(): Record<string, string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const variables: Record<string, string> = {};
  for (const bytes of callerEnvironment()) {
    try {
      const text = decoder.decode(bytes);
      const end = text.indexOf("=");
      if (end > 0) variables[text.slice(0, end)] = text.slice(end + 1);
    } catch {
      // Deno.Command takes text only.
    }
  }
  return variables;
}
