/**
 * What all commands share: writing to standard output and standard error, asking many interfaces of which some
 * may fail, and names for zones.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";

let program = "wg";

/** Sets what messages begin with: the name that the program was called by. */
export function setProgramName(name: string): void {
  if (/^[\x21-\x7e]{1,64}$/.test(name)) program = name;
}

/** Writes a message to standard error, on one line that begins with the program's name. */
export function complain(text: string): void {
  console.error(`${program}: ${text}`);
}

/** Writes everything, also into a pipe that takes it in pieces. */
export function printAll(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/**
 * Asks for all these interfaces at once. Returns what there is, in the order of the names.
 * @param failures gets what kept single ones from being shown
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

/** Tells what could not be shown. Returns the exit status. */
export function tellFailures(failures: readonly OsError[]): number {
  for (const failure of failures) complain(failure.message);
  return failures.length === 0 ? 0 : 1;
}

/** Names for the zones of link-local endpoints, by the index of the interface; the kernel is asked only where there is one. */
export async function zoneNames(
  endpoints: readonly (Endpoint | undefined)[],
): Promise<(index: number) => string | undefined> {
  if (endpoints.every((endpoint) => (endpoint?.scope ?? 0) === 0)) return () => undefined;
  return (await import("./ifconfig/kernel.ts")).linkName;
}
