/**
 * The main isolate's side of the data plane's Worker. It starts the Worker, sends orders, receives
 * reports, and notices when the Worker ends or hangs.
 * @module
 */
import {
  type AllCounts,
  COUNTER_BLOCK_BYTES,
  countsIn,
  stagedBytesIn,
} from "../base/counter_block.ts";
import { type Direction, type Share, WHOLE_SHARE } from "../base/data_planes.ts";
import type { DataCommand } from "../base/messages.ts";
import type { Offloads } from "../base/offloads.ts";
import { EventFd } from "../../ffi/poll.ts";
import {
  EVENTS_HELD,
  EVENTS_NONE,
  inEnvelope,
  SHARED_WORDS,
  WORD_BEAT,
  WORD_BELL,
  WORD_EVENTS,
  type WorkerOrder,
  type WorkerReport,
  type WorkerStart,
} from "./worker_messages.ts";

/** How often the beat is checked, and the checks without a beat after which the Worker is dead. */
const BEAT_EVERY_MS = 5_000;
const BEATS_MISSED_MAX = 4;
/** How long the Worker may take to stop. */
const STOP_MS = 5_000;

/** Receives the reports of a Worker. `ended` is called once, at the end. */
export interface WorkerListener {
  report(report: WorkerReport): void;
  ended(reason: "stopped" | "gone" | { readonly failure: string }): void;
}

/** The part of a WorkerStart that the owner of the Worker provides. */
export type WorkerSetup = Omit<
  WorkerStart,
  "words" | "counters" | "orders" | "bell" | "direction" | "share"
>;

/** One Worker. Make it early, because it loads its modules while the main isolate goes on. */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #words = new SharedArrayBuffer(SHARED_WORDS * 4);
  readonly #shared = new Int32Array(this.#words);
  readonly #counters = new SharedArrayBuffer(COUNTER_BLOCK_BYTES);
  readonly #channel = new MessageChannel();
  readonly #bell = new EventFd();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #running = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #asked: PromiseWithResolvers<void>[] = [];
  #listener: WorkerListener | undefined;
  #over = false;
  #watch: ReturnType<typeof setInterval> | undefined;
  #beat = 0;
  #missed = 0;

  /** Whether the Worker has taken a turn between the last two looks at its beat. */
  get isBeating(): boolean {
    return !this.#over && this.#missed === 0;
  }

  /**
   * @param url the module data_worker.ts; see `dataWorkerUrl` of lib/daemon/program.ts
   * @param share which of the Workers of its direction it is
   */
  constructor(
    url: string | URL,
    readonly direction: Direction = "both",
    readonly share: Share = WHOLE_SHARE,
  ) {
    for (const promise of [this.#loaded, this.#running]) promise.promise.catch(() => {});
    this.#worker = new Worker(url, { type: "module", name: "packets" });
    this.#worker.onmessage = (message: MessageEvent<WorkerReport>) =>
      this.#handleReport(message.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end({ failure: event.message || "the Worker could not be loaded" });
    };
    this.#worker.onmessageerror = () => this.#end({ failure: "a report could not be read" });
  }

  /** The counters of the data plane. */
  counts(): AllCounts {
    return countsIn(new Float64Array(this.#counters));
  }

  /** Bytes of packets that wait for a handshake. */
  get stagedBytes(): number {
    return stagedBytesIn(new Float64Array(this.#counters));
  }

  /** The passes of the packet loop so far. An idle one makes about one a second. */
  get beats(): number {
    return this.#shared[WORD_BEAT] >>> 0;
  }

  /** Call when all events of a report are handled. The Worker may then send the next report. */
  eventsHandled(): void {
    if (Atomics.exchange(this.#shared, WORD_EVENTS, EVENTS_NONE) === EVENTS_HELD) this.#ring();
  }

  /**
   * Sends the Worker its descriptors, and waits until it moves packets.
   * @throws Error when the Worker fails before
   */
  async run(setup: WorkerSetup, listener: WorkerListener): Promise<void> {
    this.#listener = listener;
    await this.#loaded.promise;
    const start: WorkerStart = {
      ...setup,
      direction: this.direction,
      share: this.share,
      words: this.#words,
      counters: this.#counters,
      orders: this.#channel.port2 as MessagePort,
      bell: this.#bell.descriptor,
    };
    this.#worker.postMessage(start, [this.#channel.port2]);
    await this.#running.promise;
    this.#watch = setInterval(() => this.#lookAtBeat(), BEAT_EVERY_MS);
  }

  /** Sends commands, which the Worker applies in order. */
  command(commands: readonly DataCommand[]): void {
    if (commands.length > 0) this.#order({ type: "commands", commands });
  }

  /** Replaces the sockets. When it returns, the Worker no longer uses the old ones. */
  async replaceSockets(fd4: number, fd6: number): Promise<void> {
    await this.#ask({ type: "sockets", fd4, fd6 });
  }

  /**
   * Has the Worker report `routes-changed` once when a netlink socket is readable; -1 for none.
   * When it returns, the Worker no longer uses an earlier socket.
   */
  async watchRoutes(descriptor: number): Promise<void> {
    await this.#ask({ type: "route-socket", descriptor });
  }

  /** Sets the offloads. When it returns, the Worker uses them and has reported a change. */
  async setOffloads(offloads: Offloads): Promise<void> {
    await this.#ask({ type: "offloads", offloads });
  }

  /** Has the Worker release memory. */
  releaseMemory(): void {
    this.#order({ type: "release-memory" });
  }

  /**
   * Stops the loop and waits until it has ended, for a limited time. Afterwards the Worker no
   * longer uses the descriptors.
   */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.#order({ type: "stop" });
    const late = setTimeout(() => this.#end({ failure: "the Worker did not stop" }), STOP_MS);
    await this.#ended.promise;
    clearTimeout(late);
  }

  /** Sends an order and waits for its answer. Answers come in the order of the orders. */
  async #ask(order: WorkerOrder): Promise<void> {
    if (this.#over) return;
    const done = Promise.withResolvers<void>();
    this.#asked.push(done);
    this.#order(order);
    await done.promise;
  }

  #order(order: WorkerOrder): void {
    if (this.#over) return;
    this.#channel.port1.postMessage(inEnvelope(order));
    this.#ring();
  }

  /** Rings the bell. If it was rung and not answered yet, this saves a system call. */
  #ring(): void {
    if (Atomics.exchange(this.#shared, WORD_BELL, 1) === 0) this.#bell.signal();
  }

  #handleReport(report: WorkerReport): void {
    if (this.#over) return;
    switch (report.type) {
      case "loaded":
        this.#loaded.resolve();
        return;
      case "running":
        this.#listener?.report(report);
        this.#running.resolve();
        return;
      case "sockets-replaced":
      case "route-socket-set":
      case "offloads-set":
        this.#asked.shift()?.resolve();
        return;
      case "gone":
      case "stopped":
        this.#end(report.type);
        return;
      case "failed":
        this.#end({ failure: report.reason });
        return;
      case "events":
      case "offloads":
      case "link-changed":
      case "routes-changed":
        this.#listener?.report(report);
        return;
    }
  }

  #lookAtBeat(): void {
    const beat = this.#shared[WORD_BEAT];
    this.#missed = beat === this.#beat ? this.#missed + 1 : 0;
    this.#beat = beat;
    if (this.#missed >= BEATS_MISSED_MAX) this.#end({ failure: "the Worker no longer answers" });
  }

  #end(reason: "stopped" | "gone" | { readonly failure: string }): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watch);
    this.#channel.port1.close();
    const error = new Error(
      typeof reason === "string" ? `the data plane is ${reason}` : reason.failure,
    );
    this.#loaded.reject(error);
    this.#running.reject(error);
    for (const waiting of this.#asked) waiting.resolve();
    this.#asked = [];
    this.#worker.terminate();
    this.#listener?.ended(reason);
    this.#ended.resolve();
  }
}
