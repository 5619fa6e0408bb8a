/**
 * The table of sockets of netstat(1).
 * @module
 */
import { formatIp } from "../../base/ip_text.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { type InetSocket, TCP_LISTEN, UDP_UNCONNECTED } from "../../linux/sockets.ts";

/** BSD's names of the TCP states, by the kernel's number (include/net/tcp_states.h). */
const TCP_STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RCVD",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "TIME_WAIT",
  "CLOSED",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
  "SYN_RCVD",
];

/** The sockets to show: those of `-l`, of `-a`, or of neither. */
export type SocketSelection = "listening" | "all" | "connected";

const TITLES: Readonly<Record<SocketSelection, string>> = {
  listening: " (only servers)",
  all: " (including servers)",
  connected: "",
};

function isListening(socket: InetSocket): boolean {
  return socket.protocol === "tcp" ? socket.state === TCP_LISTEN : socket.state === UDP_UNCONNECTED;
}

/** The selected sockets, ordered by protocol, family, port and address. */
export function selectSockets(
  sockets: readonly InetSocket[],
  selection: SocketSelection,
): InetSocket[] {
  const order = (socket: InetSocket) =>
    (socket.family === 6 ? 2 : 0) + (socket.protocol === "udp" ? 1 : 0);
  return sockets.filter((socket) =>
    selection === "all" || isListening(socket) === (selection === "listening")
  )
    .sort((a, b) =>
      order(a) - order(b) || a.localPort - b.localPort ||
      compareBytes(a.localAddress, b.localAddress) ||
      a.remotePort - b.remotePort
    );
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** The name of the protocol: `udp`, `tcp6`. */
const protocolName = (socket: InetSocket) => `${socket.protocol}${socket.family === 6 ? "6" : ""}`;

const stateName = (socket: InetSocket) =>
  socket.protocol === "tcp" ? TCP_STATES[socket.state] ?? String(socket.state) : "";

/**
 * The sockets in BSD's columns. A dot precedes the port, `*` is any address or port, and UDP has no
 * state.
 */
export function formatSockets(sockets: readonly InetSocket[], selection: SocketSelection): string {
  const columns = ([protocol, receive, send, local, foreign, state]: readonly string[]) =>
    `${protocol.padEnd(7)} ${receive.padStart(6)} ${send.padStart(6)}  ${local.padEnd(22)} ${
      foreign.padEnd(22)
    } ${state}`
      .trimEnd();
  const lines = sockets.map((socket) =>
    columns([
      protocolName(socket),
      String(socket.receiveQueue),
      String(socket.sendQueue),
      endpointText(socket.localAddress, socket.localPort),
      endpointText(socket.remoteAddress, socket.remotePort),
      stateName(socket),
    ])
  );
  return [
    `Active Internet connections${TITLES[selection]}`,
    columns(["Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address", "(state)"]),
    ...lines,
  ].join("\n");
}

function endpointText(address: IpBytes, port: number): string {
  return `${address.every((byte) => byte === 0) ? "*" : formatIp(address)}.${
    port === 0 ? "*" : port
  }`;
}

/**
 * The sockets as values, for --json.
 * @param interfaces the wg interfaces, by the port of their UDP sockets
 */
export function socketsAsJson(
  sockets: readonly InetSocket[],
  interfaces: ReadonlyMap<number, string>,
): unknown[] {
  return sockets.map((socket) => {
    const state = stateName(socket);
    const wg = socket.protocol === "udp" ? interfaces.get(socket.localPort) : undefined;
    return {
      protocol: protocolName(socket),
      local: { address: formatIp(socket.localAddress), port: socket.localPort },
      foreign: { address: formatIp(socket.remoteAddress), port: socket.remotePort },
      receiveQueue: socket.receiveQueue,
      sendQueue: socket.sendQueue,
      ...(state === "" ? {} : { state }),
      ...(wg === undefined ? {} : { wg }),
    };
  });
}
