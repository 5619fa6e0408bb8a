/**
 * Starts the process that looks up the names of endpoints for an interface, in the network
 * namespace of its UDP sockets, and lends its socket to the process of the interface. Both ends are
 * a pair of sockets: when the interface's process ends in whatever way, the other one does.
 *
 * The new process is this program first, which gives up its rights and executes a shell
 * (lib/cli/daemon/look_ups.ts).
 *
 * A change is made whether or not this succeeds. The names of an interface without such a process
 * have no addresses, and its status says that it has none and what starts one.
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
import { LOOK_UPS } from "./packed.ts";
import { socketPath } from "./paths.ts";
import { selfCommand } from "./program.ts";
import { hasNames } from "./rights.ts";

/** A process that was started, and the end of its socket that is for the interface's process. */
export class StartedLookUps implements Disposable {
  readonly #name: string;
  readonly #pid: number;
  readonly #socket: number;

  private constructor(name: string, pid: number, socket: number) {
    this.#name = name;
    this.#pid = pid;
    this.#socket = socket;
  }

  /**
   * Starts a process for an interface.
   * @param namespace where it looks names up; without it, in the present network namespace
   * @param owner the process of the interface, whose control groups it joins; without it, it stays
   *   in those of this process
   * @returns undefined when it cannot be started
   */
  static begin(name: string, namespace?: NetNamespace, owner?: number): StartedLookUps | undefined {
    return unlessRefused(() => {
      const [socket, other] = socketPair();
      try {
        fcntl(other, F_SETFD, 0);
        const start = () => spawn(name, other, owner);
        return new StartedLookUps(
          name,
          namespace === undefined ? start() : within(namespace, start),
          socket,
        );
      } catch (error) {
        close(socket);
        throw error;
      } finally {
        close(other);
      }
    });
  }

  /** Lends it to the process of the interface. */
  async lend(): Promise<void> {
    try {
      const token = lendLookUps(this.#name, this.#pid, this.#socket);
      parseReply(await ask(this.#name, `look_ups=1\nlent=${token}\n\n`), this.#name);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  /** Closes this end. The process ends unless it is lent. */
  [Symbol.dispose](): void {
    close(this.#socket);
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
  using namespace = unlessRefused(() => {
    if (rtable !== 0) return NetNamespace.rdomain(rtable);
    return owner === undefined ? undefined : homeOf(owner);
  });
  using started = StartedLookUps.begin(name, namespace, owner);
  await started?.lend();
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

function unlessRefused<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Whether the system refused: errors of this program, and those that the runtime throws. */
const isRefusal = (error: unknown): boolean =>
  error instanceof OsError || error instanceof ConfigError ||
  Object.values(Deno.errors).some((kind) => error instanceof kind);
