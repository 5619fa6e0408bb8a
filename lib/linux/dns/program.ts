/**
 * Runs the programs that manage name servers. No shell is involved.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { onFile } from "../file_error.ts";

/** The folders of the system's programs, which are searched after those of PATH. */
const FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** How long a program may take. resolvconf waits up to 10 s for its lock, D-Bus 25 s. */
const TIMEOUT_MS = 60_000;

const searchPath = (): string => {
  const path = Deno.env.get("PATH") ?? "";
  return path === "" ? FOLDERS : `${path}:${FOLDERS}`;
};

/** The path of a program; undefined if there is none. Relative folders of PATH are left out. */
export function findProgram(name: string): string | undefined {
  for (const folder of searchPath().split(":")) {
    if (!folder.startsWith("/")) continue;
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${name}`);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return `${folder}/${name}`;
    } catch {
      // It is not in this folder.
    }
  }
  return undefined;
}

/**
 * Runs a program to its end.
 * @param stdin the text of its standard input
 * @returns its standard output
 * @throws ConfigError with the first line of its error output if it fails; OsError if it cannot run
 */
export async function runProgram(argv: readonly string[], stdin = ""): Promise<string> {
  const [program, ...args] = argv;
  const child = onFile("exec", program, () =>
    new Deno.Command(program, {
      args,
      clearEnv: true,
      env: { PATH: searchPath(), LC_ALL: "C" },
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn());
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, TIMEOUT_MS);
  const write = async () => {
    const writer = child.stdin.getWriter();
    // A program may end without reading its input.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  };
  try {
    const [{ code, signal }, stdout, stderr] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      write(),
    ]);
    if (code === 0) return stdout;
    const how = isLate
      ? `did not end within ${TIMEOUT_MS / 1000} s`
      : signal === null
      ? `failed with status ${code}`
      : `was ended by ${signal}`;
    const said = (stderr.trim() || stdout.trim()).split("\n")[0];
    throw new ConfigError(argv.join(" "), said === "" ? how : `${how}: ${said}`);
  } finally {
    clearTimeout(timer);
  }
}
