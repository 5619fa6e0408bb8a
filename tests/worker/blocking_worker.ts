/**
 * * A Worker with the real packet loop and a data plane that does nothing. It blocks in poll(2) and
 * never returns to the event loop.
 * @module
 */
import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { Counters } from "../../lib/base/counter_block.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import type { Dataplane } from "../../lib/data/dataplane.ts";
import { runPacketLoop } from "../../lib/worker/packet_loop.ts";
import {
  fromEnvelope,
  type WorkerReport,
  type WorkerStart,
} from "../../lib/worker/worker_messages.ts";
import { now } from "../../lib/runtime/clock.ts";
import { EventFd, PollSet } from "../../ffi/poll.ts";

const scope = globalThis as unknown as {
  onmessage: (message: MessageEvent<WorkerStart>) => void;
  postMessage(report: WorkerReport): void;
  close(): void;
};

scope.onmessage = ({ data: start }) => {
  const offloads = { tso: false, uso: false, gso: false, gro: false };
  scope.postMessage({ type: "running", cipher: "blocking", offloads });
  const end = runPacketLoop({
    dataplane: {
      turn: () => false,
      gone: false,
      counters: new Counters(new PeerTable()),
    } as unknown as Dataplane,
    polls: new PollSet([-1, -1, -1, start.bell, -1]),
    bell: new EventFd(start.bell),
    words: new Int32Array(start.words),
    now,
    carryOutOrders: () => {
      while (true) {
        const next = receiveMessageOnPort(start.orders as unknown as NodePort);
        if (next === undefined) return true;
        const order = fromEnvelope(next.message);
        if (order.type === "sockets") scope.postMessage({ type: "sockets-replaced" });
        if (order.type === "offloads") scope.postMessage({ type: "offloads-set" });
        if (order.type === "stop") return false;
      }
    },
    flush: () => {},
    link: undefined,
    linkChanged: () => {},
    routesChanged: () => {},
  });
  scope.postMessage({ type: end });
  scope.close();
};
scope.postMessage({ type: "loaded" });
