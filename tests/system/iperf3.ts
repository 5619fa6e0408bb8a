/**
 * Loads between a client and a server of iperf3.
 * @module
 */
import type { Room, Running } from "../../scripts/netlab.ts";
import { must } from "./peers.ts";

/** A server of iperf3, which serves one client after the other. */
export class Iperf3Server {
  readonly #room: Room;
  readonly #port: number;
  readonly #server: Running;
  #clients = 0;

  constructor(room: Room, netns: string, port = 5201) {
    const words = ["iperf3", "-s", "--forceflush", "-p", `${port}`];
    this.#room = room;
    this.#port = port;
    this.#server = room.spawn(words, { netns });
  }

  /**
   * Runs a client, and returns what it printed.
   * @param words its options, without quotes and without the port
   */
  async load(netns: string, words: string): Promise<string> {
    // The server makes its socket anew for each client, and resets who comes before.
    this.#clients++;
    await this.#server.wrote(new RegExp(`(?:Server listening[^]*){${this.#clients}}`));
    return await must(this.#room, `iperf3 -p ${this.#port} ${words}`, netns);
  }
}
