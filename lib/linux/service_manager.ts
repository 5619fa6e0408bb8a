/**
 * Messages to the service manager that has started this process, as sd_notify(3) sends them:
 * systemd, and supervisors with the same protocol.
 * @module
 */
import { DatagramSocket } from "../../ffi/unix_socket.ts";

/** The variables by which a service manager tells where it listens, and how often. */
export const SERVICE_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC"] as const;

/** How many messages are sent in the time after which the service manager takes action. */
const MESSAGES_IN_TIME = 3;

/** The service manager of this process. */
export class ServiceManager {
  readonly #socket: DatagramSocket;
  /** How often a sign of life is wanted, in milliseconds; undefined if it is not. */
  readonly watchdogMs: number | undefined;

  private constructor(socket: DatagramSocket, watchdogMs: number | undefined) {
    this.#socket = socket;
    this.watchdogMs = watchdogMs;
  }

  /**
   * The service manager that the environment names; undefined if there is none, or if it does not
   * listen.
   */
  static find(variable: (name: string) => string | undefined): ServiceManager | undefined {
    const path = variable("NOTIFY_SOCKET");
    if (path === undefined || !/^[/@]./.test(path)) return undefined;
    const socket = DatagramSocket.open(path);
    if (socket === undefined) return undefined;
    const microseconds = Number(variable("WATCHDOG_USEC"));
    const wanted = Number.isSafeInteger(microseconds) && microseconds > 0;
    return new ServiceManager(
      socket,
      wanted ? Math.max(1, Math.floor(microseconds / 1000 / MESSAGES_IN_TIME)) : undefined,
    );
  }

  /** Tells something: `READY: 1` and the like. A message that would block is lost. */
  tell(state: Readonly<Record<string, string | number>>): void {
    const lines = Object.entries(state).map(([name, value]) =>
      `${name}=${String(value).replaceAll("\n", " ")}\n`
    );
    this.#socket.send(new TextEncoder().encode(lines.join("")));
  }

  close(): void {
    this.#socket.close();
  }
}

/** The variables of the service manager that are set, for a process that this one starts. */
export function serviceVariables(
  variable: (name: string) => string | undefined,
): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of SERVICE_VARIABLES) {
    const value = variable(name);
    if (value !== undefined) set[name] = value;
  }
  return set;
}
