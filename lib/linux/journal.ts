/**
 * The journal of systemd, by its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL.md): datagrams
 * of fields, each a line `NAME=VALUE`.
 * @module
 */
import { ENOENT, osError } from "../base/errno.ts";
import { withoutControls } from "../base/quote.ts";
import { DatagramSocket } from "../../ffi/unix_socket.ts";

const JOURNAL_SOCKET = "/run/systemd/journal/socket";

/** The fields of an entry, by name: capital letters, digits and underscores. */
export type JournalFields = Readonly<Record<string, string>>;

/** An open journal. */
export class Journal {
  readonly #path: string;
  #socket: DatagramSocket;

  /** @throws OsError ENOENT when no journal listens */
  constructor(path: string = JOURNAL_SOCKET) {
    const socket = DatagramSocket.open(path);
    if (socket === undefined) {
      throw osError("connect", path, ENOENT, "no journal of systemd listens there");
    }
    this.#path = path;
    this.#socket = socket;
  }

  /**
   * Writes an entry. Control characters in values become `?`, so that each field is one line.
   * @returns false when it was lost: the journal does not read, or is not there
   */
  write(fields: JournalFields): boolean {
    const text = Object.entries(fields).map(([name, value]) =>
      `${name}=${withoutControls(value)}\n`
    );
    const bytes = new TextEncoder().encode(text.join(""));
    if (this.#socket.send(bytes)) return true;
    // The journal has a new socket after a restart.
    const socket = DatagramSocket.open(this.#path);
    if (socket === undefined) return false;
    this.#socket.close();
    this.#socket = socket;
    return socket.send(bytes);
  }

  close(): void {
    this.#socket.close();
  }
}
