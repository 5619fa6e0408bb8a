/**
 * One living interface: the TUN device, the UDP sockets, the control plane here and the data plane
 * in its Worker. Reads in the order of a life: open, configure, follow the link, end.
 * @module
 */
import { milliseconds, type PeerSlot } from "../base/brands.ts";
import type { DeviceChange } from "../base/config.ts";
import { sumOfCounts } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { DEFAULT_MTU, HANDSHAKE_TOS, UNDER_LOAD_QUEUE } from "../base/constants.ts";
import { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import { offloadWords, sameOffloads } from "../base/offloads.ts";
import { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import { BULK_FLOWS_BYTES } from "../data/bulk_flows.ts";
import { SEND_FAILED, SEND_SOURCE_LOST } from "../data/ports.ts";
import { Device, type OutgoingDatagram } from "../device/device.ts";
import { ControlDriver } from "../worker/control.ts";
import { type LinkState, LinkWatch } from "../worker/link_watch.ts";
import { RouteWatch } from "../worker/route_watch.ts";
import type { PacketWorkers } from "../worker/worker_handle.ts";
import type { WorkerReport } from "../worker/worker_messages.ts";
import { removeRdomainIfEmpty } from "../linux/namespace.ts";
import { sameNamespace } from "../linux/rdomain.ts";
import { now, wallClock } from "../runtime/clock.ts";
import { chooseSuite } from "../runtime/crypto.ts";
import { fillRandom } from "../runtime/entropy.ts";
import { sendDatagram } from "../ports/linux_datagram.ts";
import { closeUdp } from "../ports/open_udp.ts";
import { closeTun, type OpenedTun, openTun } from "../ports/open_tun.ts";
import type { InterfaceFacts, InterfaceStatus, LinkFacts } from "../base/status.ts";
import type { Log } from "./log.ts";
import { InterfaceOffloads } from "./offloads.ts";
import { Places, removeEmptyRdomains } from "./places.ts";
import { changeSockets, openSockets, type Sockets } from "./sockets.ts";

/** How often the link is looked at although nothing was heard of it. */
const LOOK_EVERY_MS = 5_000;
/**
 * How long events and handshake messages are handled in a row before the control socket and the
 * timers get their turn.
 */
const SLICE_MS = 10;

/** Events whose answers go out together, for what a message to the Worker costs. */
const EVENTS_TOGETHER = 8;

/** Commands that leave the Worker garbage worth the pause in which it is collected. */
const COMMANDS_RELEASE = 1_000;

/**
 * Why an interface ended: in words when that was right so, `asked` or `deleted` or another reason.
 */
export type End = string | { readonly failure: string };

/** What an interface is opened with. */
export interface InterfaceOptions {
  readonly name: string;
  readonly worker: PacketWorkers;
  readonly log: Log;
  /** Only tests give others than STANDARD_TIMES. */
  readonly times?: Times;
  /** Called when something that `status` tells has changed. */
  readonly changed?: () => void;
  /** Called after many handshake messages were handled. */
  readonly flooded?: () => void;
}

/** See the module. */
export class RunningInterface {
  /** Comes once, when nothing is left of the interface. */
  readonly ended: Promise<End>;
  readonly #table = new PeerTable();
  readonly #handshakes = new HandshakeMemory();
  readonly #options: InterfaceOptions;
  readonly #tun: OpenedTun;
  readonly #offloads: InterfaceOffloads;
  readonly #watch: LinkWatch;
  readonly #places: Places;
  readonly #device: Device;
  readonly #control: ControlDriver;
  readonly #suite: string;
  readonly #peers = new Set<PeerSlot>();
  readonly #end = Promise.withResolvers<End>();
  #sockets: Sockets;
  #routes: RouteWatch;
  #cipher = "";
  #link: LinkState | undefined;
  /** The addresses that the data plane knows, as text. */
  #toldAddresses = "";
  #groups: readonly string[] = [];
  #priority = 0;
  /** Ends with the last change that was asked for: one is made after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #looking: ReturnType<typeof setInterval> | undefined;
  #ending = false;
  /** What the data plane said, and how far that is handled. It says no more until then. */
  #events: readonly DataEvent[] = [];
  #eventAt = 0;
  /** Whether the control plane goes on in a moment with what it could not handle at once. */
  #goingOn = false;
  /** Handshake messages handled since `flooded` was called. */
  #taken = 0;
  /** For the Worker since it last collected its garbage; it begins with some. */
  #commands = COMMANDS_RELEASE;

  /**
   * Makes the interface and moves packets. When it throws nothing is left.
   * @param change the first configuration
   * @throws ConfigError or OsError
   */
  static async open(options: InterfaceOptions, change: DeviceChange): Promise<RunningInterface> {
    const sockets = openSockets(change.listenPort ?? 0, change.fwmark ?? 0, change.rtable ?? 0);
    let tun: OpenedTun | undefined;
    try {
      tun = openTun(options.name);
      const opened = new RunningInterface(options, tun, sockets);
      try {
        opened.#offloads.change(change.offloads);
        opened.#control.configure({ ...change, listenPort: sockets.port });
        opened.#keep(change);
        opened.#watch.setMtu(DEFAULT_MTU);
        await opened.#start();
        return opened;
      } catch (error) {
        opened.#control.close();
        opened.#routes.close();
        opened.#watch.close();
        throw error;
      }
    } catch (error) {
      closeUdp(sockets);
      if (tun !== undefined) closeTun(tun);
      removeRdomainIfEmpty(sockets.rtable);
      throw error;
    }
  }

  private constructor(options: InterfaceOptions, tun: OpenedTun, sockets: Sockets) {
    this.#options = options;
    this.#tun = tun;
    this.#offloads = new InterfaceOffloads(tun);
    this.#sockets = sockets;
    this.ended = this.#end.promise;
    this.#watch = new LinkWatch(tun.fd, (line) => options.log.write(line, "error"));
    this.#places = new Places(sockets.rtable);
    // A look settles the link: before anybody can take it up.
    this.#watch.look();
    this.#routes = this.#watchRoutes(sockets.rtable);
    const suite = chooseSuite();
    this.#suite = suite.name;
    this.#device = new Device({
      suite,
      random: fillRandom,
      wallClock,
      table: this.#table,
      handshakes: this.#handshakes,
      ...(options.times === undefined ? {} : { times: options.times }),
    });
    this.#control = new ControlDriver({
      device: this.#device,
      handshakes: this.#handshakes,
      now,
      command: (commands) => this.#command(commands),
      send: (datagram) => this.#send(datagram),
      log: (line) => options.log.write(line, "debug"),
      fault: (line) => options.log.write(line, "error"),
    });
  }

  /** The interface as it is, for `get`. */
  status(): InterfaceStatus {
    return { ...this.#device.status(), ...this.#facts() };
  }

  /** The link's name, as it was seen last. */
  get name(): string {
    return this.#link?.name ?? this.#options.name;
  }

  /** The link as the kernel has it; undefined when it cannot be told now. */
  link(): LinkFacts | undefined {
    return this.#watch.describe();
  }

  /**
   * Takes the link up or down. What it loses by going down comes back when it goes up, whoever
   * takes it there: IPv6 addresses and routes.
   * @throws OsError
   */
  setUp(up: boolean): void {
    // Who took it up before may not have been noticed yet.
    this.#look();
    this.#watch.setUp(up);
    this.#look();
  }

  /**
   * A new descriptor of the link's network namespace, which keeps that alive: close it soon.
   * @throws OsError
   */
  openPlace(): number {
    return this.#watch.openPlace();
  }

  /**
   * Merges a change, whole or not at all; changes are made one after the other. New sockets are
   * opened before anything else is touched.
   * @throws ConfigError or OsError
   */
  configure(change: DeviceChange): Promise<void> {
    const result = this.#changes.then(() => this.#configure(change));
    this.#changes = result.catch(() => {});
    return result;
  }

  /**
   * Call a moment after a big operation, with nothing urgent to do: lets go of what is no longer
   * needed.
   */
  releaseMemory(): void {
    if (this.#commands >= COMMANDS_RELEASE) this.#options.worker.releaseMemory();
    this.#commands = 0;
  }

  /**
   * Ends the interface: packets stop, everything is closed, empty rdomains go. Answered by `ended`.
   */
  close(end: End): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#changes = this.#changes.then(() => this.#close(end));
  }

  async #start(): Promise<void> {
    this.#look();
    await this.#options.worker.run({
      table: this.#table.buffer,
      handshakes: this.#handshakes.buffer,
      tun: this.#tun,
      bulkFlows: new SharedArrayBuffer(BULK_FLOWS_BYTES),
      fd4: this.#sockets.fd4,
      fd6: this.#sockets.fd6,
      linkSocket: this.#watch.descriptor,
      routeSocket: this.#routes.descriptor,
      times: this.#options.times,
      offloads: this.#offloads.usable,
    }, {
      report: (report) => this.#handleReport(report),
      ended: (reason) => {
        if (reason !== "stopped") this.close(reason === "gone" ? "deleted" : reason);
      },
    });
    this.#looking = setInterval(() => {
      this.#look();
      const reason = this.#places.reasonToEnd();
      if (reason !== undefined) this.close(reason);
    }, LOOK_EVERY_MS);
  }

  async #configure(change: DeviceChange): Promise<void> {
    const before = this.#sockets;
    const step = changeSockets(before, change);
    if (step !== undefined) this.#sockets = step.sockets;
    let switched: ReturnType<InterfaceOffloads["change"]>;
    let routes: RouteWatch | undefined;
    try {
      if (this.#sockets.rtable !== before.rtable) routes = this.#watchRoutes(this.#sockets.rtable);
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
    this.#keep(change);
    if (switched !== undefined) await this.#options.worker.setOffloads(this.#offloads.usable);
    if (step?.replaced) await this.#replaceSockets(before, step.sockets, routes);
    this.#options.changed?.();
  }

  /**
   * The old sockets are closed when the data plane has let them go; cached source addresses
   * belonged to them.
   * @param routes those of the new sockets, where these are in another rdomain
   */
  async #replaceSockets(
    before: Sockets,
    after: Sockets,
    routes: RouteWatch | undefined,
  ): Promise<void> {
    await this.#options.worker.replaceSockets(after.fd4, after.fd6);
    for (const peer of this.#peers) this.#table.clearLocal(peer);
    if (routes !== undefined) await this.#followRoutes(routes);
    closeUdp(before);
    if (before.rtable === after.rtable) return;
    this.#places.moveSockets(after.rtable);
    removeRdomainIfEmpty(before.rtable);
  }

  #watchRoutes(rtable: number): RouteWatch {
    return new RouteWatch(rtable, {
      table: this.#table,
      peers: this.#peers,
      sockets: () => this.#sockets,
      wait: () => void this.#options.worker.watchRoutes(this.#routes.descriptor),
      now,
    });
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
  }

  #command(commands: readonly DataCommand[]): void {
    for (const command of commands) {
      if (command.type === "peer-add") this.#peers.add(command.peer);
      else if (command.type === "peer-remove") this.#peers.delete(command.peer);
    }
    this.#commands += commands.length;
    this.#options.worker.command(commands);
  }

  #send({ bytes, endpoint, local, peer }: OutgoingDatagram): void {
    const { fd4, fd6 } = this.#sockets;
    const result = sendDatagram(fd4, fd6, bytes, endpoint, local, HANDSHAKE_TOS);
    const { counters } = this.#device;
    if (result === SEND_FAILED) counters.addOf(COUNTER.handshake_send_failed, peer);
    if (result === SEND_SOURCE_LOST) {
      counters.addOf(COUNTER.handshake_source_lost, peer);
      this.#table.clearLocal(peer);
    }
  }

  #handleReport(report: WorkerReport): void {
    switch (report.type) {
      case "running":
        this.#cipher = report.cipher;
        this.#offloads.running = report.offloads;
        return;
      case "offloads":
        // Of two Workers both tell what only one of them does.
        if (sameOffloads(report.offloads, this.#offloads.running)) return;
        this.#offloads.running = report.offloads;
        this.#options.log.write(`offloads in use: ${offloadWords(report.offloads) || "none"}`);
        this.#options.changed?.();
        return;
      case "events":
        this.#events = report.events;
        this.#eventAt = 0;
        if (!this.#goingOn) this.#handle();
        return;
      case "link-changed":
        this.#look();
        return;
      case "routes-changed":
        this.#routes.changed();
        return;
    }
  }

  /**
   * What the data plane said, in order, and the handshake messages that wait. A flood must not keep
   * the control socket waiting, so the event loop gets its turn in between.
   */
  #handle(): void {
    this.#goingOn = false;
    const until = milliseconds(now() + SLICE_MS);
    const events = this.#events;
    while (this.#eventAt < events.length) {
      const event = events[this.#eventAt++];
      const last = this.#eventAt === events.length || now() >= until;
      this.#control.handle(event, !last && this.#eventAt % EVENTS_TOGETHER !== 0);
      if (last) break;
    }
    const hasHandledAll = this.#eventAt === events.length;
    if (hasHandledAll && events.length > 0) {
      this.#events = [];
      this.#eventAt = 0;
      this.#options.worker.eventsHandled();
    }
    this.#countHandshakes(this.#control.takeHandshakes(until));
    if (this.#handshakes.waiting > 0 || this.#events.length > 0) this.#goOn();
  }

  /** Many of them leave garbage in both isolates. */
  #countHandshakes(taken: number): void {
    this.#taken += taken;
    if (this.#taken < UNDER_LOAD_QUEUE) return;
    this.#taken = 0;
    this.#commands = COMMANDS_RELEASE;
    this.#options.flooded?.();
  }

  #goOn(): void {
    if (this.#goingOn) return;
    this.#goingOn = true;
    setTimeout(() => this.#handle(), 0);
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
    if (isChanged) this.#control.link(seen.up, seen.mtu);
    this.#options.changed?.();
  }

  /** Has the data plane know our addresses, when they are others than before. */
  #tellAddresses(): void {
    const own = this.#watch.ownAddresses();
    const text = `${own.answersFrom4};${own.answersFrom6};${own.refused4.join(" ")}`;
    if (text === this.#toldAddresses) return;
    this.#toldAddresses = text;
    this.#options.worker.command([{ type: "own-addresses", own }]);
  }

  async #close(end: End): Promise<void> {
    clearInterval(this.#looking);
    this.#control.link(false, this.#link?.mtu ?? DEFAULT_MTU);
    this.#control.close();
    await this.#options.worker.stop();
    // It may have been moved since the last look, by the very command that made it.
    this.#watch.look();
    this.#watch.close();
    this.#routes.close();
    closeTun(this.#tun);
    closeUdp(this.#sockets);
    removeEmptyRdomains(this.#watch.place, this.#sockets.rtable, this.#options.log);
    this.#end.resolve(end);
  }

  #facts(): InterfaceFacts {
    return {
      name: this.name,
      pid: Deno.pid,
      netns: `net:[${this.#watch.place.inode}]`,
      suite: this.#suite,
      cipher: this.#cipher,
      ...this.#offloads.facts,
      counters: sumOfCounts([this.#options.worker.counts(), this.#device.counters.counts()]),
      workers: this.#options.worker.workers,
      up: this.#link?.up ?? false,
      mtu: this.#link?.mtu ?? 0,
      groups: this.#groups,
      priority: this.#priority,
    };
  }
}
