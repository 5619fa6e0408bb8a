/**
 * The processes that connect to the control socket, by the kernel's word (unix(7), SO_PEERCRED).
 *
 * The runtime does not tell the descriptor of a connection that it accepts. But it accepts one
 * after the other, so the accepted connection is the one that was not there before.
 * @module
 */
import type { ConnectedProcess } from "../base/events.ts";
import { type AcceptedSocket, AcceptedSockets } from "../../ffi/accepted_sockets.ts";

/** After so many closed descriptors in a row no open one is expected: the lowest is used first. */
const CLOSED_MAX = 64;

/** Finds the process of each connection to one listening socket. */
export class ConnectedProcesses {
  readonly #sockets: AcceptedSockets;
  /** The descriptors of connections, and the cookies of their sockets. */
  readonly #cookies = new Map<number, bigint>();
  readonly #descriptors = new Map<unknown, number>();
  /** Descriptors of connections that were dropped. They are closed now or soon, and used again. */
  readonly #dropped = new Set<number>();
  /** Descriptors that are no connections. */
  readonly #others = new Set<number>();
  /** Whether a connection was not found. It could be taken for a later one. */
  #lost = false;

  /** @param path the path to which the socket was bound */
  constructor(path: string) {
    this.#sockets = new AcceptedSockets(path);
  }

  /**
   * The process of the connection that was accepted last; undefined when it is not known for sure.
   * Call it after each accept, before the next one, and `dropped` when the connection is closed.
   */
  accepted(connection: unknown): ConnectedProcess | undefined {
    if (this.#lost) return undefined;
    let found = this.#find();
    if (found === undefined) {
      this.#others.clear();
      found = this.#find();
    }
    if (found === undefined) {
      this.#lost = true;
      return undefined;
    }
    const [fd, { cookie, uid, pid }] = found;
    this.#cookies.set(fd, cookie);
    this.#dropped.delete(fd);
    this.#descriptors.set(connection, fd);
    return { uid, pid, program: programOf(pid) };
  }

  /** Call when a connection is closed. */
  dropped(connection: unknown): void {
    const fd = this.#descriptors.get(connection);
    if (fd === undefined) return;
    this.#descriptors.delete(connection);
    this.#dropped.add(fd);
  }

  #find(): readonly [number, AcceptedSocket] | undefined {
    for (let fd = 0, closed = 0; closed < CLOSED_MAX; fd++) {
      if (this.#others.has(fd) || this.#cookies.has(fd) && !this.#dropped.has(fd)) continue;
      const socket = this.#sockets.at(fd);
      if (socket === "closed") {
        closed++;
        continue;
      }
      closed = 0;
      if (socket === "other") this.#others.add(fd);
      else if (socket.cookie !== this.#cookies.get(fd)) return [fd, socket];
    }
    return undefined;
  }
}

/** The name of a process's program (proc(5), comm); empty when the process is not in sight. */
function programOf(pid: number): string {
  if (pid <= 0) return "";
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trimEnd();
  } catch {
    return "";
  }
}
