/**
 * Sends an operation to a daemon's control socket and reads the answer, within a limited time even
 * when the daemon hangs.
 * @module
 */
import { EACCES, ECONNREFUSED, ENXIO, EPROTO, ETIMEDOUT, osError } from "../base/errno.ts";
import type { OsError } from "../base/errors.ts";
import { describeOwner, socketOwner, watch, WATCH_MS } from "./owner.ts";
import { socketPath } from "./paths.ts";

/** How long a daemon may send nothing, and how long a whole answer may take. */
const SILENCE_MS = 2_000;
const ANSWER_MS = 20_000;
/**
 * A silent daemon gets more time while it runs or waits for a processor for at least this part of
 * the time, or waits for the disk, because the machine is busy or slow. It gets no more after it
 * ran for RAN_MAX_MS without an answer, as in an endless loop.
 */
const BUSY_SHARE = 0.25;
const RAN_MAX_MS = 5_000;
/** Bytes of a request for which the daemon gets a millisecond more. */
const BYTES_PER_MS = 500;
/** How often connecting is tried while the daemon's queue of connections is full. */
const CONNECT_EVERY_MS = 50;
/** Bytes of the longest answer that is read: PEERS_MAX peers with all values set. */
const ANSWER_MAX = 256 * 1024 * 1024;

/** Options of an operation. */
export interface Asking {
  /** The answer ends when the daemon closes the connection. */
  readonly untilHangUp?: boolean;
  /** Called with the answer before the connection is closed. */
  readonly whileConnected?: (text: string) => void;
}

/**
 * Sends an operation and returns the whole answer, which is empty when the daemon closed the
 * connection without one.
 * @throws ConfigError for a wrong name
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not connect,
 *   `ETIMEDOUT` when the daemon hangs
 */
export async function ask(name: string, request: string, asking: Asking = {}): Promise<string> {
  const connection = await connect(name);
  const guard = new SilenceGuard(connection, name, SILENCE_MS + request.length / BYTES_PER_MS);
  try {
    const bytes = new TextEncoder().encode(request);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    bytes.fill(0);
    const text = await readAnswer(
      connection,
      name,
      asking.untilHangUp === true,
      () => guard.heard(),
    );
    asking.whileConnected?.(text);
    return text;
  } catch (error) {
    if (guard.hung) throw hangs(name);
    if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset) {
      return "";
    }
    throw error;
  } finally {
    guard.stop();
    try {
      connection.close();
    } catch {
      // Closed by the guard.
    }
  }
}

/** Closes a connection on which the daemon sends nothing, although it has a processor. */
export class SilenceGuard {
  /** Whether the guard has closed the connection. */
  hung = false;
  readonly #connection: Deno.UnixConn;
  readonly #name: string;
  readonly #until = performance.now() + ANSWER_MS;
  #silent = true;
  #stopped = false;
  #ranMs = 0;

  /** @param firstMs how long the daemon may send nothing at first */
  constructor(connection: Deno.UnixConn, name: string, firstMs: number = SILENCE_MS) {
    this.#connection = connection;
    this.#name = name;
    this.#lookIn(firstMs);
  }

  /** Call after the daemon has sent something. */
  heard(): void {
    this.#silent = false;
  }

  /** Call when nothing is awaited any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Checks again after `ms`. The first setTimeout of a process would load Node's timers (10 ms).
   */
  #lookIn(ms: number): void {
    AbortSignal.timeout(Math.ceil(ms)).addEventListener("abort", () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const early = performance.now() < this.#until;
    if (early && !this.#silent) {
      this.#silent = true;
      return this.#lookIn(SILENCE_MS);
    }
    const waits = early && await this.#isBusy();
    if (this.#stopped) return;
    if (waits || early && !this.#silent) return this.#lookIn(0);
    this.hung = true;
    this.#connection.close();
  }

  async #isBusy(): Promise<boolean> {
    const did = await watch(socketOwner(this.#name));
    if (did === undefined) return false;
    this.#ranMs += did.ranMs;
    const waits = did.blocked || did.ranMs + did.waitedMs > WATCH_MS * BUSY_SHARE;
    return this.#ranMs < RAN_MAX_MS && waits;
  }
}

/** The error of a daemon that does not answer. */
export function hangs(name: string): OsError {
  return osError(
    "uapi",
    name,
    ETIMEDOUT,
    `${describeOwner(name)} does not answer; destroy ends it all the same`,
  );
}

/**
 * Connects to a daemon's control socket.
 * @throws as `ask`
 */
export async function connect(name: string): Promise<Deno.UnixConn> {
  const path = socketPath(name);
  const until = performance.now() + SILENCE_MS;
  while (true) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) {
        if (performance.now() > until) throw hangs(name);
        await new Promise((resolve) => setTimeout(resolve, CONNECT_EVERY_MS));
        continue;
      }
      const missing = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.ConnectionRefused;
      if (missing) throw osError("connect", name, ENXIO, "no such interface");
      if (error instanceof Deno.errors.PermissionDenied) throw osError("connect", name, EACCES);
      throw osError(
        "connect",
        name,
        ECONNREFUSED,
        error instanceof Error ? error.message : String(error),
      );
    }
  }
}

async function readAnswer(
  connection: Deno.UnixConn,
  name: string,
  untilHangUp: boolean,
  heard: () => void,
): Promise<string> {
  let bytes = new Uint8Array(65_536);
  let length = 0;
  while (true) {
    if (length === bytes.length) {
      if (length >= ANSWER_MAX) {
        throw osError("uapi", name, EPROTO, "the daemon's answer has no end");
      }
      const grown = new Uint8Array(length * 2);
      grown.set(bytes);
      bytes = grown;
    }
    const count = await connection.read(bytes.subarray(length));
    if (count === null) break;
    heard();
    length += count;
    const whole = length >= 2 && bytes[length - 1] === 10 && bytes[length - 2] === 10;
    if (whole && !untilHangUp) break;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}
