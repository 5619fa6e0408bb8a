/**
 * The data plane moves packets between the TUN device and the UDP sockets, with the sessions that
 * the control plane installs. One data plane handles both directions, or several handle one each in
 * threads of their own (lib/base/data_planes.ts). All then get every command.
 *
 * Stages of a turn: TUN to UDP (outbound.ts), then UDP to TUN (inbound.ts). Commands are applied
 * between turns, or by `catchUp` after a receive.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import { CaptureRing, captureRingOf } from "../base/capture_ring.ts";
import { DEFAULT_MTU } from "../base/constants.ts";
import { type AllCounts, Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type Direction, receiverOf, type Share, WHOLE_SHARE } from "../base/data_planes.ts";
import { type Endpoint, writeEndpointCell } from "../base/endpoint.ts";
import { formatPathError, type PathError } from "../base/evidence.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { Offloads } from "../base/offloads.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { STANDARD_TIMES, type Times } from "../base/times.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import { AllowedIps } from "../allowed_ips/allowed_ips.ts";
import { type Checksum, chooseChecksum } from "../wire/checksum.ts";
import { BulkFlows } from "./bulk_flows.ts";
import { Capture } from "./capture.ts";
import { Endpoints } from "./endpoints.ts";
import { Gate } from "./gate.ts";
import { Unreachable } from "./icmp.ts";
import { Inbound } from "./inbound.ts";
import { Loops } from "./loops.ts";
import { PacketMemory } from "./memory.ts";
import { Merger } from "./merge.ts";
import { Outbound } from "./outbound.ts";
import type { TunPort, UdpPort } from "./ports.ts";
import { Sender } from "./sender.ts";
import { Peer, SessionTable } from "./sessions.ts";
import { Staging } from "./staging.ts";
import { EventReporter } from "./event_reporter.ts";

/**
 * Bytes of the arena that a Dataplane, its cipher and its two ports need. Most of the pages become
 * resident only with many sessions or long packets.
 */
export const DATAPLANE_ARENA_BYTES = 32 << 20;

/** The parts of a data plane. */
export interface DataplaneOptions {
  /** The arena of cipher, tun and udp, of at least DATAPLANE_ARENA_BYTES. */
  readonly arena: Arena;
  /** Seals and opens data messages. */
  readonly cipher: PacketCipher;
  /** Checks the macs of handshake messages and seals cookie replies. */
  readonly suite: Suite;
  /** The peer table, which the control plane shares. With several senders, that of this sender. */
  readonly table: PeerTable;
  /** The queues of received handshake messages, which the control plane reads. */
  readonly handshakes: HandshakeMemory;
  /** The TUN device. */
  readonly tun: TunPort;
  /** The UDP sockets. */
  readonly udp: UdpPort;
  /** Called for every event. It must not call the data plane. */
  readonly emit: (event: DataEvent) => void;
  /** The protocol's intervals; by default STANDARD_TIMES. */
  readonly times?: Times;
  /** The direction; by default `both`. */
  readonly direction?: Direction;
  /** Which of several data planes of this direction it is; by default the only one. */
  readonly share?: Share;
  /**
   * Called after every receive, before the datagrams are processed. It applies the commands that
   * wait. A peer may use a session as soon as it has received our response. The command that
   * installs the session may have been sent after this turn began.
   */
  readonly catchUp?: () => void;
  /** Memory of BULK_FLOWS_BYTES that the data planes of one interface share. */
  readonly bulkFlows?: SharedArrayBuffer;
  /** The counters; by default a new block. */
  readonly counters?: Counters;
  /** The offloads to switch off (false); by default all that the ports have are used. */
  readonly offloads?: Partial<Offloads>;
  /** The checksum implementation; by default the fastest that the runtime supports. */
  readonly checksum?: Checksum;
}

/**
 * The data plane of one interface. It never blocks. The caller calls `turn` while it returns true,
 * and otherwise waits until a descriptor is readable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "../base/arena.ts";
 * import { milliseconds } from "../base/brands.ts";
 * import { HandshakeMemory } from "../base/handshake_memory.ts";
 * import { PeerTable } from "../base/peer_table.ts";
 * import { nobleCipher } from "../crypto/noble_cipher.ts";
 * import { nobleSuite } from "../crypto/noble_suite.ts";
 * import { Dataplane, DATAPLANE_ARENA_BYTES } from "./dataplane.ts";
 * import { PORT_DRAINED, SEND_OK } from "./ports.ts";
 *
 * const arena = new Arena(DATAPLANE_ARENA_BYTES + 65_536);
 * const gather = () => {};
 * const dataplane = new Dataplane({
 *   arena,
 *   cipher: nobleCipher(arena),
 *   suite: nobleSuite,
 *   table: new PeerTable(),
 *   handshakes: new HandshakeMemory(),
 *   // Ports that receive nothing. MemoryTun and PortableUdp are real ones.
 *   tun: {
 *     tso: false,
 *     uso: false,
 *     queues: 1,
 *     read: () => PORT_DRAINED,
 *     gather,
 *     write: () => true,
 *   },
 *   udp: {
 *     gso: false,
 *     gro: false,
 *     segmentsMax: 1,
 *     bytesMax: 65_507,
 *     segmentSize: 0,
 *     ecn: 0,
 *     sourceAt: 0,
 *     receive: () => PORT_DRAINED,
 *     gather,
 *     send: () => SEND_OK,
 *   },
 *   emit: (event) => console.log(event.type),
 * });
 * const now = milliseconds(1);
 * dataplane.apply({ type: "link", up: true, mtu: 1420 }, now);
 * assert.ok(dataplane.turn(now) === false);
 * ```
 */
export class Dataplane {
  /** The counters of this data plane. */
  readonly counters: Counters;
  readonly #memory: PacketMemory;
  readonly #cipher: PacketCipher;
  readonly #table: PeerTable;
  readonly #udp: UdpPort;
  #gso: boolean;
  readonly #peers: (Peer | undefined)[] = [];
  readonly #allowedIps = new AllowedIps();
  readonly #sessions: SessionTable;
  readonly #staging: Staging;
  readonly #events: EventReporter;
  readonly #merger: Merger;
  readonly #sender: Sender | undefined;
  readonly #outbound: Outbound | undefined;
  readonly #inbound: Inbound | undefined;
  readonly #share: Share;
  readonly #endpoints: Endpoints;
  readonly #gate: Gate | undefined;
  readonly #direction: Direction;
  #capture: Capture | null = null;

  /** Makes a data plane without peers. Its link is down until a `link` command. */
  constructor(options: DataplaneOptions) {
    const {
      arena,
      cipher,
      table,
      handshakes,
      tun,
      udp,
      emit,
      offloads = {},
      times = STANDARD_TIMES,
    } = options;
    const { direction = "both", share = WHOLE_SHARE } = options;
    this.#share = share;
    const counters = this.counters = options.counters ?? new Counters(table);
    const memory = new PacketMemory(arena);
    const checksum = options.checksum ?? chooseChecksum(arena);
    const peers = this.#peers;
    const allowedIps = this.#allowedIps;
    const sessions = new SessionTable(
      memory,
      handshakes.sessionKeys,
      direction !== "inbound",
      direction !== "outbound",
    );
    const staging = new Staging(counters);
    const events = new EventReporter(table, handshakes, emit);
    const gso = udp.gso && offloads.gso !== false;
    if (offloads.gro === false) udp.setGro?.(false);
    const endpoints = new Endpoints(memory, table, events);
    const bulkFlows = new BulkFlows(options.bulkFlows);
    const merger = new Merger({
      memory,
      checksum,
      tun,
      counters,
      bulkFlows,
      tso: tun.tso && offloads.tso !== false,
      uso: tun.uso && offloads.uso !== false,
    });
    this.#memory = memory;
    this.#endpoints = endpoints;
    this.#direction = direction;
    this.#cipher = cipher;
    this.#table = table;
    this.#udp = udp;
    this.#gso = gso;
    this.#sessions = sessions;
    this.#staging = staging;
    this.#events = events;
    this.#merger = merger;
    let sender: Sender | undefined;
    if (direction !== "inbound") {
      this.#sender = sender = new Sender({
        memory,
        checksum,
        cipher,
        table,
        udp,
        endpoints,
        staging,
        counters,
        events,
        times,
        gso,
        mtu: DEFAULT_MTU,
      });
      const unreachable = new Unreachable(memory, checksum, tun, counters);
      const loops = new Loops({ memory, table, peers, sessions, counters, events });
      this.#outbound = new Outbound({
        memory,
        checksum,
        tun,
        allowedIps,
        peers,
        sender,
        endpoints,
        staging,
        unreachable,
        loops,
        bulkFlows,
        share: share.index,
        counters,
        events,
      });
    }
    if (direction !== "outbound") {
      const { cookieSecret } = times;
      const gate = this.#gate = new Gate({
        memory,
        handshakes,
        suite: options.suite,
        udp,
        counters,
        events,
        cookieSecret,
        share,
      });
      this.#inbound = new Inbound({
        memory,
        cipher,
        table,
        udp,
        allowedIps,
        sessions,
        endpoints,
        sender,
        gate,
        merger,
        counters,
        events,
        times,
        catchUp: options.catchUp ?? (() => {}),
      });
    }
  }

  /** The values of the counters. */
  counts(): AllCounts {
    return this.counters.counts();
  }

  /** Whether the interface was deleted. A data plane that is only inbound does not notice it. */
  get gone(): boolean {
    return this.#outbound?.gone === true;
  }

  /** The offloads that are in use. An offload that the kernel refused is off. */
  get offloads(): Offloads {
    return {
      tso: this.#merger.tso,
      uso: this.#merger.uso,
      gso: this.#gso && this.#udp.gso,
      gro: this.#udp.gro,
    };
  }

  /**
   * Switches offloads on or off. An offload that a port lacks, or the kernel refused, stays off.
   * Call it between turns or from `catchUp`. Super-packets that the TUN device returns are always
   * split; the owner of the device switches them off there.
   */
  setOffloads(wanted: Offloads): void {
    this.#merger.setMerging(wanted.tso, wanted.uso);
    this.#gso = wanted.gso;
    if (this.#sender !== undefined) this.#sender.gso = wanted.gso && this.#udp.gso;
    this.#udp.setGro?.(wanted.gro);
  }

  /** Whether turns leave the TUN device alone until a `link` command says that it is up. */
  get waitsForLink(): boolean {
    return this.#outbound?.waiting === true;
  }

  /**
   * Whether the last turn has read all that was there. The caller may then wait for descriptors.
   */
  get drained(): boolean {
    return this.#outbound?.drained !== false && this.#inbound?.drained !== false;
  }

  /**
   * Processes a bounded number of packets in each direction.
   * @param fromTun false when the TUN device is known to have nothing to read
   * @param fromUdp false when the UDP sockets are known to have nothing to read
   * @param fromBulk false when the bulk queue of the TUN device is known to be empty
   * @returns true when there was work, so that another turn may find more
   */
  turn(now: Milliseconds, fromTun = true, fromUdp = true, fromBulk = fromTun): boolean {
    const outbound = this.#outbound, inbound = this.#inbound;
    if (this.#capture !== null) this.#capture.now = now;
    const sent = outbound !== undefined && (fromTun || !outbound.drained) &&
      outbound.turn(now, fromBulk || !outbound.drained);
    const received = inbound !== undefined && (fromUdp || !inbound.drained) && inbound.turn(now);
    return sent || received;
  }

  /**
   * Applies a command. Call it in order, between turns or from `catchUp`. A command for a peer that
   * does not exist does nothing.
   */
  apply(command: DataCommand, now: Milliseconds): void {
    // Send the sealed messages first, because the command changes the state that they belong to.
    this.#sender?.flush(now);
    if (this.#capture !== null) this.#capture.now = now;
    switch (command.type) {
      case "peer-add":
        return this.#addPeer(command.peer);
      case "peer-remove":
        return this.#removePeer(command.peer);
      case "link":
        if (command.dropWaiting === true) this.#outbound?.dropWaiting(now);
        if (this.#outbound !== undefined) this.#outbound.up = command.up;
        if (this.#inbound !== undefined) this.#inbound.up = command.up;
        if (this.#sender !== undefined) this.#sender.mtu = command.mtu;
        return;
      case "own-addresses":
        this.#outbound?.answerFrom(command.own);
        this.#inbound?.refuseSources(command.own.refused4);
        return;
      case "capture":
        return this.#setCapture(command.capture, now);
      case "debug":
        this.#events.debug = command.on;
        return;
      case "session-retire": {
        const session = this.#sessions.find(command.localIndex);
        if (session === null) return;
        this.#sessions.wipe(session);
        this.#cipher.forget();
        return;
      }
      default: {
        const peer = this.#peers[command.peer];
        if (peer !== undefined) this.#applyTo(peer, command, now);
        else if (command.type === "session-install") this.#discardKeys(command);
      }
    }
  }

  #applyTo(
    peer: Peer,
    command: Exclude<
      DataCommand,
      {
        type:
          | "peer-add"
          | "peer-remove"
          | "link"
          | "own-addresses"
          | "capture"
          | "debug"
          | "session-retire";
      }
    >,
    now: Milliseconds,
  ): void {
    switch (command.type) {
      case "allowed-ips":
        if (command.replace) this.#allowedIps.removePeer(peer.slot);
        for (const range of command.remove) {
          this.#allowedIps.remove(range.address, range.prefix, peer.slot);
        }
        for (const range of command.add) {
          this.#allowedIps.insert(range.address, range.prefix, peer.slot);
        }
        return;
      case "peer-disable":
        peer.disabled = command.on;
        return;
      case "session-install":
        return this.#installSession(peer, command, now);
      case "session-promote":
        return this.#promoteSession(peer, command.localIndex, now);
      case "staged-drop":
        return this.#staging.drop(peer);
      case "keepalive-send":
        if (this.#share.index === 0) this.#sender?.sendKeepalive(peer, now);
        return;
      default:
        command satisfies never;
    }
  }

  /**
   * Reports an ICMP error for a datagram of this interface. The caller limits their rate.
   * @param to the destination of the datagram
   */
  pathError(to: Endpoint, error: PathError): void {
    this.counters.add(COUNTER.udp_icmp_errors);
    this.#events.notice("path-error", undefined, to, formatPathError(error));
  }

  #addPeer(slot: PeerSlot): void {
    this.#removePeer(slot);
    const cellAt = this.#memory.cell(slot);
    writeEndpointCell(this.#memory.bytes, cellAt, undefined, undefined);
    this.#peers[slot] = new Peer(slot, cellAt);
  }

  #removePeer(slot: PeerSlot): void {
    const peer = this.#peers[slot];
    if (peer === undefined) return;
    this.#staging.drop(peer);
    for (const session of peer.sessions ?? []) this.#sessions.wipe(session);
    this.#cipher.forget();
    this.#allowedIps.removePeer(slot);
    this.#capture?.removePeer(slot);
    this.#peers[slot] = undefined;
  }

  #setCapture(
    order: Extract<DataCommand, { type: "capture" }>["capture"],
    now: Milliseconds,
  ): void {
    let capture: Capture | null = null;
    if (order !== undefined) {
      const number = captureRingOf(this.#direction, this.#share.index, order.senders);
      const ring = new CaptureRing(order.memory, number, order.filter.snap);
      capture = new Capture(this.#memory, this.#endpoints, ring, order.filter, now);
    }
    this.#capture = capture;
    if (this.#sender !== undefined) this.#sender.capture = capture;
    if (this.#inbound !== undefined) this.#inbound.capture = capture;
    if (this.#gate !== undefined) this.#gate.capture = capture;
  }

  #installSession(
    peer: Peer,
    command: Extract<DataCommand, { type: "session-install" }>,
    now: Milliseconds,
  ): void {
    const isReceiver = this.#receives(command.localIndex);
    if (this.#outbound === undefined && !isReceiver) {
      // Another data plane receives. The sessions that are here are older.
      peer.next = null;
      if (command.initiator) peer.current = null;
      return;
    }
    const isFirst = this.#outbound !== undefined && this.#share.index === 0;
    if (isFirst) this.#table.handshakeSent(peer.slot);
    if (isReceiver) this.#table.handshakeReceived(peer.slot);
    const session = this.#sessions.install(peer, command);
    this.#cipher.forget();
    if (session === null) {
      if (this.#inbound !== undefined) this.counters.add(COUNTER.session_no_room);
      return;
    }
    if (!session.initiator) {
      peer.next = session;
      return;
    }
    peer.current = session;
    // A responder's session that is not confirmed is older than this one.
    peer.next = null;
    this.#sender?.sendStaged(peer, isFirst, now);
  }

  /** Erases the keys of a session whose peer does not exist, if they are for this data plane. */
  #discardKeys(command: Extract<DataCommand, { type: "session-install" }>): void {
    if (this.#outbound === undefined && !this.#receives(command.localIndex)) return;
    this.#sessions.discard(command);
  }

  /** Whether this data plane receives the messages of a session. */
  #receives(localIndex: number): boolean {
    const { index, of } = this.#share;
    return this.#inbound !== undefined && receiverOf(localIndex, of) === index;
  }

  #promoteSession(peer: Peer, localIndex: number, now: Milliseconds): void {
    if (this.#outbound === undefined) {
      // The data plane that received the confirmation has promoted it. The session here is older.
      if (peer.current?.localIndex !== localIndex) peer.current = null;
      return;
    }
    if (peer.next?.localIndex !== localIndex) return;
    peer.current = peer.next;
    peer.next = null;
    this.#sender?.sendStaged(peer, false, now);
  }
}
