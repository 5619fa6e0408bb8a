/**
 * Records the bytes of all peers again and again, and disables those whose quota is used up.
 *
 * What passed between the last reading and the end of an interface's process, or the removal of a
 * peer, is lost: at most that of one interval. Nothing is lost when the recorder stops, because the
 * counters go on.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { peerName } from "../../base/peer_name.ts";
import { disablesPeers, type InterfaceStatus } from "../../base/status.ts";
import { formatBytes } from "../show/text.ts";
import type { PeerQuota } from "./quota.ts";
import type { UsageStore } from "./store.ts";
import { type Reading, UNNUMBERED } from "./tally.ts";

/** An interface that answered. */
export interface Answered {
  readonly name: string;
  readonly status: InterfaceStatus;
}

/** What a recorder works with. */
export interface RecorderParts {
  readonly store: UsageStore;
  /** Asks all interfaces. Those that do not answer are left out. */
  readonly ask: () => Promise<readonly Answered[]>;
  /** Changes an interface. */
  readonly change: (name: string, change: DeviceChange) => Promise<void>;
  /** The local date, `YYYY-MM-DD`. */
  readonly today: () => string;
  /** Writes a line to the log. */
  readonly say: (line: string) => void;
}

/** A recorder. Call `sample` again and again, not at the same time. */
export class Recorder {
  readonly #parts: RecorderParts;
  /** The last complaint. The same one is not repeated. */
  #complaint = "";

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Reads all counters, records them, and disables and enables peers by their quotas. */
  async sample(): Promise<void> {
    const { store, ask, today } = this.#parts;
    const problems: string[] = [];
    try {
      const answered = await ask();
      const fate = store.fate();
      if (fate !== "in-place") {
        store.renew();
        this.#parts.say(
          fate === "removed"
            ? `${store.path} was removed with its history and quotas; a new one is made`
            : `${store.path} was replaced; the file that is there now is used`,
        );
      }
      const day = today();
      const left = store.record(day, answered.flatMap(readingsOf));
      if (left > 0) problems.push(`${left} peers are not recorded: too many are recorded already`);
      for (const one of answered) {
        const quotas = store.quotas(day, one.name);
        await this.#enforce(one, quotas, problems).catch((error) =>
          problems.push(messageOf(error))
        );
      }
    } catch (error) {
      problems.push(messageOf(error));
    }
    const complaint = problems.join("; ");
    if (complaint !== "" && complaint !== this.#complaint) this.#parts.say(complaint);
    this.#complaint = complaint;
  }

  async #enforce(
    { name, status }: Answered,
    quotas: readonly PeerQuota[],
    problems: string[],
  ): Promise<void> {
    const byKey = new Map(quotas.map((quota) => [quota.publicKey, quota]));
    for (const peer of status.peers) {
      const quota = byKey.get(peer.publicKey.toBase64());
      const isOver = quota !== undefined && quota.used >= quota.bytes;
      const isDisabled = peer.disabled?.reason === "quota";
      if (isOver === isDisabled || isOver && peer.disabled !== undefined) continue;
      if (!disablesPeers(status)) {
        problems.push(`${name}: its process cannot disable peers`);
        return;
      }
      const disabled = isOver ? { reason: "quota" } as const : false;
      await this.#parts.change(name, {
        peers: [{ publicKey: peer.publicKey, updateOnly: true, disabled }],
      });
      this.#parts.say(
        isOver
          ? `${name}: ${peerName(peer)}: its quota of ${
            formatBytes(quota.bytes)
          } a ${quota.period} ` +
            "is used up; it is disabled"
          : `${name}: ${peerName(peer)}: it is enabled, within its quota`,
      );
    }
  }
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error);

const readingsOf = ({ name, status }: Answered): Reading[] =>
  status.peers.map((peer) => ({
    interface: name,
    publicKey: peer.publicKey.toBase64(),
    name: peer.description,
    instance: status.instance,
    number: peer.number ?? UNNUMBERED,
    received: peer.rxBytes,
    sent: peer.txBytes,
  }));
