/**
 * Two Workers, one for each direction: TUN to UDP, and UDP to TUN. They share the descriptors and
 * the peer table, and get the same commands. Other messages between them go through the control
 * plane.
 * @module
 */
import { type AllCounts, sumOfCounts } from "../base/counter_block.ts";
import type { DataCommand } from "../base/messages.ts";
import { NO_OFFLOADS, type Offloads } from "../base/offloads.ts";
import {
  type PacketWorkers,
  WorkerHandle,
  type WorkerListener,
  type WorkerSetup,
} from "./worker_handle.ts";
import type { WorkerReport } from "./worker_messages.ts";

/**
 * Processors from which on there are two Workers. The control plane and the programs that use the
 * tunnel need processors too.
 */
const PROCESSORS_FOR_TWO = 4;

/** The default number of Workers. `navigator.hardwareConcurrency` respects affinity and quotas. */
export const workersByDefault = (): 1 | 2 =>
  navigator.hardwareConcurrency >= PROCESSORS_FOR_TWO ? 2 : 1;

/** Makes the Workers. Call it early, because they load their modules while the caller goes on. */
export function startWorkers(
  url: string | URL,
  workers: 1 | 2 = workersByDefault(),
): PacketWorkers {
  return workers === 2 ? new WorkerPair(url) : new WorkerHandle(url);
}

/** The data plane of two Workers. */
export class WorkerPair implements PacketWorkers {
  readonly workers: number = 2;
  readonly #outbound: WorkerHandle;
  readonly #inbound: WorkerHandle;
  #outboundOffloads = NO_OFFLOADS;
  #inboundOffloads = NO_OFFLOADS;
  #listener: WorkerListener | undefined;
  #over = false;
  /** The Worker whose events the owner is handling. The report of the other one waits in #next. */
  #heard: WorkerHandle | undefined;
  #next: { readonly from: WorkerHandle; readonly report: WorkerReport } | undefined;

  /** @param url the module data_worker.ts; see WorkerHandle */
  constructor(url: string | URL) {
    this.#outbound = new WorkerHandle(url, "outbound");
    this.#inbound = new WorkerHandle(url, "inbound");
  }

  /** The sums of the counters of both. */
  counts(): AllCounts {
    return sumOfCounts([this.#outbound.counts(), this.#inbound.counts()]);
  }

  /** Only packets to peers wait. */
  get stagedBytes(): number {
    return this.#outbound.stagedBytes;
  }

  /** The passes of both loops. */
  get beats(): number {
    return this.#outbound.beats + this.#inbound.beats;
  }

  eventsHandled(): void {
    this.#heard?.eventsHandled();
    this.#heard = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#tell(next.from, next.report);
  }

  /** Starts both; see WorkerHandle. When it throws, both have ended or are ending. */
  async run(setup: WorkerSetup, listener: WorkerListener): Promise<void> {
    this.#listener = listener;
    const start = (
      worker: WorkerHandle,
      sockets: Pick<WorkerSetup, "linkSocket" | "routeSocket">,
    ) =>
      worker.run({ ...setup, ...sockets }, {
        report: (report) => this.#handleReport(worker, report),
        ended: (reason) => this.#ended(reason),
      });
    try {
      // Only one of them polls the sockets for links and routes.
      await Promise.all([
        start(this.#outbound, { linkSocket: -1, routeSocket: -1 }),
        start(this.#inbound, setup),
      ]);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  command(commands: readonly DataCommand[]): void {
    this.#inbound.command(commands);
    this.#outbound.command(commands);
  }

  async replaceSockets(fd4: number, fd6: number): Promise<void> {
    await Promise.all([
      this.#outbound.replaceSockets(fd4, fd6),
      this.#inbound.replaceSockets(fd4, fd6),
    ]);
  }

  /** Sets the route socket of the Worker that polls it. */
  async watchRoutes(descriptor: number): Promise<void> {
    await this.#inbound.watchRoutes(descriptor);
  }

  async setOffloads(offloads: Offloads): Promise<void> {
    await Promise.all([this.#outbound.setOffloads(offloads), this.#inbound.setOffloads(offloads)]);
  }

  get isBeating(): boolean {
    return this.#outbound.isBeating && this.#inbound.isBeating;
  }

  releaseMemory(): void {
    this.#outbound.releaseMemory();
    this.#inbound.releaseMemory();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#outbound.stop(), this.#inbound.stop()]);
  }

  #handleReport(from: WorkerHandle, report: WorkerReport): void {
    switch (report.type) {
      case "running":
      case "offloads":
        if (from === this.#outbound) this.#outboundOffloads = report.offloads;
        else this.#inboundOffloads = report.offloads;
        this.#listener?.report({ ...report, offloads: this.#offloads() });
        return;
      case "events":
        if (this.#heard === undefined) this.#tell(from, report);
        else this.#next = { from, report };
        return;
      default:
        this.#listener?.report(report);
    }
  }

  #tell(from: WorkerHandle, report: WorkerReport): void {
    this.#heard = from;
    this.#listener?.report(report);
  }

  /** The offloads of both: each one from the Worker that uses it. */
  #offloads(): Offloads {
    return { ...this.#inboundOffloads, gso: this.#outboundOffloads.gso };
  }

  /** Ends both Workers when one of them has ended. */
  #ended(reason: Parameters<WorkerListener["ended"]>[0]): void {
    if (this.#over) return;
    this.#over = true;
    this.stop().then(() => this.#listener?.ended(reason));
  }
}
