/**
 * Rates of interfaces and peers: the differences of two looks at their counters.
 * @module
 */
import type { CounterName, Counts } from "../../base/counters.ts";
import type { PeerStatus } from "../../base/config.ts";
import { formatEndpoint } from "../../base/ip_text.ts";
import { formatNamedEndpoint } from "../../base/host_name.ts";
import { peerName } from "../../base/peer_name.ts";
import { withoutControls } from "../../base/quote.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/** The looks that a sparkline shows. */
export const HISTORY = 12;

/** Counters of packets and datagrams that are no drops. */
const MOVED: ReadonlySet<string> = new Set([
  "tx_sealed",
  "tx_keepalives",
  "tx_source_lost",
  "rx_datagrams",
  "rx_opened",
  "rx_keepalives",
]);

/** Whether a counter counts packets that were dropped. */
export const isDrop = (name: string): boolean =>
  /^[tr]x_/.test(name) && !MOVED.has(name) || name === "tun_write_failed" ||
  name === "udp_overflowed";

/** What is shown of an interface, or of one of its peers. */
export interface Row {
  readonly interface: string;
  /** The public key in base64; undefined for the interface. */
  readonly key: string | undefined;
  /** The description or the key, without control characters; for an interface its name. */
  readonly name: string;
  readonly endpoint: string;
  /** Why the peer takes part in nothing; empty for others. */
  readonly disabled: string;
  /** Unix time in ms; 0 for never. For an interface that of its last peer. */
  readonly handshakeUnixMs: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Bytes a second; undefined at the first look. */
  readonly rxRate: number | undefined;
  readonly txRate: number | undefined;
  /** Bytes a second in both directions, the newest last, at most HISTORY. */
  readonly history: readonly number[];
  /** What was dropped, by reason. */
  readonly drops: Counts;
  /** Drops a second; undefined at the first look. */
  readonly dropRate: number | undefined;
}

/** What was seen of a row at the last look. */
interface Seen {
  readonly atMs: number;
  /** The process and the peer that counted; others begin at 0. */
  readonly counter: string;
  readonly rx: number;
  readonly tx: number;
  readonly dropped: number;
  readonly history: readonly number[];
}

/** Keeps the last look. */
export class Rates {
  #seen = new Map<string, Seen>();

  /**
   * The rows of a look: each interface, and its peers after it.
   * @param atMs a clock that does not step, in ms
   */
  look(statuses: readonly InterfaceStatus[], atMs: number): Row[] {
    const before = this.#seen;
    this.#seen = new Map();
    return statuses.flatMap((status) => {
      const { name, instance, peers } = status;
      const sum = (value: (peer: PeerStatus) => number) =>
        peers.reduce((total, peer) => total + value(peer), 0);
      const own = this.#row(before, atMs, `${name}/`, instance, {
        interface: name,
        key: undefined,
        name,
        endpoint: status.listenPort === 0 ? "" : `port ${status.listenPort}`,
        disabled: "",
        handshakeUnixMs: Math.max(0, ...peers.map((peer) => peer.lastHandshakeUnixMs)),
        rxBytes: sum(({ rxBytes }) => rxBytes),
        txBytes: sum(({ txBytes }) => txBytes),
        drops: dropsOf(status.counters),
      });
      const rows = peers.map((peer) => {
        const key = peer.publicKey.toBase64();
        return this.#row(before, atMs, `${name}/${key}`, `${instance}/${peer.number ?? ""}`, {
          interface: name,
          key,
          name: withoutControls(peerName(peer)),
          endpoint: endpointOf(peer),
          disabled: peer.disabled?.reason ?? "",
          handshakeUnixMs: peer.lastHandshakeUnixMs,
          rxBytes: peer.rxBytes,
          txBytes: peer.txBytes,
          drops: dropsOf(peer.counters),
        });
      });
      return [own, ...rows];
    });
  }

  #row(
    before: ReadonlyMap<string, Seen>,
    atMs: number,
    id: string,
    counter: string,
    row: Omit<Row, "rxRate" | "txRate" | "history" | "dropRate">,
  ): Row {
    const found = before.get(id);
    // What began again, or went back, has no rate at this look.
    const last = found !== undefined && found.counter === counter && found.rx <= row.rxBytes &&
        found.tx <= row.txBytes
      ? found
      : undefined;
    const dropped = Object.values(row.drops).reduce((sum, count) => sum + count, 0);
    const seconds = last === undefined ? 0 : (atMs - last.atMs) / 1000;
    const rate = (now: number, then: number | undefined) =>
      then === undefined || seconds <= 0 ? undefined : Math.max(0, now - then) / seconds;
    const rxRate = rate(row.rxBytes, last?.rx);
    const txRate = rate(row.txBytes, last?.tx);
    const history = rxRate === undefined || txRate === undefined
      ? found?.history ?? []
      : [...last?.history ?? [], rxRate + txRate].slice(-HISTORY);
    this.#seen.set(id, {
      atMs,
      counter,
      rx: row.rxBytes,
      tx: row.txBytes,
      dropped,
      history,
    });
    return { ...row, rxRate, txRate, history, dropRate: rate(dropped, last?.dropped) };
  }
}

function dropsOf(counts: Counts | undefined): Counts {
  const drops: Partial<Record<CounterName, number>> = {};
  for (const [name, count] of Object.entries(counts ?? {})) {
    if (isDrop(name) && count > 0) drops[name as CounterName] = count;
  }
  return drops;
}

function endpointOf({ endpoint, endpointName }: PeerStatus): string {
  if (endpointName !== undefined) return withoutControls(formatNamedEndpoint(endpointName));
  return endpoint === undefined ? "" : formatEndpoint(endpoint);
}
