/**
 * The process of one interface, from its start to its exit status.
 * @module
 */
import { ConfigError, OsError } from "../base/errors.ts";
import { startWorkers } from "../worker/worker_pair.ts";
import { formatGet, formatPublic } from "../uapi/get.ts";
import { checkOperation } from "../uapi/operations.ts";
import type { UapiRequest } from "../uapi/reader.ts";
import { formatReply } from "../uapi/reply.ts";
import { parseSet } from "../uapi/set.ts";
import {
  closeInheritedDescriptors,
  closeStandardDescriptors,
  leadSession,
  nameThread,
} from "../../ffi/process.ts";
import { close as closeDescriptor } from "../../ffi/libc.ts";
import { type Answer, ControlSocket } from "./control_socket.ts";
import { RunningInterface } from "./running_interface.ts";
import { Log, type LogLevel } from "./log.ts";
import { formatLog } from "./log_text.ts";
import { PublicFile } from "./public_file.ts";
import { dataWorkerUrl, VERSION } from "./program.ts";
import { handleSignals } from "./signals.ts";
import { linkIndex } from "./sockets.ts";
import { MemoryRelease } from "./memory_release.ts";

/** How often it is looked whether the control socket is still there. */
const SOCKET_LOOK_MS = 1_000;

/** How to run. */
export interface DaemonOptions {
  readonly name: string;
  /** Stay on the terminal and write the log there, instead of letting go of it when ready. */
  readonly foreground: boolean;
  /** What is logged outside of the daemon's own ring; all without it. */
  readonly logLevel?: LogLevel | undefined;
  /** How many threads move packets: one, or one each way. Without it as many as the processors suggest. */
  readonly workers?: 1 | 2;
  /** The first configuration, as UAPI `set` lines. */
  readonly configuration: () => Promise<string>;
  /** Called with the answer to whoever started it, once: `pid=N` and `errno=0`, or the error. */
  readonly ready: (answer: string) => void;
}

/**
 * Runs an interface until it ends.
 * @returns the exit status: 0 when the end was asked for or the interface was deleted, 1 when it failed
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { name, foreground } = options;
  // Its modules load while the rest is prepared.
  const worker = startWorkers(dataWorkerUrl(), options.workers);
  detach(foreground);
  const log = new Log(name, foreground, options.logLevel);
  const memoryRelease = new MemoryRelease(async () => (await opened.promise).releaseMemory());
  let named: Named | undefined;
  const opened = Promise.withResolvers<RunningInterface>();
  opened.promise.catch(() => {});
  // From the beginning: a signal that comes while the interface is being made ends it properly as soon as it is.
  handleSignals(
    () => void opened.promise.then((device) => device.close("asked"), () => {}),
    foreground,
  );
  let ended: RunningInterface["ended"];
  try {
    const change = parseSet(
      (await options.configuration()).split("\n").filter((line) => line !== ""),
    );
    const socket = new ControlSocket(name, async (request) => {
      const answer = await operate(await opened.promise, request, log);
      memoryRelease.worked(request.lines.length, answer.body.length);
      return answer;
    });
    const parts = named = { socket, facts: new PublicFile(name), log };
    const device = await RunningInterface.open({
      name,
      worker,
      log,
      changed: () => opened.promise.then((now) => tell(now, parts)),
    }, change);
    ended = device.ended;
    tell(device, parts);
    opened.resolve(device);
    socket.serve();
  } catch (error) {
    named?.facts.remove();
    named?.socket.close();
    const known = error instanceof ConfigError || error instanceof OsError;
    options.ready(
      formatReply("", known ? error : new Error(`internal error: ${describe(error)}`), 2),
    );
    return 1;
  }
  const device = await opened.promise;
  const status = device.status();
  log.write(`wg ${VERSION} is up: port ${status.listenPort}, ${status.suite}, ${status.cipher}`);
  options.ready(formatReply(`pid=${Deno.pid}\n`));
  if (!foreground) closeStandardDescriptors();
  memoryRelease.soon();

  const { socket, facts } = named;
  const looking = setInterval(() => {
    if (!socket.isInPlace()) device.close("the control socket was removed");
    // The name may have become free meanwhile.
    else followName(device, { socket, facts, log });
  }, SOCKET_LOOK_MS);
  const end = await ended;
  clearInterval(looking);
  facts.remove();
  socket.close();
  log.write(
    typeof end === "string" ? `stopped: ${end}` : `failed: ${end.failure}`,
    typeof end === "string" ? "info" : "error",
  );
  log.close();
  return typeof end === "string" ? 0 : 1;
}

/** One operation of the control socket. */
async function operate(device: RunningInterface, request: UapiRequest, log: Log): Promise<Answer> {
  checkOperation(request);
  switch (request.operation) {
    case "get": {
      if (request.value !== "2") return { body: formatGet(device.status()) };
      // The look at the link comes first: it finds out whether that was moved since the last one.
      const link = device.link();
      const status = device.status();
      return { body: formatGet(status, status, link) };
    }
    case "set":
      await device.configure(parseSet(request.lines, {
        interfaceIndex: (zone) => linkIndex(zone, device.status().rtable),
      }));
      return { body: "" };
    case "dmesg": {
      const since = request.lines.find((line) => line.startsWith("since="))?.slice(6) ?? "0";
      return { body: formatLog(log.since(Number(since) || 0)) };
    }
    case "link":
      device.setUp(request.value === "up");
      return { body: "" };
    case "netns": {
      // It is there for as long as the client is: whoever goes to the interface's namespace opens it by this path.
      const descriptor = device.openPlace();
      return {
        body: `netns=/proc/${Deno.pid}/fd/${descriptor}\n`,
        release: () => closeDescriptor(descriptor),
      };
    }
    case "destroy":
      setTimeout(() => device.close("asked"), 0);
      return { body: `pid=${Deno.pid}\n`, then: "keep-until-the-end" };
  }
  throw new ConfigError(request.operation, "unknown operation");
}

/** What the daemon has under the interface's name. */
interface Named {
  readonly socket: ControlSocket;
  readonly facts: PublicFile;
  readonly log: Log;
}

/** Goes over to the name that the link has now, where nobody else has that. */
function followName({ name }: RunningInterface, { socket, facts, log }: Named): void {
  if (name === socket.name || !socket.rename(name)) return;
  log.write(`renamed to ${name}`);
  facts.rename(name);
  log.rename(name);
}

/** Tells what anybody may know of the interface. */
function tell(device: RunningInterface, named: Named): void {
  followName(device, named);
  const status = device.status();
  named.facts.write(formatPublic(status, status));
}

/** Lets go of everything that belongs to whoever started this process. */
function detach(foreground: boolean): void {
  nameThread("wg");
  Deno.umask(0o077);
  keepMemoryOutOfCoreDumps();
  if (foreground) return;
  leadSession();
  closeInheritedDescriptors();
  Deno.chdir("/");
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
}

/** The keys are in memory: a core dump, should one be written, holds none of it. PR_SET_DUMPABLE would close /proc/PID/fd to other commands of ours in containers. */
function keepMemoryOutOfCoreDumps(): void {
  try {
    Deno.writeTextFileSync("/proc/self/coredump_filter", "0");
  } catch {
    // No such file where the kernel writes no core dumps, or /proc is closed.
  }
}

const describe = (error: unknown) =>
  error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error);
