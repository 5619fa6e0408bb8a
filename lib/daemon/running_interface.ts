/**
 * A running interface: the TUN device, the UDP sockets, the control plane, and the data plane in
 * its Worker. The methods are in the order of use: open, configure, follow the link, end.
 * @module
 */
import type { PeerSlot, PublicKey } from "../base/brands.ts";
import type { DeviceChange } from "../base/config.ts";
import { ConfigError } from "../base/errors.ts";
import { sumOfCounts } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { DEFAULT_MTU, HANDSHAKE_TOS } from "../base/constants.ts";
import { EIO } from "../base/errno.ts";
import type { DeviceEvent } from "../base/events.ts";
import { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataCommand } from "../base/messages.ts";
import { offloadWords, sameOffloads } from "../base/offloads.ts";
import { PeerTable } from "../base/peer_table.ts";
import type { Queues } from "../base/queues.ts";
import type { Times } from "../base/times.ts";
import { BULK_FLOWS_BYTES } from "../data/bulk_flows.ts";
import { SEND_FAILED, SEND_SOURCE_LOST } from "../data/ports.ts";
import { Device, type DeviceOptions, type OutgoingDatagram } from "../device/device.ts";
import { ControlDriver } from "../worker/control.ts";
import { type LinkState, LinkWatch } from "../worker/link_watch.ts";
import { RouteWatch } from "../worker/route_watch.ts";
import type { WorkerGroup } from "../worker/worker_group.ts";
import type { WorkerReport } from "../worker/worker_messages.ts";
import { CloneWatch } from "../linux/clone_watch.ts";
import { LinkMonitor } from "../linux/link_monitor.ts";
import { identityOf, sameNamespace, THREAD_NAMESPACE } from "../linux/rdomain.ts";
import { VERSION } from "./program.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { now, wallClock } from "../runtime/clock.ts";
import { loadSuite } from "../runtime/loaded_crypto.ts";
import { fillRandom } from "../runtime/entropy.ts";
import { sendDatagram, sendFailure } from "../ports/linux_datagram.ts";
import { closeUdp, pairsOf } from "../ports/open_udp.ts";
import { udpWaiting } from "../ports/udp_waiting.ts";
import { closeTun, type OpenedTun, openTun } from "../ports/open_tun.ts";
import {
  FEATURES,
  type InterfaceFacts,
  type InterfaceStatus,
  type LinkFacts,
} from "../base/status.ts";
import { Captures } from "./capture.ts";
import { type Confinement, UNCONFINED } from "./confinement.ts";
import { EventSlices } from "./event_slices.ts";
import { HostLookUps } from "./host_look_ups.ts";
import type { LookUpProcess } from "./look_up_socket.ts";
import type { Log } from "./log.ts";
import { MtuFollower } from "./mtu_follower.ts";
import { InterfaceOffloads } from "./offloads.ts";
import { closeDistantSockets, closeNetlink, type DistantSockets } from "./distant_sockets.ts";
import { Places, rdomainsOf, removeEmptyRdomains } from "./places.ts";
import { changeSockets, openSockets, type Sockets } from "./sockets.ts";

/** How often the link is read without an event. */
const LOOK_EVERY_MS = 5_000;

/** Bytes of the random word that names this process of the interface. */
const INSTANCE_BYTES = 8;

/** Commands from which on the Worker releases memory, which takes a pause. */
const COMMANDS_RELEASE = 1_000;

/** Why an interface ended: a reason such as `asked` or `deleted`, or a failure. */
export type End = string | { readonly failure: string };

/** The options of an interface. */
export interface InterfaceOptions {
  readonly name: string;
  readonly worker: WorkerGroup;
  readonly log: Log;
  /** The rights that the process has given up, and what was opened before. */
  readonly confinement?: Confinement;
  /** The protocol's intervals; only tests pass others than STANDARD_TIMES. */
  readonly times?: Times;
  /** How often `mtu auto` asks the paths; only tests pass another time than a minute. */
  readonly mtuEveryMs?: number;
  /** Nanoseconds since 1970, for TAI64N; only tests pass another clock than CLOCK_REALTIME. */
  readonly wallClock?: () => bigint;
  /** Called when `status` has changed. */
  readonly changed?: () => void;
  /** Called after many handshake messages were handled. */
  readonly flooded?: () => void;
  /** Called for every event of the control plane. */
  readonly event?: (event: DeviceEvent) => void;
}

/** A running interface of this process. */
export class RunningInterface {
  /** Resolves when the interface has ended and everything is closed. */
  readonly ended: Promise<End>;
  readonly #table: PeerTable;
  readonly #handshakes: HandshakeMemory;
  readonly #options: InterfaceOptions;
  readonly #tun: OpenedTun;
  readonly #offloads: InterfaceOffloads;
  readonly #watch: LinkWatch;
  readonly #places: Places;
  readonly #device: Device;
  readonly #control: ControlDriver;
  readonly #slices: EventSlices;
  readonly #lookUps: HostLookUps;
  /** The captures of this interface. */
  readonly captures: Captures;
  readonly #mtu: MtuFollower;
  readonly #suite: string;
  readonly #peers = new Set<PeerSlot>();
  readonly #end = Promise.withResolvers<End>();
  #sockets: Sockets;
  #routes: RouteWatch;
  #cipher = "";
  #link: LinkState | undefined;
  /** The local addresses that were last sent to the data plane, as text. */
  #toldAddresses = "";
  #groups: readonly string[] = [];
  #priority = 0;
  /** Resolves after the last change. Changes are made one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #looking: ReturnType<typeof setInterval> | undefined;
  readonly #clones = CloneWatch.open();
  readonly #instance = crypto.getRandomValues(new Uint8Array(INSTANCE_BYTES)).toHex();
  /** The datagrams that the kernel dropped at the present sockets and that are counted already. */
  #overflowed = 0;
  #ending = false;
  /** Commands sent since the Worker last released memory. It begins with garbage. */
  #commands = COMMANDS_RELEASE;

  /**
   * Opens an interface and moves packets. When it throws, nothing is left of the interface.
   * @param change the first configuration
   * @throws ConfigError or OsError
   */
  static async open(options: InterfaceOptions, change: DeviceChange): Promise<RunningInterface> {
    const distant = options.confinement?.opened?.sockets;
    const { planes } = options.worker;
    const { listenPort: port = 0, fwmark = 0, rtable = 0, mtuAuto = false } = change;
    checkMtuAuto(mtuAuto, rtable);
    // Nothing is waited for between here and the settings of the new link.
    const suite = await loadSuite();
    const sockets = openSockets({ port, fwmark, rtable, receivers: planes.receivers }, distant);
    let tun: OpenedTun | undefined;
    try {
      tun = openTun(options.name, { senders: planes.senders });
      const opened = new RunningInterface(options, tun, sockets, distant, suite);
      try {
        opened.#offloads.change(change.offloads);
        opened.#control.configure({ ...change, listenPort: sockets.port });
        opened.#watch.setMtu(DEFAULT_MTU);
        opened.#keep(change);
        await opened.#start();
        return opened;
      } catch (error) {
        opened.#lookUps.close();
        opened.#control.close();
        opened.#routes.close();
        opened.#clones?.close();
        opened.#watch.close();
        throw error;
      }
    } catch (error) {
      closeUdp(sockets);
      if (tun !== undefined) closeTun(tun);
      removeEmptyRdomains(rdomainsOf(identityOf(THREAD_NAMESPACE), sockets.rtable), options.log);
      throw error;
    }
  }

  private constructor(
    options: InterfaceOptions,
    tun: OpenedTun,
    sockets: Sockets,
    distant: DistantSockets | undefined,
    suite: DeviceOptions["suite"],
  ) {
    const { planes } = options.worker;
    this.#table = new PeerTable(undefined, planes);
    this.#handshakes = new HandshakeMemory(undefined, planes.senders);
    this.#options = options;
    this.#tun = tun;
    this.#offloads = new InterfaceOffloads(tun);
    this.#sockets = sockets;
    this.ended = this.#end.promise;
    const monitor = options.confinement?.opened?.linkMonitor;
    this.#watch = new LinkWatch(
      tun.fd,
      (line) => options.log.write(line, "error"),
      monitor === undefined ? undefined : LinkMonitor.ofDescriptor(monitor),
    );
    this.#places = new Places(sockets.rtable, distant?.mark);
    // Apply the kernel settings before a program can set the link up.
    this.#watch.look();
    this.#routes = this.#watchRoutes(sockets.rtable, distant);
    this.#suite = suite.name;
    this.#device = new Device({
      suite,
      random: fillRandom,
      wallClock: options.wallClock ?? wallClock,
      table: this.#table,
      handshakes: this.#handshakes,
      planes,
      ...(options.times === undefined ? {} : { times: options.times }),
    });
    this.#lookUps = new HostLookUps({
      answered: (host, answer) => this.#control.lookedUp(host, answer),
      lost: () => {
        options.log.write(`the process that looks up names has ended; ${this.#remedy}`, "error");
        options.changed?.();
      },
      remedy: () => this.#remedy,
    });
    this.captures = new Captures({
      device: this.#device,
      command: (commands) => options.worker.command(commands),
      dataPlanes: options.worker.workers,
      senders: planes.senders,
      port: () => this.#sockets.port,
      sourceTo: (endpoint) => this.#routes.sourceTo(endpoint),
    });
    this.#mtu = new MtuFollower({
      endpoints: () => this.#device.connectedEndpoints(),
      mark: () => this.#sockets.fwmark,
      read: () => {
        this.#look();
        return this.#link?.mtu ?? 0;
      },
      set: (mtu) => {
        this.#watch.setMtu(mtu);
        this.#look();
      },
      log: (line) => options.log.write(line),
      ended: () => options.changed?.(),
      now,
      everyMs: options.mtuEveryMs,
    });
    this.#control = new ControlDriver({
      device: this.#device,
      handshakes: this.#handshakes,
      now,
      command: (commands) => this.#command(commands),
      send: (datagram) => this.#send(datagram),
      log: (line) => options.log.write(line, "debug"),
      fault: (line) => options.log.write(line, "error"),
      note: (line) => options.log.write(line, "info"),
      lookUp: (host) => this.#lookUps.lookUp(host),
      event: (event) => {
        if (event.kind === "connected" || event.kind === "roamed") this.#mtu.soon();
        options.event?.(event);
      },
    });
    this.#slices = new EventSlices({
      control: this.#control,
      handshakes: this.#handshakes,
      eventsHandled: () => options.worker.eventsHandled(),
      flooded: () => {
        this.#commands = COMMANDS_RELEASE;
        options.flooded?.();
      },
    });
  }

  /** What brings a process that looks up names. */
  get #remedy(): string {
    return `\`wg restart ${this.name}\` starts one, and so does a change of an endpoint's name`;
  }

  /** Has a process look up the names of endpoints from now on. */
  lookUpWith(process: LookUpProcess): void {
    this.#lookUps.use(process);
    this.#options.changed?.();
  }

  /** Tells the user why a command could not start such a process. */
  lookUpsRefused(reason: string): void {
    this.#options.log.write(`no process that looks up names was started: ${reason}`, "error");
    this.#lookUps.refused(reason);
  }

  /** The index of a link in the rdomain of the UDP sockets; undefined when there is none. */
  linkIndex(name: string): number | undefined {
    return this.#routes.linkIndex(name);
  }

  /**
   * The status of the interface. Erase its keys with `wipeStatus` after use.
   * @param explained whether it has the evidence (lib/base/evidence.ts)
   */
  status(explained = false): InterfaceStatus {
    return { ...this.#device.status(explained ? now() : undefined), ...this.#facts() };
  }

  /** The description of a peer, which may be empty; undefined when there is no such peer. */
  descriptionOf(publicKey: PublicKey): string | undefined {
    return this.#device.descriptionOf(publicKey);
  }

  /** The name of the link when it was last read. */
  get name(): string {
    return this.#link?.name ?? this.#options.name;
  }

  /** The kernel's state of the link; undefined when it cannot be read now. */
  link(): LinkFacts | undefined {
    return this.#watch.describe();
  }

  /**
   * Sets the link up or down. IPv6 addresses and routes that it loses by going down are restored
   * when it is up again.
   * @param lent the descriptor of a netlink socket in the link's namespace; it is closed
   * @throws OsError
   */
  setUp(up: boolean, lent?: number): void {
    // Another program may have set it up, which was not noticed yet.
    this.#look();
    try {
      this.#watch.setUp(up, lent === undefined ? undefined : RouteSocket.ofDescriptor(lent));
      this.#look();
    } finally {
      this.#watch.release();
    }
  }

  /**
   * Opens the link's network namespace. Close the descriptor soon, because it keeps the namespace
   * alive.
   * @throws OsError
   */
  openPlace(): number {
    return this.#watch.openPlace();
  }

  /**
   * Applies a change, whole or not at all. Changes are applied one after the other. New sockets are
   * opened first.
   * @param lent sockets that a command opened for the change; they are used or closed
   * @throws ConfigError or OsError
   */
  configure(change: DeviceChange, lent?: DistantSockets): Promise<void> {
    const result = this.#changes.then(() => this.#configure(change, lent));
    this.#changes = result.catch(() => {});
    return result;
  }

  /**
   * Runs the timers that are overdue, and ends the sessions of a machine that was cloned. Call it
   * every second, because the machine may have slept.
   */
  wake(): void {
    if (this.#ending) return;
    if (this.#clones?.cloned() === true) {
      this.#options.log.write("this machine is a clone or was restored: all sessions begin anew");
      this.#control.renewSessions();
    }
    this.#control.wake();
  }

  /** Whether each packet loop takes its passes. */
  get isBeating(): boolean {
    return this.#options.worker.isBeating;
  }

  /** The passes of the packet loops so far, which show how busy they are. */
  get beats(): number {
    return this.#options.worker.beats;
  }

  /**
   * Has the Worker release memory, if it got many commands. Call it some time after a large
   * operation.
   * @param wasBusy also without many commands, because many packets passed
   */
  releaseMemory(wasBusy = false): void {
    if (wasBusy || this.#commands >= COMMANDS_RELEASE) this.#options.worker.releaseMemory();
    this.#commands = 0;
  }

  /** Ends the interface: closes everything and removes empty rdomains. `ended` resolves then. */
  close(end: End): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#changes = this.#changes.then(() => this.#close(end));
  }

  async #start(): Promise<void> {
    this.#look();
    // While it starts, `open` closes everything when a Worker fails.
    let isRunning = false;
    let early: End | undefined;
    await this.#options.worker.run({
      table: this.#table.buffer,
      handshakes: this.#handshakes.buffer,
      tun: this.#tun,
      bulkFlows: new SharedArrayBuffer(BULK_FLOWS_BYTES),
      sockets: pairsOf(this.#sockets),
      linkSocket: this.#watch.descriptor,
      routeSocket: this.#routes.descriptor,
      times: this.#options.times,
      offloads: this.#offloads.usable,
    }, {
      report: (report) => this.#handleReport(report),
      ended: (reason) => {
        if (reason === "stopped") return;
        const end = reason === "gone" ? "deleted" : reason;
        if (isRunning) this.close(end);
        else early = end;
      },
    });
    isRunning = true;
    if (early !== undefined) this.close(early);
    this.#looking = setInterval(() => {
      this.#look();
      const reason = this.#places.reasonToEnd();
      if (reason !== undefined) this.close(reason);
    }, LOOK_EVERY_MS);
  }

  async #configure(change: DeviceChange, lent: DistantSockets | undefined): Promise<void> {
    this.#queues();
    const before = this.#sockets;
    let step: ReturnType<typeof changeSockets>;
    try {
      checkWorkers(change, this.#options.worker.workers);
      checkMtuAuto(change.mtuAuto ?? this.#mtu.isOn, change.rtable ?? before.rtable);
      step = changeSockets(before, change, lent);
    } catch (error) {
      if (lent !== undefined) closeDistantSockets(lent);
      throw error;
    }
    if (step !== undefined) this.#sockets = step.sockets;
    const isLent = lent !== undefined && this.#sockets.fd4 === lent.fd4 &&
      this.#sockets.fd6 === lent.fd6;
    const isMoved = this.#sockets.rtable !== before.rtable;
    if (lent !== undefined && !isLent) closeDistantSockets(lent);
    else if (lent !== undefined && !isMoved) closeNetlink(lent);
    let switched: ReturnType<InterfaceOffloads["change"]>;
    let routes: RouteWatch | undefined;
    try {
      if (isMoved) routes = this.#watchRoutes(this.#sockets.rtable, isLent ? lent : undefined);
      switched = this.#offloads.change(change.offloads);
      this.#control.configure(
        step === undefined ? change : { ...change, listenPort: step.sockets.port },
      );
    } catch (error) {
      this.#sockets = before;
      routes?.close();
      step?.undo();
      switched?.undo();
      throw error;
    }
    if (step?.replaced) this.#overflowed = 0;
    // The process that looks up names is in the other rdomain.
    if (isMoved) this.#lookUps.end();
    this.#keep(change);
    if (switched !== undefined) await this.#options.worker.setOffloads(this.#offloads.usable);
    if (step?.replaced) {
      await this.#replaceSockets(before, step.sockets, routes, isLent ? lent.mark : undefined);
    }
    this.#options.changed?.();
  }

  /**
   * Replaces the sockets. The old ones are closed when the data plane no longer uses them. Local
   * addresses of peers are cleared, because they belong to the old sockets.
   * @param routes the RouteWatch of the new sockets, when they are in another rdomain
   * @param mark the mark of that rdomain, if it was told
   */
  async #replaceSockets(
    before: Sockets,
    after: Sockets,
    routes: RouteWatch | undefined,
    mark: number | undefined,
  ): Promise<void> {
    await this.#options.worker.replaceSockets(pairsOf(after));
    for (const peer of this.#peers) this.#table.clearLocal(peer);
    if (routes !== undefined) await this.#followRoutes(routes);
    closeUdp(before);
    if (before.rtable === after.rtable) return;
    this.#places.moveSockets(after.rtable, mark);
    if (before.rtable !== 0) removeEmptyRdomains([before.rtable], this.#options.log);
  }

  #watchRoutes(rtable: number, distant: DistantSockets | undefined): RouteWatch {
    const options = {
      table: this.#table,
      peers: this.#peers,
      sockets: () => this.#sockets,
      wait: () => void this.#options.worker.watchRoutes(this.#routes.descriptor),
      now,
    };
    return new RouteWatch(rtable, options, distant);
  }

  async #followRoutes(after: RouteWatch): Promise<void> {
    const before = this.#routes;
    this.#routes = after;
    await this.#options.worker.watchRoutes(after.descriptor);
    before.close();
  }

  #keep(change: DeviceChange): void {
    if (change.groups !== undefined) this.#groups = change.groups;
    if (change.priority !== undefined) this.#priority = change.priority;
    if (change.mtuAuto !== undefined) this.#mtu.switch(change.mtuAuto);
  }

  #command(commands: readonly DataCommand[]): void {
    for (const command of commands) {
      if (command.type === "peer-add") this.#peers.add(command.peer);
      else if (command.type === "peer-remove") this.#peers.delete(command.peer);
    }
    this.#commands += commands.length;
    this.#options.worker.command(commands);
  }

  /** Sends a handshake message. Returns 0 or the errno. */
  #send(datagram: OutgoingDatagram): number {
    return this.captures.sending(datagram, () => this.#sendUnrecorded(datagram));
  }

  #sendUnrecorded({ bytes, endpoint, local, peer }: OutgoingDatagram): number {
    const { fd4, fd6 } = this.#sockets;
    const result = sendDatagram(fd4, fd6, bytes, endpoint, local, HANDSHAKE_TOS);
    if (result === SEND_SOURCE_LOST) {
      this.#device.counters.addOf(COUNTER.handshake_source_lost, peer);
      this.#table.clearLocal(peer);
    }
    return result === SEND_FAILED ? sendFailure() || EIO : 0;
  }

  #handleReport(report: WorkerReport): void {
    switch (report.type) {
      case "running":
        this.#cipher = report.cipher;
        this.#offloads.running = report.offloads;
        return;
      case "offloads":
        // All Workers report their offloads, also those that only others use.
        if (sameOffloads(report.offloads, this.#offloads.running)) return;
        this.#offloads.running = report.offloads;
        this.#options.log.write(`offloads in use: ${offloadWords(report.offloads) || "none"}`);
        this.#options.changed?.();
        return;
      case "events":
        this.#slices.take(report.events);
        return;
      case "link-changed":
        this.#look();
        return;
      case "routes-changed":
        this.#routes.changed();
        return;
    }
  }

  #look(): void {
    if (this.#ending) return;
    const seen = this.#watch.look();
    if (seen === "unclear") return;
    if (seen === "gone") {
      this.close("deleted");
      return;
    }
    this.#tellAddresses();
    const before = this.#link;
    const isMoved = before === undefined || !sameNamespace(seen.place, before.place);
    const isChanged = before === undefined || seen.up !== before.up || seen.mtu !== before.mtu;
    if (!isMoved && !isChanged && seen.name === before.name) return;
    this.#link = seen;
    // The kernel gives a moved link its own settings, so until they were corrected it may have sent
    // packets of its own through the link. Nobody wants them, and they would begin handshakes.
    if (isChanged) this.#control.link(seen.up, seen.mtu, isMoved && seen.up);
    this.#options.changed?.();
  }

  /** Sends the local addresses to the data plane, if they have changed. */
  #tellAddresses(): void {
    const own = this.#watch.ownAddresses();
    const text = `${own.answersFrom4};${own.answersFrom6};${own.refused4.join(" ")}`;
    if (text === this.#toldAddresses) return;
    this.#toldAddresses = text;
    this.#options.worker.command([{ type: "own-addresses", own }]);
  }

  async #close(end: End): Promise<void> {
    this.captures.close();
    this.#mtu.close();
    clearInterval(this.#looking);
    this.#control.link(false, this.#link?.mtu ?? DEFAULT_MTU);
    this.#lookUps.close();
    this.#control.close();
    await this.#options.worker.stop();
    // The link may have been moved since it was last read, by the command that made it.
    this.#watch.look();
    this.#watch.close();
    this.#routes.close();
    const rdomains = rdomainsOf(this.#watch.place, this.#sockets.rtable);
    this.#clones?.close();
    closeTun(this.#tun);
    closeUdp(this.#sockets);
    removeEmptyRdomains(rdomains, this.#options.log);
    this.#end.resolve(end);
  }

  /** What waits in the queues. Counts what the kernel has dropped since the last call. */
  #queues(): Queues {
    const { receiveBytes, sendBytes, dropped } = udpWaiting(this.#sockets);
    this.#device.counters.add(COUNTER.udp_overflowed, Math.max(0, dropped - this.#overflowed));
    this.#overflowed = dropped;
    return {
      handshake_messages: this.#handshakes.waiting,
      staged_bytes: this.#options.worker.stagedBytes,
      udp_receive_bytes: receiveBytes,
      udp_send_bytes: sendBytes,
    };
  }

  #facts(): InterfaceFacts {
    const queues = this.#queues();
    const { words, missing } = this.#options.confinement ?? UNCONFINED;
    return {
      name: this.name,
      pid: Deno.pid,
      netns: `net:[${this.#watch.place.inode}]`,
      suite: this.#suite,
      cipher: this.#cipher,
      ...this.#offloads.facts,
      counters: sumOfCounts([this.#options.worker.counts(), this.#device.counters.counts()]),
      queues,
      instance: this.#instance,
      workers: this.#options.worker.workers,
      privileges: words.join(" "),
      privilegesMissing: missing.join(", "),
      lookUpsPid: this.#lookUps.pid,
      version: VERSION,
      up: this.#link?.up ?? false,
      mtu: this.#link?.mtu ?? 0,
      mtuAuto: this.#mtu.isOn,
      groups: this.#groups,
      priority: this.#priority,
      features: FEATURES,
    };
  }
}

/** Checks that a change leaves the number of Workers as it is. @throws ConfigError */
function checkWorkers({ workers }: DeviceChange, running: number): void {
  if (workers === undefined || workers === running) return;
  throw new ConfigError(
    "workers",
    `${workers} Workers can be had only by a new interface; this one has ${running}`,
  );
}

/** Checks that the paths to the peers can be asked from here. @throws ConfigError */
function checkMtuAuto(isOn: boolean, rtable: number): void {
  if (!isOn || rtable === 0) return;
  throw new ConfigError(
    "mtu",
    `auto cannot ask the paths of wgrtable ${rtable}; wgrtable 0 is required`,
  );
}
