/**
 * Asking the daemons: what the commands do with them. Needs root (or the owner of the sockets), but for `interfaceNames` and `publicFacts`.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import type { InterfaceStatus } from "../uapi/status.ts";

/** What anybody may know of an interface. */
export interface PublicFacts {
  readonly listenPort: number;
  readonly rtable: number;
}

/**
 * The interfaces that have a daemon which answers (sockets left behind by a dead one are passed over), sorted as people count.
 * A user who may not connect sees the names of all sockets.
 */
export function interfaceNames(): string[] {
  throw new Error("not yet");
}

/** What anybody may know of an interface, or undefined when it tells nothing. */
export function publicFacts(_name: string): PublicFacts | undefined {
  throw new Error("not yet");
}

/**
 * All about one interface. Also works, with fewer facts, with another implementation's daemon.
 * @throws ConfigError when the name cannot be one
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not ask
 */
export function getDevice(_name: string): Promise<InterfaceStatus> {
  return Promise.reject(new Error("not yet"));
}

/**
 * Changes an interface, whole or not at all.
 * @throws ConfigError what the daemon found wrong with a value
 * @throws OsError what the kernel refused (`EADDRINUSE` for the port), or as `getDevice`
 */
export function setDevice(_name: string, _change: DeviceChange): Promise<void> {
  return Promise.reject(new Error("not yet"));
}

/**
 * Starts the daemon of a new interface in the current network namespace with its first configuration, and waits until the interface, the UDP
 * sockets and the control socket are there. The link is down, as the kernel makes it.
 * @returns the daemon's process id
 * @throws ConfigError or OsError, whatever kept the daemon from starting; then nothing is left of it
 */
export function spawnDaemon(_name: string, _change: DeviceChange): Promise<number> {
  return Promise.reject(new Error("not yet"));
}

/**
 * Ends an interface and waits until its process is gone.
 * @throws OsError `ENXIO` when there is no such interface
 */
export function destroyDaemon(_name: string): Promise<void> {
  return Promise.reject(new Error("not yet"));
}

/** Lines of the daemon's log, each with its number and time; `since` is the number of the last line already seen. */
export interface LogLine {
  readonly sequence: number;
  readonly unixMs: number;
  readonly text: string;
}

/** The lines of an interface's log after `since` (0 for all that are kept). @throws as `getDevice` */
export function readLog(_name: string, _since = 0): Promise<LogLine[]> {
  return Promise.reject(new Error("not yet"));
}
