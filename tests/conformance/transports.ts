/**
 * * The transports of the scenarios. Each is a UdpPort of the data plane, in a LocalInterface.
 * @module
 */
import { dataPlanesOf } from "../../lib/base/data_planes.ts";
import { Arena } from "../../lib/base/arena.ts";
import { peerSlot } from "../../lib/base/brands.ts";
import { HANDSHAKE_TOS } from "../../lib/base/constants.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  readEndpointCell,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import type { Times } from "../../lib/base/times.ts";
import {
  GATHER_MAX,
  PORT_DRAINED,
  SEND_OK,
  type SendResult,
  type UdpPort,
} from "../../lib/data/ports.ts";
import type { OutgoingDatagram } from "../../lib/device/device.ts";
import { LocalInterface } from "../../lib/embed/local.ts";
import { now, wallClock } from "../../lib/runtime/clock.ts";
import {
  choosePacketCipher,
  chooseSuite,
  type CipherChoice,
  type SuiteChoice,
} from "../../lib/runtime/crypto.ts";
import { fillRandom } from "../../lib/runtime/entropy.ts";
import { sendDatagram } from "../../lib/ports/linux_datagram.ts";
import { LinuxUdpPort } from "../../lib/ports/linux_udp_port.ts";
import { MemoryTun } from "../../lib/embed/memory_tun.ts";
import { closeUdp, openUdp } from "../../lib/ports/open_udp.ts";
import { PortableUdp } from "../../lib/embed/portable_udp.ts";
import { NODE_ARENA_BYTES, planeOf, WORKERS } from "../data/worker_forms.ts";

export type TransportName = "memory" | "portable" | "linux";

/** A socket, with the functions that a LocalInterface needs. */
interface Socket {
  readonly port: number;
  readonly udp: UdpPort;
  readonly send: (datagram: OutgoingDatagram) => void;
  /** Calls `ready` whenever there may be something to receive. */
  readonly wakes: (wake: () => void) => void;
  readonly close: () => void;
}

/** An interface of a test. */
export interface Side {
  readonly port: number;
  readonly local: LocalInterface;
  readonly tun: MemoryTun;
  /** The packets that were received through the tunnel. */
  readonly delivered: Uint8Array[];
  /** Sends a datagram of a stranger to the interface. */
  readonly attack: (bytes: Uint8Array) => void;
  close(): void;
}

/** Makes an interface over a transport, on 127.0.0.1. */
export function side(
  transport: TransportName,
  crypto: { readonly suite: SuiteChoice; readonly cipher: CipherChoice },
  times?: Times,
): Side {
  const arena = new Arena(NODE_ARENA_BYTES + 65_536);
  const cipher = choosePacketCipher(arena, crypto.cipher);
  const socket = SOCKETS[transport](arena);
  const delivered: Uint8Array[] = [];
  const tun = new MemoryTun(arena, (packet) => delivered.push(packet));
  const local = new LocalInterface({
    arena,
    cipher,
    suite: chooseSuite(crypto.suite),
    dataplane: planeOf,
    planes: dataPlanesOf(WORKERS),
    tun,
    udp: socket.udp,
    send: socket.send,
    listenPort: socket.port,
    now,
    wallClock,
    random: fillRandom,
    ...(times === undefined ? {} : { times }),
  });
  tun.wake = () => local.wake();
  socket.wakes(() => local.wake());
  const attacker = SOCKETS[transport](new Arena(65_536));
  const endpoint = loopback(socket.port);
  return {
    port: socket.port,
    local,
    tun,
    delivered,
    attack: (bytes) => attacker.send({ bytes, endpoint, local: undefined, peer: peerSlot(0) }),
    close() {
      local.close();
      tun.close();
      socket.close();
      attacker.close();
    },
  };
}

export const loopback = (port: number): Endpoint => ({
  address: new Uint8Array([127, 0, 0, 1]),
  port,
  scope: 0,
});

const SOCKETS: Readonly<Record<TransportName, (arena: Arena) => Socket>> = {
  memory: memorySocket,
  portable: (arena) => {
    const udp = new PortableUdp(arena, 0);
    return {
      port: udp.port,
      udp,
      send: ({ bytes, endpoint }) => udp.sendDatagram(bytes, endpoint),
      wakes: (wake) => udp.wake = wake,
      close: () => udp.close(),
    };
  },
  linux: (arena) => {
    const sockets = openUdp({ port: 0 });
    const udp = arena.bytes.length > 65_536
      ? new LinuxUdpPort(arena, sockets.fd4, sockets.fd6)
      : undefined;
    let timer: ReturnType<typeof setInterval> | undefined;
    return {
      port: sockets.port,
      udp: udp as UdpPort,
      send: ({ bytes, endpoint, local }) => {
        sendDatagram(sockets.fd4, sockets.fd6, bytes, endpoint, local, HANDSHAKE_TOS);
      },
      wakes: (wake) => timer = setInterval(wake, 1),
      close: () => {
        clearInterval(timer);
        closeUdp(sockets);
      },
    };
  },
};

/** A network in this process: ports are entries of a table, and nothing is lost. */
const network = new Map<
  number,
  { readonly queue: { bytes: Uint8Array; source: Endpoint }[]; wake: () => void }
>();
let nextPort = 1;

function memorySocket(arena: Arena): Socket {
  const port = nextPort++;
  const here = { queue: [] as { bytes: Uint8Array; source: Endpoint }[], wake: () => {} };
  network.set(port, here);
  const sourceAt = arena.allocate(ENDPOINT_CELL_BYTES);
  const at = new Int32Array(GATHER_MAX);
  const length = new Int32Array(GATHER_MAX);
  const send = (bytes: Uint8Array, to: Endpoint): SendResult => {
    const there = network.get(to.port);
    there?.queue.push({ bytes: bytes.slice(), source: loopback(port) });
    there?.wake();
    return SEND_OK;
  };
  const udp = {
    gso: false,
    gro: false,
    segmentsMax: 1,
    bytesMax: 65_507,
    segmentSize: 0,
    ecn: 0,
    sourceAt,
    receive(into: number): number {
      const next = here.queue.shift();
      if (next === undefined) return PORT_DRAINED;
      arena.bytes.set(next.bytes, into);
      writeEndpointCell(arena.bytes, sourceAt, next.source, undefined);
      this.segmentSize = next.bytes.length;
      return next.bytes.length;
    },
    gather(index: number, from: number, size: number): void {
      at[index] = from;
      length[index] = size;
    },
    send(count: number, _segmentSize: number, cellAt: number): SendResult {
      const to = readEndpointCell(arena.bytes, cellAt);
      if (to === undefined) throw new Error("sent to nowhere");
      for (let i = 0; i < count; i++) send(arena.bytes.subarray(at[i], at[i] + length[i]), to);
      return SEND_OK;
    },
  };
  return {
    port,
    udp,
    send: ({ bytes, endpoint }) => send(bytes, endpoint),
    wakes: (wake) => here.wake = wake,
    close: () => network.delete(port),
  };
}
