/**
 * Probes of a path with packets that must not be fragmented: ICMP echo requests, which an answer
 * tells about, and datagrams, about which the path tells by ICMP.
 * @module
 */
import type { Endpoint, IpBytes } from "../base/endpoint.ts";
import { EACCES, EMSGSIZE, EPERM } from "../base/errno.ts";
import { ipHeaderBytes, UDP_HEADER_BYTES } from "../base/inner_mtu.ts";
import { formatEndpoint, formatIp } from "../base/ip_text.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { AF_INET, AF_INET6, cString, pollfds, POLLIN, sockaddr } from "../../ffi/structs.ts";

const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_MTU = 14;
const SOL_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MTU = 24;
/** Sends are refused that are longer than what is known of the path. */
const PMTUDISC_DO = 2;
/** The header forbids fragments, and what is known of the path does not count. */
const PMTUDISC_PROBE = 3;

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const ICMP_ECHO = 8;
const ICMP_ECHO_REPLY = 0;
const ICMPV6_ECHO = 128;
const ICMPV6_ECHO_REPLY = 129;
/** Bytes of an echo's header. */
const ECHO_HEADER_BYTES = 8;
const IPV4_HEADER_BYTES = 20;
/** The identifier of echoes that the kernel does not choose one for. */
const ECHO_ID = 0x7767;

/** How long ICMP errors are waited for after each datagram. */
export const SETTLE_MS = 300;
/** Datagrams that are sent without learning more, before that is believed. */
const QUIET_MAX = 2;
/** The most datagrams: each hop of a path may have a smaller MTU than the one before. */
const DATAGRAMS_MAX = 16;

/** Sends echo requests to one address through one interface. */
export class EchoProbe implements Disposable {
  readonly #fd: number;
  readonly #v4: boolean;
  readonly #isRaw: boolean;
  #sequence = 0;

  /**
   * Opens a socket in the calling thread's network namespace.
   * @param device the name of the interface that the requests leave by
   * @throws OsError EPERM for users who may not send echo requests
   */
  constructor(readonly address: IpBytes, device: string) {
    this.#v4 = address.length === 4;
    const [family, protocol] = this.#v4 ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6];
    const flags = libc.SOCK_CLOEXEC | libc.SOCK_NONBLOCK;
    const object = `icmp ${formatIp(address)}`;
    // net.ipv4.ping_group_range decides who may open the first kind.
    const fd = libc.socket(family, libc.SOCK_DGRAM | flags, protocol);
    this.#isRaw = fd === -EACCES || fd === -EPERM;
    this.#fd = checked(
      this.#isRaw ? libc.socket(family, libc.SOCK_RAW | flags, protocol) : fd,
      "socket",
      object,
    );
    try {
      const name = cString(device);
      checked(
        libc.setsockoptBytes(this.#fd, SOL_SOCKET, SO_BINDTODEVICE, name),
        "SO_BINDTODEVICE",
        device,
      );
      const [level, option] = this.#v4 ? [SOL_IP, IP_MTU_DISCOVER] : [SOL_IPV6, IPV6_MTU_DISCOVER];
      checked(libc.setsockopt(this.#fd, level, option, PMTUDISC_PROBE), "IP_MTU_DISCOVER", object);
      checked(libc.connect(this.#fd, sockaddr(address, 0)), "connect", object);
    } catch (error) {
      libc.close(this.#fd);
      throw error;
    }
  }

  /**
   * Sends a request and waits for its answer.
   * @param bytes of the whole IP packet
   * @returns milliseconds until the answer; undefined when none came, or the packet is longer than
   *   the interface's MTU
   */
  echo(bytes: number, timeoutMs: number): number | undefined {
    const message = new Uint8Array(bytes - ipHeaderBytes(this.address));
    const sequence = this.#sequence = this.#sequence + 1 & 0xffff;
    message[0] = this.#v4 ? ICMP_ECHO : ICMPV6_ECHO;
    const view = new DataView(message.buffer);
    view.setUint16(4, ECHO_ID);
    view.setUint16(6, sequence);
    // All other bytes are zero. The kernel computes the sum of ICMPv6 and of the first kind.
    if (this.#v4) view.setUint16(2, onesComplementSum(ICMP_ECHO << 8, ECHO_ID, sequence));
    const begun = performance.now();
    const sent = libc.send(this.#fd, message);
    // An error that an earlier request met is told at the next one.
    if (sent < 0 && (sent === -EMSGSIZE || libc.send(this.#fd, message) < 0)) return undefined;
    const into = new Uint8Array(bytes + IPV4_HEADER_BYTES * 3);
    while (true) {
      const left = timeoutMs - (performance.now() - begun);
      if (left <= 0) return undefined;
      libc.poll(pollfds([{ fd: this.#fd, events: POLLIN }]), Math.ceil(left));
      const length = libc.recv(this.#fd, into);
      if (length > 0 && this.#isAnswer(into.subarray(0, length), message.length, sequence)) {
        return performance.now() - begun;
      }
    }
  }

  #isAnswer(bytes: Uint8Array, length: number, sequence: number): boolean {
    // A raw socket of IPv4 gets the IP header too.
    const echo = this.#isRaw && this.#v4 ? bytes.subarray((bytes[0] & 15) * 4) : bytes;
    if (echo.length !== length || length < ECHO_HEADER_BYTES) return false;
    const view = new DataView(echo.buffer, echo.byteOffset, echo.length);
    return echo[0] === (this.#v4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY) &&
      view.getUint16(6) === sequence && (!this.#isRaw || view.getUint16(4) === ECHO_ID);
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function onesComplementSum(...words: readonly number[]): number {
  const sum = words.reduce((sum, word) => sum + word, 0);
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}

/**
 * Asks the path to an endpoint for its MTU, with datagrams that must not be fragmented. They have
 * nothing but zeros, which no WireGuard answers. What the kernel has learned of a path it keeps for
 * `net.ipv4.route.mtu_expires`, ten minutes by default. Each step sends one datagram, as long as is
 * known to pass; wait SETTLE_MS before the next step, so that routers can answer.
 */
export class DatagramProbe implements Disposable {
  readonly fd: number;
  readonly #address: IpBytes;
  readonly #level: number;
  readonly #option: number;
  #sent = 0;
  #quiet = 0;
  #before = Infinity;

  /**
   * Opens a socket in the calling thread's network namespace.
   * @param mark the mark of the tunnel's datagrams
   * @throws OsError when nothing can be sent there
   */
  constructor({ address, port, scope }: Endpoint, mark: number) {
    const v4 = address.length === 4;
    const object = formatEndpoint({ address, port, scope });
    this.#address = address;
    this.#level = v4 ? SOL_IP : SOL_IPV6;
    this.#option = v4 ? IP_MTU : IPV6_MTU;
    const discover = v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
    this.fd = checked(
      libc.socket(v4 ? AF_INET : AF_INET6, libc.SOCK_DGRAM | libc.SOCK_CLOEXEC, 0),
      "socket",
      object,
    );
    try {
      if (mark !== 0) {
        checked(libc.setsockopt(this.fd, SOL_SOCKET, SO_MARK, mark | 0), "SO_MARK", object);
      }
      checked(
        libc.setsockopt(this.fd, this.#level, discover, PMTUDISC_DO),
        "IP_MTU_DISCOVER",
        object,
      );
      checked(libc.connect(this.fd, sockaddr(address, port, scope)), "connect", object);
    } catch (error) {
      libc.close(this.fd);
      throw error;
    }
  }

  /** The MTU of the path in bytes, as the kernel knows it now; 0 when it knows no path. */
  get mtu(): number {
    return libc.getsockopt(this.fd, this.#level, this.#option) ?? 0;
  }

  /** Sends the next datagram. Returns false when nothing more can be learned now. */
  step(): boolean {
    // The answer of a closed port is an error of the socket, which would end the next send.
    libc.recv(this.fd, new Uint8Array(1), libc.MSG_DONTWAIT);
    const known = this.mtu;
    this.#quiet = known < this.#before ? 0 : this.#quiet + 1;
    this.#before = known;
    if (this.#sent === DATAGRAMS_MAX || this.#quiet === QUIET_MAX) return false;
    this.#sent++;
    const payload = known - ipHeaderBytes(this.#address) - UDP_HEADER_BYTES;
    libc.send(this.fd, new Uint8Array(Math.max(0, Math.min(payload, 65_507))));
    return true;
  }

  [Symbol.dispose](): void {
    libc.close(this.fd);
  }
}

/**
 * The MTU of the path to an endpoint in bytes, as a DatagramProbe learns it while this thread
 * waits. A path that drops long datagrams without ICMP does not tell.
 * @param mark the mark of the tunnel's datagrams
 * @throws OsError when nothing can be sent there
 */
export function outerPathMtu(endpoint: Endpoint, mark: number): number {
  using probe = new DatagramProbe(endpoint, mark);
  // An error of the socket ends the wait early.
  while (probe.step()) libc.poll(pollfds([{ fd: probe.fd, events: POLLIN }]), SETTLE_MS);
  return probe.mtu;
}
