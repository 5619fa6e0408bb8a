/**
 * The control socket. It serves UAPI operations to several clients at once. No client can block or
 * end the daemon.
 * @module
 */
import { EBUSY, EEXIST, EMFILE, ENOMEM, EPROTO, ETIMEDOUT, osError } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import type { ConnectedProcess } from "../base/events.ts";
import { UapiReader, type UapiRequest } from "../uapi/reader.ts";
import { UAPI_MESSAGE_MAX } from "../uapi/keys.ts";
import { formatReply } from "../uapi/reply.ts";
import { EventFd } from "../../ffi/poll.ts";
import { unixSocketState } from "../../ffi/unix_socket.ts";
import { ConnectedProcesses } from "./connected_processes.ts";
import type { Following } from "./event_feed.ts";
import { SOCKET_FOLDER, socketPath } from "./paths.ts";
import { asOsError, removeFile, underLock } from "./socket_folder.ts";

/**
 * The most clients that are served at once. For another one the client is closed that has been idle
 * for longest. When none has been idle for YIELDS_AFTER_MS, the new one gets the error EBUSY.
 */
export const CLIENTS_MAX = 64;
/** How long a client has been idle when it may be closed for another one. */
const YIELDS_AFTER_MS = 1_000;
/**
 * The most clients that were refused and whose connection is still open. Others are closed at once.
 */
const TURNED_AWAY_MAX = 64;
/** How long the connection of a client that was refused stays open. */
const TURNED_AWAY_MS = 1_000;
/**
 * The most bytes of all clients' unfinished operations and unread answers: one of the longest, and
 * shorter ones.
 */
const HELD_MAX = 2 * UAPI_MESSAGE_MAX;
/** How long a client may wait between operations. */
const CLIENT_IDLE_MS = 60_000;
/** How long a client may take to send an operation, or to read an answer. */
const CLIENT_STALL_MS = 10_000;
/** How long an operation may take as a whole, and an answer: 64 MiB at 10 Mbit/s. */
const CLIENT_OPERATION_MS = 60_000;
const LIMITS = {
  idleMs: CLIENT_IDLE_MS,
  stallMs: CLIENT_STALL_MS,
  operationMs: CLIENT_OPERATION_MS,
};
/** How long operations are carried out before handshakes, timers and new clients have a turn. */
const SLICE_MS = 10;
/** Bytes of one read. */
const PIECE_BYTES = 16_384;

/** The answer to an operation. */
export interface Answer {
  /** Text, or the bytes of a whole answer with keys in it, which are erased after they are sent. */
  readonly body: string | Uint8Array;
  /** Keeps the connection open until the process ends. */
  readonly then?: "keep-until-the-end";
  /** What is sent after the answer, as it comes, until it ends or the client hangs up. */
  readonly follow?: Following;
  /** Called when the connection is closed, to release what the answer refers to. */
  readonly release?: () => void;
}

/** How long a client may take. */
export interface ClientLimits {
  /** Milliseconds between operations. */
  readonly idleMs: number;
  /** Milliseconds to send an operation, or to read an answer. */
  readonly stallMs: number;
  /** For a whole operation, and for reading a whole answer. */
  readonly operationMs: number;
}

/**
 * Executes an operation. It throws a ConfigError or OsError, which is sent to the client. `by` is
 * the process of the client, if it is known.
 */
export type Operation = (
  request: UapiRequest,
  by: ConnectedProcess | undefined,
) => Answer | Promise<Answer>;

/** The listening socket and its clients. */
export class ControlSocket {
  #name: string;
  #path: string;
  readonly #folder: string;
  readonly #listener: Deno.UnixListener;
  readonly #processes: ConnectedProcesses;
  readonly #operation: Operation;
  /** The clients, and since when each has been idle: undefined during an operation. */
  readonly #clients = new Map<Deno.UnixConn, number | undefined>();
  readonly #readers = new Set<UapiReader>();
  /** The clients that follow something, each until it has got the last text. */
  readonly #followers = new Set<Promise<void>>();
  #turnedAway = 0;
  /** Bytes of the answers that are being sent. */
  #answerBytes = 0;
  /** When the event loop last had a turn between operations. */
  #sliceBegan = 0;
  /** Resolves after the turns that clients wait for. */
  #turns: Promise<void> = Promise.resolve();
  /**
   * A descriptor that is given up when there is no other one, so that a client can be told. Without
   * it, clients would wait for an answer that does not come.
   */
  #spare: EventFd | undefined = new EventFd();
  readonly #limits: ClientLimits;
  readonly #inode: number | null;
  #closed = false;

  /**
   * Makes the socket, with mode 0600 from the beginning. The interface exists for commands from now
   * on. The socket of a dead daemon is replaced.
   * @throws OsError `EEXIST` when a running daemon has the name, or another errno
   */
  constructor(
    name: string,
    operation: Operation,
    limits: ClientLimits = LIMITS,
    folder: string = SOCKET_FOLDER,
  ) {
    this.#name = name;
    this.#folder = folder;
    this.#path = socketPath(name, folder);
    this.#operation = operation;
    this.#limits = limits;
    this.#listener = listen(name, this.#path, folder);
    this.#processes = new ConnectedProcesses(this.#path);
    this.#inode = inodeOf(this.#path);
  }

  /** The name of the interface in the path of the socket. */
  get name(): string {
    return this.#name;
  }

  /**
   * Whether the socket is still at its path. False only when it was removed or replaced for sure.
   */
  isInPlace(): boolean {
    try {
      return Deno.lstatSync(this.#path).ino === this.#inode;
    } catch (error) {
      return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
    }
  }

  /**
   * Renames the socket after the interface. Clients stay connected.
   * @returns false when another daemon has the name, or the path would be too long
   */
  rename(name: string): boolean {
    try {
      const path = socketPath(name, this.#folder);
      underLock(this.#folder, () => {
        clearPath(name, path);
        Deno.renameSync(this.#path, path);
      });
      this.#name = name;
      this.#path = path;
      return true;
    } catch {
      return false;
    }
  }

  /** Accepts and serves clients until `close`. */
  async serve(): Promise<void> {
    while (!this.#closed) {
      let client: Deno.UnixConn;
      try {
        client = await this.#listener.accept();
      } catch {
        // There are no free descriptors, or the client has gone. After `close` the loop ends.
        this.#giveSpare();
        await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      const by = this.#processes.accepted(client);
      if (!this.#takeSpare()) {
        // The client has the last descriptor, which was the spare one. Others wait for it.
        await this.#refuse(client, EMFILE, "no descriptor is left").catch(() => {});
        this.#drop(client);
        this.#takeSpare();
        continue;
      }
      if (this.#clients.size >= CLIENTS_MAX && !this.#dropIdle()) {
        this.#turnAway(client, EBUSY, "no room for another client");
        continue;
      }
      this.#clients.set(client, performance.now());
      const lent: (() => void)[] = [];
      this.#serveClient(client, by, lent).finally(() => {
        this.#drop(client);
        for (const release of lent) release();
      });
    }
  }

  /** Frees the spare descriptor for the next client. */
  #giveSpare(): void {
    this.#spare?.close();
    this.#spare = undefined;
  }

  /** Makes the spare descriptor if there is none. Returns false when no descriptor is left. */
  #takeSpare(): boolean {
    try {
      this.#spare ??= new EventFd();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Removes the socket, if it was not replaced, and stops accepting. Clients that wait for the end
   * of the process stay connected.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (inodeOf(this.#path) === this.#inode) removeFile(this.#path);
    this.#listener.close();
    this.#giveSpare();
  }

  /** Waits until all that was followed has ended and is sent, for at most `limitMs`. */
  async followed(limitMs: number): Promise<void> {
    if (this.#followers.size === 0) return;
    await within(limitMs, () => Promise.all(this.#followers).then(() => null));
  }

  /**
   * Sends an error to a client, and reads from it for TURNED_AWAY_MS. A client that is still
   * writing would lose the answer if the connection were closed at once.
   */
  async #turnAway(client: Deno.UnixConn, errno: number, why: string): Promise<void> {
    const room = this.#turnedAway < TURNED_AWAY_MAX;
    this.#turnedAway++;
    try {
      await this.#refuse(client, errno, why);
      if (!room) return;
      await client.closeWrite();
      const piece = new Uint8Array(PIECE_BYTES);
      const until = performance.now() + TURNED_AWAY_MS;
      for (let left = TURNED_AWAY_MS; left > 0; left = until - performance.now()) {
        if (typeof await within(left, () => client.read(piece)) !== "number") return;
      }
    } catch {
      // The client has closed the connection.
    } finally {
      this.#turnedAway--;
      this.#drop(client);
    }
  }

  async #serveClient(
    client: Deno.UnixConn,
    by: ConnectedProcess | undefined,
    lent: (() => void)[],
  ): Promise<void> {
    const reader = new UapiReader();
    this.#readers.add(reader);
    try {
      await this.#converse(client, by, reader, lent);
    } finally {
      this.#readers.delete(reader);
    }
  }

  async #converse(
    client: Deno.UnixConn,
    by: ConnectedProcess | undefined,
    reader: UapiReader,
    lent: (() => void)[],
  ): Promise<void> {
    const piece = new Uint8Array(PIECE_BYTES);
    const { idleMs, stallMs, operationMs } = this.#limits;
    // The time by which the operation that has begun must have ended.
    let until = Infinity;
    while (!this.#closed) {
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next.type === "broken") {
          return await this.#refuse(client, EPROTO, next.problem, next.version);
        }
        until = Infinity;
        const answer = await this.#carryOut(next, by);
        if (answer.release !== undefined) lent.push(answer.release);
        const { follow } = answer;
        if (follow !== undefined) lent.push(() => follow.close());
        if (!await this.#write(client, answer.text)) return;
        if (follow !== undefined) {
          const followed = this.#follow(client, follow);
          this.#followers.add(followed);
          return await followed.finally(() => this.#followers.delete(followed));
        }
        await this.#giveTurn();
        if (answer.then === "keep-until-the-end") {
          await new Promise(() => {});
        }
      }
      const { partial, version } = reader;
      this.#clients.set(client, partial ? undefined : performance.now());
      until = partial ? Math.min(until, performance.now() + operationMs) : Infinity;
      const count = await within(
        partial ? Math.max(0, Math.min(stallMs, until - performance.now())) : idleMs,
        () => client.read(piece),
      );
      if (partial && count === "late") {
        return await this.#refuse(client, ETIMEDOUT, "the operation has no end", version);
      }
      if (partial && count === null) {
        return await this.#refuse(client, EPROTO, "the operation has no end", version);
      }
      if (typeof count !== "number") return;
      this.#clients.set(client, undefined);
      reader.push(piece.subarray(0, count));
      piece.fill(0, 0, count);
      if (this.#held() > HELD_MAX) {
        return await this.#refuse(client, ENOMEM, "too many large operations at once");
      }
    }
  }

  /**
   * Sends what a client follows. The client may read slowly or stand still, so no time is too long.
   * It is not idle, and what it may send is not read as operations.
   */
  async #follow(client: Deno.UnixConn, follow: Following): Promise<void> {
    const ends = () => follow.close();
    client.read(new Uint8Array(1)).then(ends, ends);
    const encoder = new TextEncoder();
    for (let next = await follow.next(); next !== undefined; next = await follow.next()) {
      const bytes = typeof next === "string" ? encoder.encode(next) : next;
      try {
        for (let at = 0; at < bytes.length;) at += await client.write(bytes.subarray(at));
      } catch {
        return;
      }
    }
  }

  /**
   * Lets the event loop run when operations have taken SLICE_MS: reads and writes that need not
   * wait do not give it a turn. After each turn one client goes on.
   */
  async #giveTurn(): Promise<void> {
    if (performance.now() - this.#sliceBegan < SLICE_MS) return;
    this.#turns = this.#turns.then(() => new Promise((resolve) => setTimeout(resolve, 0)));
    await this.#turns;
    this.#sliceBegan = performance.now();
  }

  #held(): number {
    let bytes = this.#answerBytes;
    for (const reader of this.#readers) bytes += reader.held;
    return bytes;
  }

  /** Sends an error, after which the connection is closed. */
  async #refuse(client: Deno.UnixConn, errno: number, why: string, version = 1): Promise<void> {
    await this.#write(
      client,
      formatReply("", osError("uapi", "control socket", errno, why), version),
    );
  }

  async #carryOut(
    request: UapiRequest,
    by: ConnectedProcess | undefined,
  ): Promise<Omit<Answer, "body"> & { readonly text: string | Uint8Array }> {
    const version = request.value === "2" ? 2 : 1;
    try {
      const answer = await this.#operation(request, by);
      const { body, ...rest } = answer;
      return { ...rest, text: typeof body === "string" ? formatReply(body) : body };
    } catch (error) {
      const known = error instanceof ConfigError || error instanceof OsError;
      return { text: formatReply("", known ? error : new Error("internal error"), version) };
    } finally {
      for (const key of request.keys?.values() ?? []) key.fill(0);
    }
  }

  /** Sends an answer and erases it. */
  async #write(client: Deno.UnixConn, text: string | Uint8Array): Promise<boolean> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const { stallMs, operationMs } = this.#limits;
    const until = performance.now() + operationMs;
    this.#answerBytes += bytes.length;
    try {
      if (this.#held() > HELD_MAX) return false;
      for (let at = 0; at < bytes.length;) {
        const limit = Math.max(0, Math.min(stallMs, until - performance.now()));
        const count = await within(limit, () => client.write(bytes.subarray(at)));
        if (typeof count !== "number") return false;
        at += count;
      }
      return true;
    } finally {
      this.#answerBytes -= bytes.length;
      bytes.fill(0);
    }
  }

  /**
   * Closes the client that has been idle for longest.
   * @returns false when none has been idle for YIELDS_AFTER_MS
   */
  #dropIdle(): boolean {
    const idle = [...this.#clients].filter((entry): entry is [Deno.UnixConn, number] =>
      entry[1] !== undefined && performance.now() - entry[1] >= YIELDS_AFTER_MS
    );
    if (idle.length === 0) return false;
    this.#drop(idle.reduce((oldest, entry) => entry[1] < oldest[1] ? entry : oldest)[0]);
    return true;
  }

  #drop(client: Deno.UnixConn): void {
    this.#clients.delete(client);
    this.#processes.dropped(client);
    try {
      client.close();
    } catch {
      // Already closed by a time limit.
    }
  }
}

/**
 * Waits for a read or write of a client, for at most `limitMs`. Returns undefined for a failure,
 * null at the end of the input, and `late` after the limit; the read or write then goes on until
 * the connection is closed.
 */
async function within(
  limitMs: number,
  action: () => Promise<number | null>,
): Promise<number | null | undefined | "late"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), limitMs));
  try {
    return await Promise.race([action().catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}

function listen(name: string, path: string, folder: string): Deno.UnixListener {
  return underLock(folder, () => {
    clearPath(name, path);
    const before = Deno.umask(0o177);
    try {
      return Deno.listen({ transport: "unix", path });
    } catch (error) {
      throw asOsError("bind", path, error);
    } finally {
      Deno.umask(before);
    }
  });
}

/**
 * Removes a dead socket from the path of a new one. @throws OsError EEXIST when a daemon answers
 */
function clearPath(name: string, path: string): void {
  if (inodeOf(path) === null) return;
  if (unixSocketState(path) === "answers") {
    throw osError("bind", name, EEXIST, "an interface of this name is running");
  }
  removeFile(path);
}

function inodeOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).ino;
  } catch {
    return null;
  }
}
