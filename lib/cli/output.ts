/**
 * Functions that several commands share: output, errors, asking several interfaces at once, and
 * names of zones.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";

let program = "wg";

/** Sets the name with which messages begin: that by which the program was called. */
export function setProgramName(name: string): void {
  if (/^[\x21-\x7e]{1,64}$/.test(name)) program = name;
}

/** The name by which the program was called. */
export const programName = (): string => program;

/** Writes a message to standard error, on one line that begins with the name of the program. */
export function complain(text: string): void {
  console.error(`${program}: ${text}`);
}

/** Writes the whole text to standard output, also if a pipe takes it in pieces. */
export function printAll(text: string): void {
  printBytes(new TextEncoder().encode(text));
}

/** As `printAll`, for bytes. */
export function printBytes(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/**
 * Asks several interfaces at once.
 * @param failures receives the errors of single interfaces
 * @returns the answers, in the order of the names
 */
export async function askEach<T>(
  names: readonly string[],
  ask: (name: string) => Promise<T | undefined>,
  failures: OsError[],
): Promise<T[]> {
  const found = await Promise.all(names.map((name) =>
    ask(name).catch((error: unknown) => {
      if (!(error instanceof OsError)) throw error;
      failures.push(error);
      return undefined;
    })
  ));
  return found.filter((one) => one !== undefined);
}

/**
 * Prints errors of single interfaces.
 * @returns the exit status
 */
export function tellFailures(failures: readonly OsError[]): number {
  for (const failure of failures) complain(failure.message);
  return failures.length === 0 ? 0 : 1;
}

/**
 * The names of zones of link-local endpoints, by the index of the interface. The kernel is asked
 * only if there is such an endpoint.
 */
export async function zoneNames(
  endpoints: readonly (Endpoint | undefined)[],
): Promise<(index: number) => string | undefined> {
  if (endpoints.every((endpoint) => (endpoint?.scope ?? 0) === 0)) return () => undefined;
  return (await import("./ifconfig/kernel.ts")).linkName;
}
