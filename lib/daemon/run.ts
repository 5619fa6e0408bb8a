/**
 * Runs the process of one interface, from its start to its exit status.
 * @module
 */
import { type DeviceChange, wipeChange, wipeStatus } from "../base/config.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import type { ConnectedProcess } from "../base/events.ts";
import type { Times } from "../base/times.ts";
import { takesConstantTime } from "../runtime/loaded_crypto.ts";
import { WorkerGroup } from "../worker/worker_group.ts";
import { parseCapture } from "../uapi/capture.ts";
import { formatGetReply, formatPublic, formatStats } from "../uapi/get.ts";
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
import { type Confinement, UNCONFINED } from "./confinement.ts";
import { type Answer, ControlSocket } from "./control_socket.ts";
import { EventFeed } from "./event_feed.ts";
import { ServiceManager } from "../linux/service_manager.ts";
import { RunningInterface } from "./running_interface.ts";
import { Log, type LogLevel } from "./log.ts";
import { PROCESS_NAME } from "./paths.ts";
import { formatLog } from "./log_text.ts";
import { PublicFile } from "./public_file.ts";
import { dataWorkerUrl, VERSION } from "./program.ts";
import { handleFailures } from "./failures.ts";
import { handleSignals } from "./signals.ts";
import { whatChanged } from "./what_changed.ts";
import { closeDistantSockets } from "./distant_sockets.ts";
import { LendingSocket } from "./lending.ts";
import { parseRefusal } from "./look_up_protocol.ts";
import { MemoryRelease } from "./memory_release.ts";

/** How often it is checked that the control socket still exists. */
const SOCKET_LOOK_MS = 1_000;

/** BigInts of JavaScript take longer for larger numbers, and the private key is one of them. */
const NOT_CONSTANT_TIME =
  "WARNING: handshakes are computed in JavaScript, which does not take constant time: who measures " +
  "them may learn about the private key. Install OpenSSL's libcrypto (Debian: libssl3).";

/** How long those who follow the interface may take to read its last events. */
const FOLLOWED_MS = 200;

/** How long the interface may take to end after an error that nothing caught. */
const FAILURE_MS = 10_000;

/** The options of a daemon. */
export interface DaemonOptions {
  readonly name: string;
  /** Stays in the foreground and writes the log to standard error. */
  readonly foreground: boolean;
  /** The rights that this process has given up. */
  readonly confinement?: Confinement;
  /** Which lines are logged outside of the daemon's own ring; by default all. */
  readonly logLevel?: LogLevel | undefined;
  /** The Workers, which move packets; by default as many as `workersByDefault`. */
  readonly worker?: WorkerGroup;
  /** The protocol's intervals; only tests pass others than STANDARD_TIMES. */
  readonly times?: Times;
  /** Reads the first configuration, in UAPI `set` lines. Its keys are erased. */
  readonly configuration: () => Promise<Pick<UapiRequest, "lines" | "keys">>;
  /**
   * Called once, with the answer for the process that started this one: `pid=N`, or an error. The
   * interface ends when it throws: that process has ended.
   */
  readonly ready: (answer: string) => void;
}

/** How long after the last flood of handshake messages memory is released. */
const AFTER_FLOOD_MS = 10_000;

/**
 * Runs an interface until it ends.
 * @returns the exit status: 1 when the interface failed, otherwise 0
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { name, foreground, confinement = UNCONFINED } = options;
  const worker = options.worker ?? new WorkerGroup(dataWorkerUrl());
  // Before the environment is emptied.
  const service = ServiceManager.find((variable) => Deno.env.get(variable));
  detach(foreground);
  const log = new Log(name, foreground, options.logLevel);
  const memoryRelease = new MemoryRelease(async (wasBusy) =>
    (await opened.promise).releaseMemory(wasBusy)
  );
  let named: Named | undefined;
  const opened = Promise.withResolvers<RunningInterface>();
  opened.promise.catch(() => {});
  // Signals are handled before the interface is opened. A signal then ends it once it is open.
  handleSignals(
    () => void opened.promise.then((device) => device.close("asked"), () => {}),
    foreground,
  );
  handleFailures((error) => {
    const failure = `internal error: ${describe(error)}`;
    opened.promise.then((device) => device.close({ failure }), () => {});
    // What failed may be what ends the interface.
    Deno.unrefTimer(setTimeout(() => {
      log.write(`failed: ${failure}`, "error");
      Deno.exit(1);
    }, FAILURE_MS));
  });
  let ended: RunningInterface["ended"];
  try {
    const { lines, keys = new Map() } = await options.configuration();
    const change = parseSet(lines, { keys });
    const socket = new ControlSocket(name, async (request, by) => {
      const answer = await operate(await opened.promise, request, by, parts);
      memoryRelease.worked(request.lines.length, answer.body.length);
      return answer;
    });
    const lending = new LendingSocket(name);
    const feed = new EventFeed(() => socket.name);
    const facts = new PublicFile(name, (problem) => log.write(problem, "error"));
    const parts: Named = { socket, lending, facts, log, feed };
    named = parts;
    const device = await RunningInterface.open({
      name,
      worker,
      log,
      confinement,
      ...(options.times === undefined ? {} : { times: options.times }),
      changed: () => opened.promise.then((now) => publish(now, parts)),
      flooded: () => memoryRelease.soon(AFTER_FLOOD_MS),
      event: (event) => feed.tell(event),
    }, change);
    wipeChange(change);
    ended = device.ended;
    confinement.close();
    publish(device, parts);
    opened.resolve(device);
    socket.serve();
  } catch (error) {
    named?.facts.remove();
    named?.lending.close();
    named?.socket.close();
    const known = error instanceof ConfigError || error instanceof OsError;
    options.ready(
      formatReply("", known ? error : new Error(`internal error: ${describe(error)}`), 2),
    );
    return 1;
  }
  const device = await opened.promise;
  const status = device.status();
  wipeStatus(status);
  log.write(`wg ${VERSION} is up: port ${status.listenPort}, ${status.suite}, ${status.cipher}`);
  if (!takesConstantTime(status.suite)) log.write(NOT_CONSTANT_TIME, "error");
  const { missing } = confinement;
  if (missing.length > 0) log.write(`rights that could not be given up: ${missing.join(", ")}`);
  try {
    const { problem } = named.facts;
    options.ready(
      formatReply(`pid=${Deno.pid}\n${problem === undefined ? "" : `problem=${problem}\n`}`),
    );
  } catch {
    // The interface would stay without its configuration.
    device.close("the command that started it ended");
  }
  if (!foreground) closeStandardDescriptors();
  memoryRelease.soon();
  const feeding = service?.watchdogMs === undefined ? undefined : setInterval(() => {
    if (device.isBeating) service.tell({ WATCHDOG: 1 });
  }, service.watchdogMs);

  const { socket, lending, facts, feed } = named;
  const looking = setInterval(() => {
    device.wake();
    memoryRelease.look(device.beats);
    if (!socket.isInPlace()) device.close("the control socket was removed");
    // The name of the link may be free now.
    else followName(device, { socket, lending, facts, log, feed });
  }, SOCKET_LOOK_MS);
  const end = await ended;
  clearInterval(looking);
  clearInterval(feeding);
  facts.remove();
  lending.close();
  feed.close();
  socket.close();
  await socket.followed(FOLLOWED_MS);
  log.write(
    typeof end === "string" ? `stopped: ${end}` : `failed: ${end.failure}`,
    typeof end === "string" ? "info" : "error",
  );
  log.close();
  return typeof end === "string" ? 0 : 1;
}

/** Executes an operation of the control socket. */
async function operate(
  device: RunningInterface,
  asked: UapiRequest,
  by: ConnectedProcess | undefined,
  { lending, log, feed }: Named,
): Promise<Answer> {
  const { request, token } = takeToken(asked);
  checkOperation(request);
  switch (request.operation) {
    case "get": {
      const extended = request.value === "2";
      // Read the link first, because that also updates the status of a link that was moved.
      const link = extended ? device.link() : undefined;
      const status = device.status();
      const body = formatGetReply(status, extended ? status : undefined, link);
      wipeStatus(status);
      return { body };
    }
    case "stats": {
      const explained = request.value === "2";
      const link = explained ? device.link() : undefined;
      const status = device.status(explained);
      const body = formatStats(status, status, link);
      wipeStatus(status);
      return { body };
    }
    case "set": {
      const lent = token === undefined ? undefined : lending.takeSockets(token);
      let change: DeviceChange;
      try {
        change = parseSet(request.lines, {
          interfaceIndex: (zone) => device.linkIndex(zone),
          ...(request.keys === undefined ? {} : { keys: request.keys }),
        });
      } catch (error) {
        if (lent !== undefined) closeDistantSockets(lent);
        throw error;
      }
      const changed = whatChanged(change, (publicKey) => device.descriptionOf(publicKey));
      await device.configure(change, lent);
      if (changed.length > 0) feed.tell({ kind: "changed", changed, by });
      return { body: "" };
    }
    case "dmesg": {
      const since = request.lines.find((line) => line.startsWith("since="))?.slice(6) ?? "0";
      return { body: formatLog(log.since(Number(since) || 0)) };
    }
    case "link":
      device.setUp(
        request.value === "up",
        token === undefined ? undefined : lending.takeLink(token),
      );
      feed.tell({ kind: "changed", changed: [`link ${request.value}`], by });
      return { body: "" };
    case "look_ups":
      if (token === undefined) device.lookUpsRefused(parseRefusal(request.lines));
      else device.lookUpWith(lending.takeLookUps(token));
      return { body: "" };
    case "capture":
      return { body: "", follow: device.captures.begin(parseCapture(request.lines)) };
    case "netns": {
      // The descriptor stays open while the client is connected, and the client opens this path.
      const descriptor = device.openPlace();
      return {
        body: `netns=/proc/${Deno.pid}/fd/${descriptor}\n`,
        release: () => closeDescriptor(descriptor),
      };
    }
    case "monitor":
      return { body: "", follow: feed.follow() };
    case "destroy":
      feed.tell({ kind: "changed", changed: ["destroyed"], by });
      setTimeout(() => device.close("asked"), 0);
      return { body: `pid=${Deno.pid}\n`, then: "keep-until-the-end" };
  }
  throw new ConfigError(request.operation, "unknown operation");
}

const TOKEN_KEY = "lent=";

/**
 * Takes the token of lent descriptors out of a request. It is its first line, before the lines that
 * have keys.
 */
function takeToken(
  request: UapiRequest,
): { readonly request: UapiRequest; readonly token: string | undefined } {
  const [first, ...lines] = request.lines;
  if (first === undefined || !first.startsWith(TOKEN_KEY)) return { request, token: undefined };
  const keys = new Map([...request.keys ?? []].map(([index, key]) => [index - 1, key]));
  return { request: { ...request, lines, keys }, token: first.slice(TOKEN_KEY.length) };
}

/** The parts of the daemon that have the name of the interface. */
interface Named {
  readonly feed: EventFeed;
  readonly socket: ControlSocket;
  readonly lending: LendingSocket;
  readonly facts: PublicFile;
  readonly log: Log;
}

/** Renames the parts after the link, unless another daemon has its name. */
function followName(
  { name }: RunningInterface,
  { socket, lending, facts, log }: Named,
): void {
  if (name === socket.name || !socket.rename(name)) return;
  log.write(`renamed to ${name}`);
  lending.rename(name);
  facts.rename(name);
  log.rename(name);
}

/** Writes the public status of the interface. */
function publish(device: RunningInterface, named: Named): void {
  followName(device, named);
  const status = device.status();
  named.facts.write(formatPublic(status, status));
  wipeStatus(status);
}

/**
 * Detaches this process from the process that started it. In the foreground it keeps its session
 * and the standard descriptors.
 */
function detach(foreground: boolean): void {
  nameThread(PROCESS_NAME);
  Deno.umask(0o077);
  keepMemoryOutOfCoreDumps();
  closeInheritedDescriptors();
  if (foreground) return;
  leadSession();
  Deno.chdir("/");
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
}

/**
 * Leaves all memory out of core dumps, because it contains keys. PR_SET_DUMPABLE is not used: in
 * containers it would make /proc/PID/fd unreadable for our other commands.
 */
function keepMemoryOutOfCoreDumps(): void {
  try {
    Deno.writeTextFileSync("/proc/self/coredump_filter", "0");
  } catch {
    // The kernel writes no core dumps, or /proc is not writable.
  }
}

const describe = (error: unknown) =>
  error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error);
