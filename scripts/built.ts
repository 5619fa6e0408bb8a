/**
 * The executable ./wg, built when it is missing or older than its sources.
 * @module
 */
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(import.meta.resolve("../"));

/** What ./wg is made of. */
const SOURCES = ["main.ts", "mod.ts", "deno.json", "deno.lock", "lib", "ffi", "scripts/compile.ts"];

/**
 * Builds ./wg when that is needed and returns its path.
 * @throws Error when it cannot be built; the compiler has then said why on standard error
 */
export async function ensureBuilt(say: (line: string) => void): Promise<string> {
  const path = `${ROOT}wg`;
  const built = modified(path);
  if (built !== undefined && SOURCES.every((source) => newest(`${ROOT}${source}`) <= built)) return path;
  say(built === undefined ? "building ./wg" : "building ./wg again: its sources changed");
  const { success, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${ROOT}scripts/compile.ts`],
    cwd: ROOT,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error(`scripts/compile.ts ended with ${code}`);
  return path;
}

function modified(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch {
    return undefined;
  }
}

/** The latest modification of a file, or of any file under a folder; 0 when there is none. */
function newest(path: string): number {
  let latest = 0;
  try {
    if (!Deno.statSync(path).isDirectory) return modified(path) ?? 0;
    for (const entry of Deno.readDirSync(path)) latest = Math.max(latest, newest(`${path}/${entry.name}`));
  } catch {
    // Not there.
  }
  return latest;
}
