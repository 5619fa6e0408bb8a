/**
 * Lists the TCP and UDP sockets of a network namespace, from /proc/net/{tcp,tcp6,udp,udp6}
 * (Documentation/networking/proc_net_tcp.rst).
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";

/**
 * States of include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE for a UDP socket without a peer.
 */
export const TCP_LISTEN = 10;
export const UDP_UNCONNECTED = 7;

/** A socket with an Internet address. */
export interface InetSocket {
  readonly protocol: "tcp" | "udp";
  readonly family: 4 | 6;
  readonly localAddress: IpBytes;
  readonly localPort: number;
  readonly remoteAddress: IpBytes;
  readonly remotePort: number;
  /** TCP_* of include/net/tcp_states.h, for UDP too. */
  readonly state: number;
  /** Bytes that wait to be sent. */
  readonly sendQueue: number;
  /** Bytes that wait to be read; for a listening socket, connections that wait for accept(2). */
  readonly receiveQueue: number;
  readonly uid: number;
  readonly inode: number;
}

/**
 * All TCP and UDP sockets of a namespace (default: the calling thread's), TCP first, IPv4 first.
 */
export function inetSockets(namespace?: { run<T>(fn: () => T): T }): InetSocket[] {
  const read = () =>
    FILES.flatMap(([file, protocol, family]) => parseSockets(readTable(file), protocol, family));
  return namespace === undefined ? read() : namespace.run(read);
}

/** The sockets that anyone can send to: listening TCP sockets, and UDP sockets without a peer. */
export function listeningSockets(namespace?: { run<T>(fn: () => T): T }): InetSocket[] {
  return inetSockets(namespace).filter(({ protocol, state }) =>
    state === (protocol === "tcp" ? TCP_LISTEN : UDP_UNCONNECTED)
  );
}

const FILES = [["tcp", "tcp", 4], ["tcp6", "tcp", 6], ["udp", "udp", 4], [
  "udp6",
  "udp",
  6,
]] as const;

function readTable(file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/thread-self/net/${file}`);
  } catch (error) {
    // A kernel without IPv6 has no tcp6 and udp6.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The sockets of a table. Malformed rows are left out. */
export function parseSockets(table: string, protocol: "tcp" | "udp", family: 4 | 6): InetSocket[] {
  const sockets: InetSocket[] = [];
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10) continue;
    const local = parseAddress(fields[1], family);
    const remote = parseAddress(fields[2], family);
    const queues = /^([0-9A-F]{8}):([0-9A-F]{8})$/.exec(fields[4]);
    if (local === undefined || remote === undefined || queues === null) continue;
    sockets.push({
      protocol,
      family,
      localAddress: local.address,
      localPort: local.port,
      remoteAddress: remote.address,
      remotePort: remote.port,
      state: parseInt(fields[3], 16),
      sendQueue: parseInt(queues[1], 16),
      receiveQueue: parseInt(queues[2], 16),
      uid: Number(fields[7]),
      inode: Number(fields[9]),
    });
  }
  return sockets;
}

/** An address of the form `0100007F:1BC7`: 32-bit words in (little-endian) host order, and port. */
function parseAddress(text: string, family: 4 | 6): { address: IpBytes; port: number } | undefined {
  const match = /^([0-9A-F]+):([0-9A-F]{4})$/.exec(text);
  if (match === null || match[1].length !== (family === 4 ? 8 : 32)) return undefined;
  const address = Uint8Array.fromHex(match[1]);
  for (let at = 0; at < address.length; at += 4) address.subarray(at, at + 4).reverse();
  return { address, port: parseInt(match[2], 16) };
}
