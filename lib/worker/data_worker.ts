/**
 * The module of the data plane's Worker. It gets descriptors, makes the arena, the cipher, the
 * ports and the Dataplane, and runs the packet loop.
 * @module
 */
import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { Arena } from "../base/arena.ts";
import { Counters } from "../base/counter_block.ts";
import { HandshakeMemory } from "../base/handshake_memory.ts";
import type { Direction, Share } from "../base/data_planes.ts";
import type { DataEvent } from "../base/messages.ts";
import { type Offloads, sameOffloads } from "../base/offloads.ts";
import { holdSecretMemory } from "../base/secret_bytes.ts";
import { PeerTable } from "../base/peer_table.ts";
import { QUEUE_BULK, QUEUE_MAIN, QUEUES_EACH } from "../data/bulk_flows.ts";
import { Dataplane, DATAPLANE_ARENA_BYTES } from "../data/dataplane.ts";
import { now } from "../runtime/clock.ts";
import { loadPacketCipher, loadSuite } from "../runtime/loaded_crypto.ts";
import { ErrorQueue } from "../ports/error_queue.ts";
import { LinuxTunPort } from "../ports/linux_tun_port.ts";
import { LinuxUdpPort } from "../ports/linux_udp_port.ts";
import { DrainedSocket, EventFd, PollSet } from "../../ffi/poll.ts";
import { nameThread } from "../../ffi/process.ts";
import { lockMemory } from "../../ffi/secret_memory.ts";
import { releaseMemory } from "./release_memory.ts";
import { PLACE_ROUTES, PLACE_UDP4, PLACE_UDP6, runPacketLoop } from "./packet_loop.ts";
import {
  EVENTS_HELD,
  EVENTS_NONE,
  EVENTS_SENT,
  fromEnvelope,
  WORD_BELL,
  WORD_EVENTS,
  type WorkerOrder,
  type WorkerReport,
  type WorkerStart,
} from "./worker_messages.ts";

const scope = globalThis as unknown as {
  onmessage: ((message: MessageEvent<WorkerStart>) => void) | null;
  postMessage(report: WorkerReport): void;
  close(): void;
};

const say = (report: WorkerReport) => scope.postMessage(report);

// What takes long is made here, while the main isolate opens the interface.
// The main isolate tells when the limit of locked memory is reached.
holdSecretMemory(lockMemory);
const arena = new Arena(DATAPLANE_ARENA_BYTES);
const cipher = await loadPacketCipher(arena);
const suite = await loadSuite();

function run(start: WorkerStart): void {
  const { direction, share } = start;
  nameThread(threadName(direction, share));
  const words = new Int32Array(start.words);
  const own = direction === "inbound" ? { receiver: share.index } : { sender: share.index };
  const table = new PeerTable(start.table, { ...start.planes, ...own });
  const counters = new Counters(table, start.counters);
  const tun = new LinuxTunPort(arena, start.tun, counters);
  const udp = new LinuxUdpPort(arena, start.fd4, start.fd6, {}, counters);
  let events: DataEvent[] = [];
  const dataplane = new Dataplane({
    arena,
    cipher,
    suite,
    table,
    handshakes: new HandshakeMemory(start.handshakes),
    counters,
    tun,
    udp,
    emit: (event) => events.push(event),
    catchUp: () => {
      // After an order to stop, ring the bell again, so that the loop ends.
      if (Atomics.exchange(words, WORD_BELL, 0) !== 0 && !carryOutOrders()) {
        Atomics.store(words, WORD_BELL, 1);
      }
    },
    direction,
    share,
    bulkFlows: start.bulkFlows,
    ...(start.times === undefined ? {} : { times: start.times }),
    ...(start.offloads === undefined ? {} : { offloads: start.offloads }),
  });
  // The Worker that polls the sockets for input reads their errors.
  const errors = direction === "outbound"
    ? undefined
    : new ErrorQueue((to, error) => dataplane.pathError(to, error));
  errors?.follow(start.fd4, start.fd6);
  const orders = start.orders as unknown as NodePort;
  const bell = new EventFd(start.bell);
  const link = start.linkSocket < 0 ? undefined : new DrainedSocket(start.linkSocket);
  let stopped = false;
  // Do not poll the descriptors that the Worker of the other direction reads.
  const reads = (fd: number, only: Direction) =>
    direction === "both" || direction === only ? fd : -1;
  const queues = start.tun.queues.slice(share.index * QUEUES_EACH);
  const polls = new PollSet([
    reads(queues[QUEUE_MAIN] ?? -1, "outbound"),
    reads(start.fd4, "inbound"),
    reads(start.fd6, "inbound"),
    start.bell,
    start.linkSocket,
    reads(queues[QUEUE_BULK] ?? -1, "outbound"),
    start.routeSocket,
  ]);

  const carryOut = (order: WorkerOrder): void => {
    switch (order.type) {
      case "commands": {
        const at = now();
        for (const command of order.commands) dataplane.apply(command, at);
        return;
      }
      case "sockets":
        udp.replace(order.fd4, order.fd6);
        errors?.follow(order.fd4, order.fd6);
        polls.set(PLACE_UDP4, reads(order.fd4, "inbound"));
        polls.set(PLACE_UDP6, reads(order.fd6, "inbound"));
        say({ type: "sockets-replaced" });
        return;
      case "route-socket":
        polls.set(PLACE_ROUTES, order.descriptor);
        say({ type: "route-socket-set" });
        return;
      case "offloads":
        dataplane.setOffloads(order.offloads);
        tellOffloads();
        say({ type: "offloads-set" });
        return;
      case "release-memory":
        releaseMemory();
        return;
      case "stop":
        stopped = true;
        return;
    }
  };
  /** Carries out the waiting orders. Returns false after an order to stop. */
  const carryOutOrders = (): boolean => {
    for (
      let next = receiveMessageOnPort(orders);
      next !== undefined;
      next = receiveMessageOnPort(orders)
    ) {
      carryOut(fromEnvelope(next.message));
    }
    return !stopped;
  };

  let told: Offloads = dataplane.offloads;
  const tellOffloads = (): void => {
    const offloads = dataplane.offloads;
    if (!sameOffloads(offloads, told)) say({ type: "offloads", offloads: told = offloads });
  };
  say({ type: "running", cipher: cipher.name, offloads: told });
  const end = runPacketLoop({
    dataplane,
    polls,
    bell,
    words,
    now,
    carryOutOrders,
    flush: () => {
      if (events.length === 0 || !mayReport(words)) return;
      say({ type: "events", events });
      events = [];
      tellOffloads();
    },
    ...(errors === undefined ? {} : {
      socketErrors: (isPending: boolean) => void errors.read(isPending, now()),
    }),
    link,
    linkChanged: () => say({ type: "link-changed" }),
    routesChanged: () => {
      // The main isolate reads the socket later, and then gives it again.
      polls.set(PLACE_ROUTES, -1);
      say({ type: "routes-changed" });
    },
  });
  say({ type: end });
}

/** The name of the thread, at most 15 bytes; the Workers of a direction are counted from 1 on. */
function threadName(direction: Direction, { index, of }: Share): string {
  if (direction === "both") return "wg packets";
  return of === 1 ? `wg ${direction}` : `wg ${direction} ${index + 1}`;
}

/** Whether events may be reported now. Otherwise the main isolate rings the bell when they may. */
function mayReport(words: Int32Array): boolean {
  while (true) {
    if (Atomics.compareExchange(words, WORD_EVENTS, EVENTS_NONE, EVENTS_SENT) === EVENTS_NONE) {
      return true;
    }
    if (Atomics.compareExchange(words, WORD_EVENTS, EVENTS_SENT, EVENTS_HELD) !== EVENTS_NONE) {
      return false;
    }
  }
}

scope.onmessage = (message) => {
  try {
    run(message.data);
  } catch (error) {
    say({
      type: "failed",
      reason: error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error),
    });
  }
  scope.close();
};
say({ type: "loaded" });
