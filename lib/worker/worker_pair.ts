/**
 * One Worker each way: TUN to UDP, and UDP to TUN, on processors of their own. They have the same descriptors, the same peer table and get the same
 * commands; what else they must know of each other goes through the control plane.
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

/** Processors from which on each direction gets one: beside the two there is work for the control plane and for whoever uses the tunnel. */
const PROCESSORS_FOR_TWO = 4;

/** How many Workers an interface has when nobody says: `navigator.hardwareConcurrency` honours affinity and quotas. */
export const workersByDefault = (): 1 | 2 =>
  navigator.hardwareConcurrency >= PROCESSORS_FOR_TWO ? 2 : 1;

/** Makes the Workers. Do it early: their modules load while the main isolate does other things. */
export function startWorkers(
  url: string | URL,
  workers: 1 | 2 = workersByDefault(),
): PacketWorkers {
  return workers === 2 ? new WorkerPair(url) : new WorkerHandle(url);
}

/** Two Workers that are one data plane. */
export class WorkerPair implements PacketWorkers {
  readonly workers: number = 2;
  readonly #outbound: WorkerHandle;
  readonly #inbound: WorkerHandle;
  #outboundOffloads = NO_OFFLOADS;
  #inboundOffloads = NO_OFFLOADS;
  #listener: WorkerListener | undefined;
  #over = false;
  /** Whose events the owner has, and what the other one said meanwhile: it is given one report of events at a time. */
  #heard: WorkerHandle | undefined;
  #next: { readonly from: WorkerHandle; readonly report: WorkerReport } | undefined;

  /** @param url as WorkerHandle's */
  constructor(url: string | URL) {
    this.#outbound = new WorkerHandle(url, "outbound");
    this.#inbound = new WorkerHandle(url, "inbound");
  }

  /** What both counted together. */
  counts(): AllCounts {
    return sumOfCounts([this.#outbound.counts(), this.#inbound.counts()]);
  }

  eventsHandled(): void {
    this.#heard?.eventsHandled();
    this.#heard = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#tell(next.from, next.report);
  }

  /** As WorkerHandle's: when it throws, both have ended or are ending. */
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
      // One of them watches the link and the routes.
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

  /** Only one of them watches them. */
  async watchRoutes(descriptor: number): Promise<void> {
    await this.#inbound.watchRoutes(descriptor);
  }

  async setOffloads(offloads: Offloads): Promise<void> {
    await Promise.all([this.#outbound.setOffloads(offloads), this.#inbound.setOffloads(offloads)]);
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

  /** Each kind as the one has it that uses it. */
  #offloads(): Offloads {
    return { ...this.#inboundOffloads, gso: this.#outboundOffloads.gso };
  }

  /** One alone is no data plane: the first end is the end of both. */
  #ended(reason: Parameters<WorkerListener["ended"]>[0]): void {
    if (this.#over) return;
    this.#over = true;
    this.stop().then(() => this.#listener?.ended(reason));
  }
}
