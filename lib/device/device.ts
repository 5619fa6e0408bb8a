/**
 * The control plane of one interface: peers, handshakes, key rotation, timers and configuration. It
 * does no I/O and reads no monotonic clock. Its inputs are events, changes and the time. Its
 * outputs are datagrams, commands for the data plane and log lines.
 *
 * - `configure` checks and applies a change (check_change.ts, apply_change.ts).
 * - `receive` processes a handshake message (incoming.ts).
 * - `handle` processes an event of the data plane: a wanted handshake (outgoing.ts), a confirmed
 *   session (sessions.ts), activity of a peer (lib/timers).
 * - `tick` runs the timers that are due (timer_expiry.ts), and compares the dates of peers with the
 *   wall clock (disabled_peers.ts).
 * @module
 */
import {
  type Milliseconds,
  milliseconds,
  type PeerSlot,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
} from "../base/brands.ts";
import type { DeviceChange, DeviceStatus, PeerStatus } from "../base/config.ts";
import { DEFAULT_MTU, MESSAGE_INITIATION } from "../base/constants.ts";
import { Counters } from "../base/counter_block.ts";
import { COUNTER, type PeerCounterIndex } from "../base/counters.ts";
import { errnoName, errnoText } from "../base/errno.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import { type DataPlanes, dataPlanesOf } from "../base/data_planes.ts";
import type { HandshakeMemory, HandshakeMessage } from "../base/handshake_memory.ts";
import type { DataEvent } from "../base/messages.ts";
import { secretCopy } from "../base/secret_bytes.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { NOT_PENDING, STANDARD_TIMES, type Times } from "../base/times.ts";
import type { Suite } from "../crypto/suite.ts";
import { wireguardStart } from "../noise/handshake.ts";
import { TimestampSource } from "../noise/tai64n.ts";
import { TimerQueue } from "../timers/timer_queue.ts";
import { applyChange } from "./apply_change.ts";
import { AskedNames } from "./asked_names.ts";
import { checkChange } from "./check_change.ts";
import { complainOfSilence, complainOfUnsent } from "./complaints.ts";
import type { Context, HandshakeSecrets } from "./context.ts";
import { disabledStatusOf, runExpiries, silence, takePart } from "./disabled_peers.ts";
import { evidenceOf, InterfaceEvidence } from "./evidence.ts";
import type { NameAnswer } from "./endpoint_name.ts";
import { ExpiryDates } from "./expiry_dates.ts";
import { tellDisconnected, tellRoamed } from "./events.ts";
import { lookUpsDue, namesUp, runLookUps } from "./name_look_ups.ts";
import { initiationUnsent, nameAnswered } from "./name_answers.ts";
import { heardNotice } from "./notices.ts";
import { completeHandshake, Incoming, type Verdict } from "./incoming.ts";
import { IndexTable } from "./index_table.ts";
import { sessionWanted } from "./outgoing.ts";
import { type DeviceOutputs, type OutgoingDatagram, Outputs } from "./outputs.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./peer_endpoint.ts";
import { PeerRegistry } from "./peer_registry.ts";
import { ReceiverLoads } from "./receiver_loads.ts";
import { RefusalLimit } from "./refusal_limit.ts";
import { confirmSession, usableSession, wipeKeys } from "./sessions.ts";
import { runTimers } from "./timer_expiry.ts";
import { messageKind } from "../wire/messages.ts";

export type { HandshakeSecrets } from "./context.ts";
export type { DeviceEvent } from "../base/events.ts";
export type { DeviceOutputs, OutgoingDatagram } from "./outputs.ts";
export type { FoundAddress, NameAnswer } from "./endpoint_name.ts";
export type { Verdict } from "./incoming.ts";

/** The parts of a device. */
export interface DeviceOptions {
  /** The primitives of handshakes and cookies. */
  readonly suite: Suite;
  /** Fills the array with random bytes fit for keys. */
  readonly random: (into: Uint8Array) => void;
  /** The wall clock in nanoseconds since 1970, for TAI64N and the time of the last handshake. */
  readonly wallClock: () => bigint;
  /** The table that the device shares with the data plane. */
  readonly table: PeerTable;
  /** Shared with the data plane. Its messages are for `receive`. */
  readonly handshakes: HandshakeMemory;
  /** The protocol's intervals; by default STANDARD_TIMES. */
  readonly times?: Times;
  /** The data planes that `table` and `handshakes` are made for; by default one. */
  readonly planes?: DataPlanes;
}

/**
 * The control plane of one interface. A new device is down and has no key. After every call with
 * `now`, process `takeOutputs` and read `nextDeadline` again. Call `sent` or `unsent` for each of
 * its datagrams.
 *
 * @example
 * ```ts
 * import { Device } from "./device.ts";
 * import { HandshakeMemory } from "../base/handshake_memory.ts";
 * import { PeerTable } from "../base/peer_table.ts";
 * import { milliseconds } from "../base/brands.ts";
 * import { nobleSuite } from "../crypto/noble_suite.ts";
 *
 * const device = new Device({
 *   suite: nobleSuite,
 *   random: (into) => crypto.getRandomValues(into),
 *   wallClock: () => BigInt(Date.now()) * 1_000_000n,
 *   table: new PeerTable(),
 *   handshakes: new HandshakeMemory(),
 * });
 * device.link(true, 1420, milliseconds(1));
 * console.log(device.takeOutputs().commands); // [{ type: "link", up: true, mtu: 1420 }]
 * ```
 */
export class Device {
  readonly #ctx: Context;
  readonly #incoming: Incoming;
  /** The counters of the control plane. The sender of its datagrams counts here too. */
  readonly counters: Counters;

  /** Makes a device without key and peers, which is down. */
  constructor(options: DeviceOptions) {
    const { suite, random, wallClock, table, handshakes } = options;
    const { times = STANDARD_TIMES, planes = dataPlanesOf(1) } = options;
    const timers = new TimerQueue(times, table);
    this.counters = new Counters(table);
    this.#ctx = {
      suite,
      random,
      wallClock,
      table,
      handshakes,
      planes,
      counters: this.counters,
      times,
      start: wireguardStart(suite),
      timestamps: new TimestampSource(wallClock),
      out: new Outputs(),
      refusals: { ofPeers: new RefusalLimit(), ofStrangers: new RefusalLimit() },
      timers,
      peers: new PeerRegistry(timers),
      names: new AskedNames(),
      expiries: new ExpiryDates(),
      indices: new IndexTable(random, handshakes.awaited, planes.receivers),
      receivers: new ReceiverLoads(planes.receivers, times.rekeyTimeout),
      strangers: new InterfaceEvidence(),
      own: undefined,
      secretsMade: undefined,
      up: false,
      mtu: DEFAULT_MTU,
      listenPort: 0,
      fwmark: 0,
      rtable: 0,
    };
    this.#incoming = new Incoming(this.#ctx);
  }

  /**
   * Checks a change and applies it whole.
   * @throws ConfigError for a wrong value; nothing has changed then
   */
  configure(change: DeviceChange, now: Milliseconds): void {
    this.#ctx.out.at(now);
    checkChange(change, this.#ctx.peers);
    applyChange(this.#ctx, change, now);
    this.#ctx.timers.settle(now);
  }

  /**
   * The status of the interface. Private and preshared keys in it are copies. Erase them with
   * `wipeStatus` after use.
   * @param now the time, for a status with evidence; absent for one without
   */
  status(now?: Milliseconds): DeviceStatus {
    const { own, listenPort, fwmark, rtable, out, peers, strangers } = this.#ctx;
    return {
      privateKey: own && secretCopy(own.identity.privateKey) as PrivateKey,
      publicKey: own?.identity.publicKey.slice() as PublicKey | undefined,
      listenPort,
      fwmark,
      rtable,
      debug: out.debug,
      ...(now !== undefined && { evidence: strangers.list(now) }),
      peers: Array.from(peers.all(), (peer) => this.#peerStatus(peer, now)),
    };
  }

  /** The public key of the peer in a slot; undefined when the slot has no peer. */
  publicKeyAt(slot: PeerSlot): PublicKey | undefined {
    return this.#ctx.peers.at(slot)?.publicKey;
  }

  /** The description of a peer, which may be empty; undefined when there is no such peer. */
  descriptionOf(publicKey: PublicKey): string | undefined {
    return this.#ctx.peers.find(publicKey)?.description;
  }

  /** The endpoints of the peers that have a session. */
  connectedEndpoints(): Endpoint[] {
    return Array.from(this.#ctx.peers.all()).flatMap((peer) => {
      const { endpoint } = pathOf(this.#ctx, peer);
      return peer.connected && endpoint !== undefined ? [endpoint] : [];
    });
  }

  /** The key and the description of the peer in a slot; undefined when the slot has no peer. */
  peerAt(slot: PeerSlot): Pick<PeerStatus, "publicKey" | "description"> | undefined {
    return this.#ctx.peers.at(slot);
  }

  /** The slot of a peer; undefined when there is no such peer. */
  slotOf(publicKey: PublicKey): PeerSlot | undefined {
    return this.#ctx.peers.find(publicKey)?.slot;
  }

  /**
   * Has `made` called with our private key now, and with the secrets of each handshake before its
   * first message of ours is sent; undefined ends it. The secrets of earlier handshakes are gone.
   */
  onHandshakeSecrets(made: ((secrets: HandshakeSecrets) => void) | undefined): void {
    const { own } = this.#ctx;
    this.#ctx.secretsMade = made;
    if (own !== undefined) made?.({ privateKey: own.identity.privateKey, handshake: undefined });
  }

  /**
   * Call at start, and when the interface went up or down or its MTU (in bytes) changed.
   * @param dropWaiting whether the packets that the TUN device holds are dropped
   */
  link(up: boolean, mtu: number, now: Milliseconds, dropWaiting = false): void {
    const ctx = this.#ctx;
    const was = ctx.up;
    ctx.out.at(now);
    ctx.up = up;
    ctx.mtu = mtu;
    ctx.out.command({ type: "link", up, mtu, ...(dropWaiting && { dropWaiting }) });
    if (was === up) return;
    ctx.out.event({ kind: up ? "up" : "down" });
    for (const peer of ctx.peers.all()) {
      if (peer.isDisabled) continue;
      if (up) takePart(ctx, peer, now);
      else silence(ctx, peer, "down");
    }
    if (up) namesUp(ctx, now);
    ctx.timers.settle(now);
  }

  /**
   * Ends all sessions, and begins handshakes with the peers that had one. Call it when the machine
   * goes on as a copy of itself: the other copy may send with the same keys and counters.
   */
  renewSessions(now: Milliseconds): void {
    const ctx = this.#ctx;
    ctx.out.at(now);
    for (const peer of ctx.peers.all()) {
      const had = usableSession(ctx, peer, now) !== undefined;
      wipeKeys(ctx, peer);
      tellDisconnected(ctx, peer, "cloned");
      if (had) sessionWanted(ctx, peer, now, false);
    }
    ctx.timers.settle(now);
  }

  /**
   * Processes a handshake message. Call it for every one that `HandshakeMemory.take` returns.
   * Returns the counter that counted it.
   */
  receive(message: HandshakeMessage, now: Milliseconds): Verdict {
    this.#ctx.out.at(now);
    const verdict = this.#incoming.receive(message, now);
    this.#ctx.timers.settle(now);
    return verdict;
  }

  /** Processes an event of the data plane. Call it for every event, in order. */
  handle(event: DataEvent, now: Milliseconds): void {
    this.#ctx.out.at(now);
    this.#handle(event, now);
    this.#ctx.timers.settle(now);
  }

  #handle(event: DataEvent, now: Milliseconds): void {
    const ctx = this.#ctx;
    if (event.type === "handshakes-waiting") return this.#renewSecret(now);
    if (event.type === "notice") {
      const peer = event.peer === undefined ? undefined : ctx.peers.at(event.peer);
      if (event.peer === undefined || peer !== undefined) {
        heardNotice(ctx, event, peer, now);
      }
      return;
    }
    const peer = ctx.peers.at(event.peer);
    if (peer === undefined) return;
    if (event.type === "endpoint-moved") {
      ctx.table.clearRoamed(peer.slot);
      return tellRoamed(ctx, peer, event.before, now);
    }
    if (!ctx.up || peer.isDisabled) {
      // The data plane did not know yet that the interface is down or the peer disabled. It must
      // report again later.
      if (event.type === "handshake-wanted") ctx.table.clearWanted(peer.slot);
      if (event.type === "peer-active") ctx.table.clearActive(peer.slot);
      return;
    }
    switch (event.type) {
      case "handshake-wanted":
        sessionWanted(ctx, peer, now, false);
        return;
      case "session-confirmed":
        if (!confirmSession(ctx, peer, event.localIndex, now)) return;
        ctx.out.command({ type: "session-promote", peer: peer.slot, localIndex: event.localIndex });
        completeHandshake(ctx, peer, false, now);
        return;
      case "loop":
        return this.#loop(peer, ctx.peers.at(event.through), now);
      case "peer-active":
        peer.timers.anyAuthenticatedPacketTraversal(now);
        return;
      default:
        event satisfies never;
    }
  }

  /**
   * Processes the answer for a host of `DeviceOutputs.lookUps`. Call it once for each, also when
   * the look-up failed or was given up.
   */
  lookedUp(host: string, answer: NameAnswer, now: Milliseconds): void {
    this.#ctx.out.at(now);
    nameAnswered(this.#ctx, host, answer, now);
    this.#ctx.timers.settle(now);
  }

  /** Runs the timers that are due. Call it at `nextDeadline` or later. */
  tick(now: Milliseconds): void {
    this.#ctx.out.at(now);
    runExpiries(this.#ctx, now);
    runTimers(this.#ctx, now);
    runLookUps(this.#ctx, now);
  }

  /** When to call `tick` next; undefined while no timer is pending. */
  nextDeadline(): Milliseconds | undefined {
    const { timers, expiries } = this.#ctx;
    const next = Math.min(timers.next(), lookUpsDue(this.#ctx), expiries.lookAt);
    return next === NOT_PENDING ? undefined : milliseconds(next);
  }

  /** Returns the outputs since the last call. Call it after every method with `now`. */
  takeOutputs(): DeviceOutputs {
    return this.#ctx.out.take();
  }

  /**
   * The secret of the cookies is made when the first messages wait, so that it is there when there
   * are too many.
   */
  #renewSecret(now: Milliseconds): void {
    const { own, handshakes, random, times } = this.#ctx;
    const { keys } = handshakes;
    if (own !== undefined && (keys.madeAt === 0 || now - keys.madeAt >= times.cookieSecret)) {
      keys.renewSecret(random, now);
    }
  }

  #peerStatus(peer: Peer, now: Milliseconds | undefined): PeerStatus {
    const { peers, table } = this.#ctx;
    const disabled = disabledStatusOf(peer);
    return {
      publicKey: peer.publicKey,
      presharedKey: secretCopy(peer.presharedKey) as PresharedKey,
      endpoint: pathOf(this.#ctx, peer).endpoint,
      ...(peer.endpointName && { endpointName: peer.endpointName.status }),
      persistentKeepalive: peer.timers.persistentKeepalive,
      allowedIps: peers.rangesOf(peer),
      description: peer.description,
      number: peer.number,
      txBytes: table.txBytes(peer.slot) + peer.handshakeTxBytes,
      rxBytes: table.rxBytes(peer.slot) + peer.handshakeRxBytes,
      lastHandshakeUnixMs: peer.lastHandshakeUnixMs,
      counters: table.counters.counts(peer.slot),
      ...(disabled !== undefined && { disabled }),
      ...(peer.expiresUnixMs !== 0 && { expiresUnixMs: peer.expiresUnixMs }),
      ...(peer.lastTimestamp !== undefined && { lastTimestamp: peer.lastTimestamp }),
      ...(now !== undefined && { evidence: evidenceOf(peer, table, now) }),
    };
  }

  /** Call for each handshake message that was sent. */
  sent({ bytes, peer, endpoint }: OutgoingDatagram, now: Milliseconds): void {
    const known = this.#ctx.peers.at(peer);
    const isInitiation = messageKind(bytes) === MESSAGE_INITIATION;
    this.#count(
      isInitiation ? COUNTER.handshake_initiation_sent : COUNTER.handshake_response_sent,
      known,
    );
    if (known === undefined) return;
    known.handshakeTxBytes += bytes.length;
    if (!isInitiation) return;
    complainOfSilence(this.#ctx, known, endpoint, now);
    known.evidence.note("handshake_initiation_sent", now, endpoint);
  }

  /**
   * Call for each handshake message that could not be sent. A peer whose endpoint has a name tries
   * its next address at once.
   */
  unsent({ peer, endpoint }: OutgoingDatagram, errno: number, now: Milliseconds): void {
    const ctx = this.#ctx;
    const known = ctx.peers.at(peer);
    this.#count(COUNTER.handshake_send_failed, known);
    if (known === undefined) return;
    ctx.out.at(now);
    known.evidence.note("handshake_send_failed", now, endpoint, errnoName(errno));
    ctx.out.say(`Unable to send to peer ${known.label}: ${errnoText(errno)}`, endpoint);
    complainOfUnsent(ctx, known, endpoint, errno, now);
    initiationUnsent(ctx, known, now);
    ctx.timers.settle(now);
  }

  /** Counts a message. Its peer may have been removed since the message was made. */
  #count(counter: PeerCounterIndex, peer: Peer | undefined): void {
    if (peer === undefined) this.counters.add(counter);
    else this.counters.addOf(counter, peer.slot);
  }

  #loop(peer: Peer, through: Peer | undefined, now: Milliseconds): void {
    const { endpoint } = pathOf(this.#ctx, peer);
    if (endpoint === undefined || through === undefined) return;
    const problem = `its endpoint ${formatEndpoint(endpoint)} is routed into the interface itself`;
    peer.evidence.note("tx_looped", now, endpoint, through.publicKey.toBase64());
    const way = through === peer
      ? ""
      : `, through peer ${through.label}, which leads back to peer ${peer.label}`;
    this.#ctx.out.complain(`Unable to send to peer ${peer.label}: ${problem}${way}`);
  }
}
