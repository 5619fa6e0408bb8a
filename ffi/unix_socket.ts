/**
 * Unix sockets by path: the state and the owner of a socket, and datagrams to the system's log and
 * to a supervisor.
 * @module
 */
import { EACCES, ECONNREFUSED, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM } from "../lib/base/errno.ts";
import { checked } from "./errno.ts";
import * as libc from "./libc.ts";

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: process, user and group. */
const UCRED_BYTES = 12;
/** struct sockaddr_un: the family and a path with its terminator. */
const PATH_MAX = 107;

/**
 * The state of a path.
 *
 * - `answers`: a process listens on the socket, also when its queue is full, or the state is
 *   unknown
 * - `denied`: this user may not connect
 * - `dead`: the process of the socket is gone, or the file is not a socket
 * - `absent`: there is no file
 */
export type UnixSocketState = "answers" | "denied" | "dead" | "absent";

/** Finds the state of a path by connecting to it. */
export function unixSocketState(path: string): UnixSocketState {
  const result = connectUnix(path, libc.SOCK_STREAM);
  if (result >= 0) libc.close(result);
  return stateOf(result);
}

function stateOf(result: number): UnixSocketState {
  switch (-result) {
    case EACCES:
    case EPERM:
      return "denied";
    case ECONNREFUSED:
      return "dead";
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return "absent";
    default:
      return "answers";
  }
}

/**
 * The id of the process that began to listen on a socket (unix(7), SO_PEERCRED). The process may
 * have ended since, with another one listening on the socket. Undefined when the process is in
 * another process namespace, and when this process cannot connect now.
 */
export function unixSocketOwner(path: string): number | undefined {
  const descriptor = connectUnix(path, libc.SOCK_STREAM);
  if (descriptor < 0) return undefined;
  const pid = peerCredentials(descriptor)?.pid ?? 0;
  libc.close(descriptor);
  return pid <= 0 ? undefined : pid;
}

/**
 * The process and the user at the other end of a connected socket (unix(7), SO_PEERCRED), from the
 * time of connect(2) or listen(2). Undefined when the kernel does not tell. The process is 0 when
 * it is in another process namespace.
 */
export function peerCredentials(
  descriptor: number,
): { readonly pid: number; readonly uid: number } | undefined {
  const credentials = new Uint8Array(UCRED_BYTES);
  if (libc.getsockoptBytes(descriptor, SOL_SOCKET, SO_PEERCRED, credentials) < 0) return undefined;
  const view = new DataView(credentials.buffer);
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true) };
}

/**
 * The struct sockaddr_un of a path; -ENAMETOOLONG for one that is too long. A path that begins with
 * `@` is a name in the abstract namespace (unix(7)).
 */
export function unixAddress(path: string): Uint8Array | number {
  const name = new TextEncoder().encode(path);
  if (name.length > PATH_MAX) return -ENAMETOOLONG;
  const isAbstract = path.startsWith("@");
  if (isAbstract) name[0] = 0;
  // A path ends with a zero. In the abstract namespace every byte of the address is of the name.
  const address = new Uint8Array(2 + name.length + (isAbstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

/** Connects without blocking. Returns a nonblocking descriptor, or a negated errno. */
export function connectUnix(path: string, type: number): number {
  const address = unixAddress(path);
  if (typeof address === "number") return address;
  const descriptor = libc.socket(AF_UNIX, type | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC, 0);
  if (descriptor < 0) return descriptor;
  const result = libc.connect(descriptor, address);
  if (result === 0) return descriptor;
  libc.close(descriptor);
  return result;
}

/**
 * Two connected stream sockets, which are closed on exec.
 * @throws OsError EMFILE when too many descriptors are open
 */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  const type = libc.SOCK_STREAM | libc.SOCK_CLOEXEC;
  checked(libc.socketpair(AF_UNIX, type, new Uint8Array(pair.buffer)), "socketpair", "stream");
  return [pair[0], pair[1]];
}

/** A connected datagram socket. A message that would block is lost. */
export class DatagramSocket {
  readonly #descriptor: number;
  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Connects to a socket; undefined when no process listens there. */
  static open(path: string): DatagramSocket | undefined {
    const descriptor = connectUnix(path, libc.SOCK_DGRAM);
    return descriptor < 0 ? undefined : new DatagramSocket(descriptor);
  }

  /** Sends a message. Returns false when it was lost. */
  send(message: Uint8Array): boolean {
    return libc.send(this.#descriptor, message) >= 0;
  }

  close(): void {
    libc.close(this.#descriptor);
  }
}
