/**
 * Starts a daemon and waits for its answer.
 * @module
 */
import { EIO, osError } from "../base/errno.ts";
import { parseReply } from "../uapi/reply.ts";
import { checkInterfaceName } from "../base/interface_name.ts";
import { serviceVariables } from "../linux/service_manager.ts";
import { SANDBOX_VARIABLE, selfCommand } from "./program.ts";
import { PORT_LATER, SOCKETS_VARIABLE } from "./rights.ts";

/**
 * A script that starts its words and ends. systemd says that it will most likely not notice the end
 * of a main process that is not its child: a process without a parent becomes its child.
 */
const WITHOUT_PARENT = 'exec 3<&0; "$@" <&3 3<&- &';

/**
 * How long a daemon may take to start. It takes less than a second of a processor, and many times
 * that where processors are busy or programs are read from the disk again and again.
 */
const READY_MS = 120_000;

/** How a daemon is started. */
export interface SpawnOptions {
  /** Variables for the daemon, besides those that it needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The number of its Workers; by default the daemon chooses. */
  readonly workers?: number | undefined;
  /**
   * Whether this thread gives up the rights that the daemon does not need, which makes the start
   * quicker (`confineStarter`). It does not when the daemon opens sockets before, nor when it is a
   * service of systemd, whose script is another program.
   */
  readonly givesUpRights?: boolean;
}

/**
 * Starts `daemon NAME` in a session of its own, and waits for its answer on standard output. The
 * configuration is sent on standard input, because other users can read arguments and environments.
 * @param lines the configuration, in UAPI `set` lines
 * @returns the process id of the daemon
 * @throws ConfigError or OsError when the daemon could not start
 */
export async function spawn(
  name: string,
  lines: string,
  { environment = {}, workers, givesUpRights = false }: SpawnOptions = {},
): Promise<number> {
  const service = serviceVariables((variable) => Deno.env.get(variable));
  const words = workers === undefined ? [] : [`${workers}`];
  const self = selfCommand(["daemon", checkInterfaceName(name), ...words]);
  const isService = Object.keys(service).length > 0;
  const confined = givesUpRights && !isService ? await confine(environment) : undefined;
  const child = new Deno.Command(isService ? "/bin/sh" : self.program, {
    args: [...isService ? ["-c", WITHOUT_PARENT, "sh", self.program] : [], ...self.args],
    env: {
      ...self.environment,
      ...sandboxSetting(),
      ...service,
      ...environment,
      ...confined?.environment,
    },
    clearEnv: true,
    cwd: "/",
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  confined?.close();
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
        `ended${isService ? "" : ` with ${signal ?? `status ${code}`}`}${
          last === "" ? "" : `: ${last}`
        }`,
      );
    }
    const body = parseReply(answer, name);
    const problem = /^problem=(.*)$/m.exec(body)?.[1];
    if (problem !== undefined) console.error(`wg: ${name}: ${problem}`);
    return Number(/^pid=([0-9]+)$/m.exec(body)?.[1] ?? child.pid);
  } finally {
    clearTimeout(timer);
    child.unref();
    complaint.catch(() => {});
  }
}

async function confine(environment: Readonly<Record<string, string>>) {
  const sockets: string | undefined = environment[SOCKETS_VARIABLE];
  if (sockets !== undefined && sockets !== PORT_LATER) return undefined;
  const { confineStarter } = await import("./confinement.ts");
  return confineStarter({ sockets });
}

/** The caller's setting of the sandbox, for the daemon. */
function sandboxSetting(): Record<string, string> {
  const setting = Deno.env.get(SANDBOX_VARIABLE);
  return setting === undefined ? {} : { [SANDBOX_VARIABLE]: setting };
}

/** Reads up to the mark or the end of the stream, and returns at most 64 KiB. */
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
