/**
 * The Workers of an interface (lib/base/data_planes.ts): one for both directions, or some that send
 * and some that receive. They share the descriptors and the peer table, and get the same commands.
 * Other messages between them go through the control plane.
 * @module
 */
import { type AllCounts, sumOfCounts } from "../base/counter_block.ts";
import { type DataPlanes, dataPlanesOf } from "../base/data_planes.ts";
import type { DataCommand } from "../base/messages.ts";
import { NO_OFFLOADS, type Offloads } from "../base/offloads.ts";
import type { UdpPair } from "../ports/open_udp.ts";
import { WorkerHandle, type WorkerListener, type WorkerSetup } from "./worker_handle.ts";
import type { WorkerReport } from "./worker_messages.ts";

/**
 * Processors from which on there are two Workers. The control plane and the programs that use the
 * tunnel need processors too.
 */
const PROCESSORS_FOR_TWO = 4;

/** The default number of Workers. `navigator.hardwareConcurrency` respects affinity and quotas. */
export const workersByDefault = (): number =>
  navigator.hardwareConcurrency >= PROCESSORS_FOR_TWO ? 2 : 1;

/** What the Workers need. The first sockets are the first receiver's, and so on. */
export type GroupSetup = Omit<WorkerSetup, "fd4" | "fd6" | "planes"> & {
  readonly sockets: readonly UdpPair[];
};

/** The data plane of one interface, in its Workers. */
export class WorkerGroup {
  /** How many of them send and receive. */
  readonly planes: DataPlanes;
  readonly #senders: readonly WorkerHandle[];
  readonly #receivers: readonly WorkerHandle[];
  readonly #all: readonly WorkerHandle[];
  /** The offloads that each Worker has reported. */
  readonly #offloads = new Map<WorkerHandle, Offloads>();
  #listener: WorkerListener | undefined;
  #over = false;
  /** The Worker whose events the owner is handling. The reports of the others wait in #next. */
  #heard: WorkerHandle | undefined;
  readonly #next: { readonly from: WorkerHandle; readonly report: WorkerReport }[] = [];

  /**
   * Makes the Workers. Call it early, because they load their modules while the caller goes on.
   * @param url the module data_worker.ts; see WorkerHandle
   * @param workers their number
   */
  constructor(url: string | URL, workers: number = workersByDefault()) {
    const planes = this.planes = dataPlanesOf(workers);
    const make = (direction: "both" | "outbound" | "inbound", of: number) =>
      Array.from({ length: of }, (_, index) => new WorkerHandle(url, direction, { index, of }));
    if (workers === 1) {
      this.#all = this.#senders = this.#receivers = make("both", 1);
      return;
    }
    this.#senders = make("outbound", planes.senders);
    this.#receivers = make("inbound", planes.receivers);
    this.#all = [...this.#receivers, ...this.#senders];
  }

  /** The number of Workers. */
  get workers(): number {
    return this.#all.length;
  }

  /** The sums of the counters of all. */
  counts(): AllCounts {
    return sumOfCounts(this.#all.map((worker) => worker.counts()));
  }

  /** Bytes of packets that wait for a handshake, which only those to peers do. */
  get stagedBytes(): number {
    return this.#senders.reduce((sum, worker) => sum + worker.stagedBytes, 0);
  }

  /** The passes of all packet loops so far. An idle one makes about one a second. */
  get beats(): number {
    return this.#all.reduce((sum, worker) => sum + worker.beats, 0);
  }

  /** Whether each Worker has taken a turn between the last two looks at its beat. */
  get isBeating(): boolean {
    return this.#all.every((worker) => worker.isBeating);
  }

  /** Call when all events of a report are handled. The next report follows then. */
  eventsHandled(): void {
    this.#heard?.eventsHandled();
    this.#heard = undefined;
    const next = this.#next.shift();
    if (next !== undefined) this.#tell(next.from, next.report);
  }

  /**
   * Starts all, and waits until they move packets. When it throws, all have ended or are ending.
   * @throws Error when a Worker fails before
   */
  async run(setup: GroupSetup, listener: WorkerListener): Promise<void> {
    this.#listener = listener;
    const { sockets, ...rest } = setup;
    const start = (worker: WorkerHandle) => {
      // Only one of them polls the sockets for links and routes.
      const watches = worker === this.#receivers[0] ? {} : { linkSocket: -1, routeSocket: -1 };
      const own = this.#socketsOf(worker, sockets);
      return worker.run({ ...rest, ...watches, ...own, planes: this.planes }, {
        report: (report) => this.#handleReport(worker, report),
        ended: (reason) => this.#ended(reason),
      });
    };
    try {
      await Promise.all(this.#all.map(start));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Sends commands, which every Worker applies in order. */
  command(commands: readonly DataCommand[]): void {
    for (const worker of this.#all) worker.command(commands);
  }

  /** Replaces the sockets. When it returns, no Worker uses the old ones. */
  async replaceSockets(sockets: readonly UdpPair[]): Promise<void> {
    await Promise.all(this.#all.map((worker) => {
      const { fd4, fd6 } = this.#socketsOf(worker, sockets);
      return worker.replaceSockets(fd4, fd6);
    }));
  }

  /** Sets the route socket of the Worker that polls it; see WorkerHandle. */
  async watchRoutes(descriptor: number): Promise<void> {
    await this.#receivers[0].watchRoutes(descriptor);
  }

  /** Sets the offloads. When it returns, the Workers use them and have reported a change. */
  async setOffloads(offloads: Offloads): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.setOffloads(offloads)));
  }

  /** Has the Workers release memory. */
  releaseMemory(): void {
    for (const worker of this.#all) worker.releaseMemory();
  }

  /** Stops all and waits until they have ended; see WorkerHandle. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.stop()));
  }

  /** The pair that a Worker receives from, or sends through. */
  #socketsOf({ share }: WorkerHandle, sockets: readonly UdpPair[]): UdpPair {
    return sockets[share.index % sockets.length];
  }

  #handleReport(from: WorkerHandle, report: WorkerReport): void {
    switch (report.type) {
      case "running":
      case "offloads":
        this.#offloads.set(from, report.offloads);
        this.#listener?.report({ ...report, offloads: this.#commonOffloads() });
        return;
      case "events":
        if (this.#heard === undefined) this.#tell(from, report);
        else this.#next.push({ from, report });
        return;
      default:
        this.#listener?.report(report);
    }
  }

  #tell(from: WorkerHandle, report: WorkerReport): void {
    this.#heard = from;
    this.#listener?.report(report);
  }

  /** The offloads that all Workers of the direction that uses them have. */
  #commonOffloads(): Offloads {
    const all = (workers: readonly WorkerHandle[], name: keyof Offloads) =>
      workers.every((worker) => (this.#offloads.get(worker) ?? NO_OFFLOADS)[name]);
    return {
      tso: all(this.#receivers, "tso"),
      uso: all(this.#receivers, "uso"),
      gso: all(this.#senders, "gso"),
      gro: all(this.#receivers, "gro"),
    };
  }

  /** Ends all Workers when one of them has ended. */
  #ended(reason: Parameters<WorkerListener["ended"]>[0]): void {
    if (this.#over) return;
    this.#over = true;
    this.stop().then(() => this.#listener?.ended(reason));
  }
}
