/**
 * Descriptors that a command lends to the process of an interface, because the process may not open
 * them. A command first sends a message with the descriptors and a token to a socket beside the
 * control socket, and then names the token in an operation of the control socket.
 * @module
 */
import { EPROTO, osError } from "../base/errno.ts";
import { checked } from "../../ffi/errno.ts";
import { DescriptorInbox, passDescriptors, type Passed } from "../../ffi/descriptor_passing.ts";
import { close } from "../../ffi/libc.ts";
import { fillRandom } from "../runtime/entropy.ts";
import {
  descriptorsOf,
  type DistantFacts,
  type DistantSockets,
  factsOf,
  fromFacts,
} from "./distant_sockets.ts";
import { LookUpSocket } from "./look_up_socket.ts";
import { lendingPath } from "./paths.ts";
import { removeFile } from "./socket_folder.ts";

/** The most messages that wait for their operation. The oldest one gives way. */
const WAITING_MAX = 8;
const TOKEN_BYTES = 16;

/**
 * The text of a message, in JSON. `link` is for a netlink socket in the link's namespace,
 * `look-ups` for the socket of a process that looks up names.
 */
interface Note {
  readonly token: string;
  readonly kind: "sockets" | "link" | "look-ups";
  readonly sockets?: DistantFacts;
  /** The process id of `look-ups`. */
  readonly pid?: number;
}

/** Receives what commands lend. */
export class LendingSocket {
  #path: string;
  readonly #inbox: DescriptorInbox | undefined;
  readonly #waiting = new Map<string, Passed & { readonly note: Note }>();

  /** Makes the socket, with mode 0600. Without it, nothing can be lent. */
  constructor(name: string) {
    this.#path = lendingPath(name);
    removeFile(this.#path);
    const before = Deno.umask(0o177);
    const inbox = DescriptorInbox.open(this.#path);
    Deno.umask(before);
    this.#inbox = typeof inbox === "number" ? undefined : inbox;
  }

  /**
   * Takes the lent UDP sockets of a token. Close them if they are not used.
   * @throws OsError EPROTO when the token has none
   */
  takeSockets(token: string): DistantSockets {
    const passed = this.#take(token, "sockets");
    const sockets = passed.note.sockets && fromFacts(passed.note.sockets, passed.descriptors);
    if (sockets !== undefined) return sockets;
    closeAll(passed);
    throw osError("lent", "sockets", EPROTO);
  }

  /** Takes the lent netlink socket of a token. @throws OsError as `takeSockets` */
  takeLink(token: string): number {
    return this.#takeOne(token, "link").descriptor;
  }

  /** Takes the lent process of a token that looks up names. @throws OsError as `takeSockets` */
  takeLookUps(token: string): LookUpSocket {
    const { descriptor, note } = this.#takeOne(token, "look-ups");
    return new LookUpSocket(descriptor, note.pid ?? 0);
  }

  /** Renames the socket after the interface. */
  rename(name: string): void {
    const path = lendingPath(name);
    try {
      Deno.renameSync(this.#path, path);
      this.#path = path;
    } catch {
      // Somebody has removed it. Nothing can be lent then.
    }
  }

  close(): void {
    if (this.#inbox === undefined) return;
    this.#inbox.close();
    removeFile(this.#path);
    for (const passed of this.#waiting.values()) closeAll(passed);
    this.#waiting.clear();
  }

  #takeOne(token: string, kind: Note["kind"]) {
    const passed = this.#take(token, kind);
    const [descriptor] = passed.descriptors;
    if (passed.descriptors.length === 1) return { descriptor, note: passed.note };
    closeAll(passed);
    throw osError("lent", kind, EPROTO);
  }

  #take(token: string, kind: Note["kind"]): Passed & { readonly note: Note } {
    this.#receive();
    const passed = this.#waiting.get(token);
    if (passed === undefined || passed.note.kind !== kind) {
      throw osError("lent", kind, EPROTO, "the descriptors did not come");
    }
    this.#waiting.delete(token);
    return passed;
  }

  #receive(): void {
    for (let passed = this.#inbox?.receive(); passed !== undefined;) {
      const note = readNote(passed.text);
      if (note === undefined || this.#waiting.has(note.token)) closeAll(passed);
      else this.#waiting.set(note.token, { ...passed, note });
      const [oldest] = this.#waiting;
      if (this.#waiting.size > WAITING_MAX) {
        this.#waiting.delete(oldest[0]);
        closeAll(oldest[1]);
      }
      passed = this.#inbox?.receive();
    }
  }
}

function closeAll({ descriptors }: Passed): void {
  for (const fd of descriptors) close(fd);
}

/** The note of a text. Only the owner of the socket can write to it. */
function readNote(text: string): Note | undefined {
  try {
    const note = JSON.parse(text) as Note;
    return typeof note.token === "string" && note.token.length === 2 * TOKEN_BYTES
      ? note
      : undefined;
  } catch {
    return undefined;
  }
}

/** Lends UDP sockets, and closes this process's. Returns the token. @throws OsError */
export function lendSockets(name: string, sockets: DistantSockets): string {
  return lend(name, { kind: "sockets", sockets: factsOf(sockets) }, descriptorsOf(sockets));
}

/** Lends a netlink socket in the namespace of the link. Returns the token. @throws OsError */
export const lendLink = (name: string, routes: number): string =>
  lend(name, { kind: "link" }, [routes]);

/** Lends the socket of a process that looks up names. Returns the token. @throws OsError */
export const lendLookUps = (name: string, pid: number, socket: number): string =>
  lend(name, { kind: "look-ups", pid }, [socket]);

function lend(name: string, note: Omit<Note, "token">, descriptors: readonly number[]): string {
  const random = new Uint8Array(TOKEN_BYTES);
  fillRandom(random);
  const token = random.toHex();
  const text = JSON.stringify({ token, ...note } satisfies Note);
  checked(passDescriptors(lendingPath(name), { text, descriptors }), "sendmsg", name);
  return token;
}
