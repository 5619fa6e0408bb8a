/**
 * Starting a daemon and hearing whether it came up.
 * @module
 */
import { EIO, osError } from "../base/errno.ts";
import { parseReply } from "../uapi/reply.ts";
import { checkInterfaceName } from "../base/interface_name.ts";
import { selfCommand } from "./program.ts";

/** How long a daemon may take. */
const READY_MS = 30_000;

/**
 * Starts `daemon NAME` in a session of its own, gives it its configuration on standard input (never in argv or the environment, which others
 * can read), and waits for the answer on its standard output. Afterwards nothing ties the two together.
 * @param lines UAPI `set` lines
 * @param environment for the daemon, besides the little that it needs
 * @returns its process id
 * @throws ConfigError or OsError as the daemon told
 */
export async function spawn(
  name: string,
  lines: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const self = selfCommand(["daemon", checkInterfaceName(name)]);
  const child = new Deno.Command(self.program, {
    args: [...self.args],
    env: { ...self.environment, ...environment },
    clearEnv: true,
    cwd: "/",
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), READY_MS);
  const complaint = readUpTo(child.stderr, undefined);
  try {
    const writer = child.stdin.getWriter();
    writer.write(new TextEncoder().encode(`${lines}\n`)).then(() => writer.close()).catch(() => {});
    const answer = await readUpTo(child.stdout, "\n\n");
    if (answer === "") {
      const { code, signal } = await child.status;
      const last = (await complaint).trim().split("\n").slice(-3).join(" ");
      throw osError(
        "daemon",
        name,
        EIO,
        `ended with ${signal ?? `status ${code}`}${last === "" ? "" : `: ${last}`}`,
      );
    }
    const body = parseReply(answer, name);
    return Number(/^pid=([0-9]+)$/m.exec(body)?.[1] ?? child.pid);
  } finally {
    clearTimeout(timer);
    child.unref();
    complaint.catch(() => {});
  }
}

/** Everything until the mark or until the other side closes, at most 64 KiB of it. */
async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  mark: string | undefined,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of stream) {
    if (text.length < 65_536) text += decoder.decode(piece, { stream: true });
    if (mark !== undefined && text.endsWith(mark)) break;
  }
  return text;
}
