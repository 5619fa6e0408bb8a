/**
 * The socket to a process that looks up names, at the end of the interface's process. What comes
 * from the other end is hostile input: that process reads the answers of strangers.
 * @module
 */
import { EAGAIN, EPIPE, EPROTO, osError } from "../base/errno.ts";
import { checked } from "../../ffi/errno.ts";
import { close, MSG_DONTWAIT, recv, send } from "../../ffi/libc.ts";
import {
  ANSWER_MAX,
  parseAnswer,
  requestLine,
  returnLine,
  type SlotAnswer,
  SLOTS,
} from "./look_up_protocol.ts";

/** The most bytes that are read at once: an answer for each slot. */
const READ_BYTES = SLOTS * (ANSWER_MAX + 1);
const OBJECT = "look-ups";

/**
 * A process that looks up names. All but `close` throw an OsError when it has ended or does not do
 * what such a process does. None waits.
 */
export interface LookUpProcess {
  readonly pid: number;
  /** Asks for a host in a slot that is free. */
  ask(slot: number, host: string): void;
  /** Gives a slot back whose answer has come. */
  giveBack(slot: number): void;
  /** The answers that have come. */
  answers(): readonly SlotAnswer[];
  /** Ends the process. */
  close(): void;
}

/** A process at the other end of a stream socket. */
export class LookUpSocket implements LookUpProcess {
  readonly pid: number;
  readonly #socket: number;
  readonly #bytes = new Uint8Array(READ_BYTES);
  /** The beginning of a line whose end has not come. */
  #partial = "";

  /** @param socket a connected stream socket, which `close` closes */
  constructor(socket: number, pid: number) {
    this.#socket = socket;
    this.pid = pid;
  }

  ask(slot: number, host: string): void {
    this.#send(requestLine(slot, host));
  }

  giveBack(slot: number): void {
    this.#send(returnLine(slot));
  }

  answers(): readonly SlotAnswer[] {
    const length = recv(this.#socket, this.#bytes, MSG_DONTWAIT);
    if (length === -EAGAIN) return [];
    if (checked(length, "recv", OBJECT) === 0) throw osError("recv", OBJECT, EPIPE);
    const text = this.#partial + new TextDecoder("latin1").decode(this.#bytes.subarray(0, length));
    const lines = text.split("\n");
    this.#partial = lines.pop()!;
    const answers = lines.map(parseAnswer);
    if (this.#partial.length > ANSWER_MAX || !answers.every((answer) => answer !== undefined)) {
      throw osError("recv", OBJECT, EPROTO);
    }
    return answers;
  }

  close(): void {
    close(this.#socket);
  }

  #send(line: string): void {
    // A shell has sixteen short lines to read at most, which have room. What answers without
    // reading does not, and must not stop this process.
    const bytes = new TextEncoder().encode(line);
    const sent = checked(send(this.#socket, bytes, MSG_DONTWAIT), "send", OBJECT);
    if (sent < bytes.length) throw osError("send", OBJECT, EPROTO);
  }
}
