/**
 * Unix sockets by their paths: whether somebody answers there, who that is, and datagrams to one.
 * @module
 */
import { EACCES, ECONNREFUSED, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM } from "../lib/base/errno.ts";
import * as libc from "./libc.ts";

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: process, user and group. */
const UCRED_BYTES = 12;
/** struct sockaddr_un: the family and a path with its terminator. */
const PATH_MAX = 107;

/**
 * What is at a path: `answers` when somebody takes connections, also when too many wait for one
 * now, and when it cannot be told;
 * `denied` when this user may not connect; `dead` when the socket's process is gone or it is no
 * socket; `absent` when there is nothing.
 */
export type UnixSocketState = "answers" | "denied" | "dead" | "absent";

/** Looks by connecting and hanging up. */
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
 * The process that listens at a path, as the kernel noted it when it began to listen (unix(7),
 * SO_PEERCRED). It may have ended since, with another process listening on the same socket.
 * Undefined when it is not in sight of this process, and when no connection can be had now.
 */
export function unixSocketOwner(path: string): number | undefined {
  const descriptor = connectUnix(path, libc.SOCK_STREAM);
  if (descriptor < 0) return undefined;
  const credentials = new Uint8Array(UCRED_BYTES);
  const result = libc.getsockoptBytes(descriptor, SOL_SOCKET, SO_PEERCRED, credentials);
  libc.close(descriptor);
  const pid = new DataView(credentials.buffer).getInt32(0, true);
  return result < 0 || pid <= 0 ? undefined : pid;
}

/** Connects without waiting. Returns a descriptor that does not block, or a negated errno. */
function connectUnix(path: string, type: number): number {
  const name = new TextEncoder().encode(path);
  if (name.length > PATH_MAX) return -ENAMETOOLONG;
  const address = new Uint8Array(2 + PATH_MAX + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const descriptor = libc.socket(AF_UNIX, type | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC, 0);
  if (descriptor < 0) return descriptor;
  const result = libc.connect(descriptor, address);
  if (result === 0) return descriptor;
  libc.close(descriptor);
  return result;
}

/** A connected socket to /dev/log. Messages are lost rather than waited for. */
export class SystemLog {
  readonly #descriptor: number;
  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Undefined when nobody listens there. */
  static open(path = "/dev/log"): SystemLog | undefined {
    const descriptor = connectUnix(path, libc.SOCK_DGRAM);
    return descriptor < 0 ? undefined : new SystemLog(descriptor);
  }

  /** Sends one message, already in syslog's form. Returns false when it was lost. */
  send(message: Uint8Array): boolean {
    return libc.send(this.#descriptor, message) >= 0;
  }

  close(): void {
    libc.close(this.#descriptor);
  }
}
