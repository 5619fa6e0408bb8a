/**
 * Starts the process that looks up the names of endpoints for an interface, in the network
 * namespace of its UDP sockets, and lends its socket to the process of the interface. Both ends are
 * a pair of sockets: when the interface's process ends in whatever way, the other one does.
 *
 * The new process is this program first, which gives up its rights and executes a shell
 * (lib/cli/daemon/look_ups.ts).
 *
 * A change is made whether or not this succeeds. The names of an interface without such a process
 * have no addresses. Its status, its log and the warning of the command say why.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { type InterfaceStatus, takesLookUpProcess } from "../base/status.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { parseReply } from "../uapi/reply.ts";
import { close, F_SETFD, fcntl } from "../../ffi/libc.ts";
import { socketPair, unixSocketOwner } from "../../ffi/unix_socket.ts";
import { ask } from "./ask.ts";
import { homeOf } from "./lend_sockets.ts";
import { lendLookUps } from "./lending.ts";
import { isLookUps } from "./owner.ts";
import { refusalLine } from "./look_up_protocol.ts";
import { LOOK_UPS } from "./packed.ts";
import { socketPath } from "./paths.ts";
import { selfCommand } from "./program.ts";
import { hasNames } from "./rights.ts";

/**
 * A process that was started, and the end of its socket that is for the interface's process; or why
 * none could be started.
 */
export class StartedLookUps implements Disposable {
  readonly #name: string;
  readonly #started: { readonly pid: number; readonly socket: number } | Error;

  private constructor(
    name: string,
    started: { readonly pid: number; readonly socket: number } | Error,
  ) {
    this.#name = name;
    this.#started = started;
  }

  /**
   * Starts a process for an interface.
   * @param namespace where it looks names up; without it, in the present network namespace
   * @param owner the process of the interface, whose control groups it joins; without it, it stays
   *   in those of this process
   */
  static begin(name: string, namespace?: NetNamespace, owner?: number): StartedLookUps {
    const started = unlessRefused(() => {
      const [socket, other] = socketPair();
      try {
        fcntl(other, F_SETFD, 0);
        const start = () => spawn(name, other, owner);
        return { pid: namespace === undefined ? start() : within(namespace, start), socket };
      } catch (error) {
        close(socket);
        throw error;
      } finally {
        close(other);
      }
    });
    return new StartedLookUps(name, started);
  }

  /** Lends it to the process of the interface, or tells that process why there is none. */
  async lend(): Promise<void> {
    const started = this.#started;
    const token = started instanceof Error
      ? started
      : unlessRefused(() => lendLookUps(this.#name, started.pid, started.socket));
    const line = token instanceof Error ? refusalLine(token.message) : `lent=${token}\n`;
    try {
      parseReply(await ask(this.#name, `look_ups=1\n${line}\n`), this.#name);
    } catch (error) {
      // It has ended, which whoever uses it next finds out.
      if (!isRefusal(error)) throw error;
    }
  }

  /** Closes this end. The process ends unless it is lent. */
  [Symbol.dispose](): void {
    if (!(this.#started instanceof Error)) close(this.#started.socket);
  }
}

/**
 * Gives an interface a process that looks up names, if a change requires one: the change has names
 * and there is no such process, or it moves the UDP sockets to another rdomain. Call it when the
 * change was made.
 * @param before the interface before the change
 */
export async function provideLookUps(
  name: string,
  change: DeviceChange,
  before: Pick<InterfaceStatus, "features" | "lookUpsPid" | "rtable">,
): Promise<void> {
  if (!takesLookUpProcess(before)) return;
  const { rtable = before.rtable } = change;
  const { lookUpsPid: pid } = before;
  const isEnded = pid === 0 || rtable !== before.rtable || !isLookUps(pid);
  if (isEnded && (pid !== 0 || hasNames(change))) await lendLookUpsOf(name, rtable);
}

/** Starts a process in the rdomain of an interface's UDP sockets, and lends it. */
export async function lendLookUpsOf(name: string, rtable: number): Promise<void> {
  // The kernel's word: the interface's process could tell the id of another one. It is not known
  // in another process namespace.
  const owner = unixSocketOwner(socketPath(name));
  const place = unlessRefused(() => {
    if (rtable !== 0) return NetNamespace.rdomain(rtable);
    return owner === undefined ? undefined : homeOf(owner);
  });
  using namespace = place instanceof Error ? undefined : place;
  using started = StartedLookUps.begin(name, namespace, owner);
  await started.lend();
}

function spawn(name: string, socket: number, owner?: number): number {
  const numbers = owner === undefined ? [socket] : [socket, owner];
  const self = selfCommand([...LOOK_UPS, name, ...numbers.map(String)]);
  const child = new Deno.Command(self.program, {
    args: [...self.args],
    env: { ...self.environment },
    clearEnv: true,
    cwd: "/",
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  child.unref();
  return child.pid;
}

/** Runs `fn` in a namespace, or here when this process may not enter it. */
function within<T>(namespace: NetNamespace, fn: () => T): T {
  try {
    return namespace.run(fn);
  } catch (error) {
    if (error instanceof OsError && error.call === "setns") return fn();
    throw error;
  }
}

/** The result of `fn`, or the error with which the system refused it. */
function unlessRefused<T>(fn: () => T): T | Error {
  try {
    return fn();
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

/** Whether the system refused: errors of this program, and those that the runtime throws. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof OsError || error instanceof ConfigError ||
  Object.values(Deno.errors).some((kind) => error instanceof kind);
