/**
 * The outer side of many peers: a TUN device to which the network of the peers is routed, instead
 * of a socket for each peer. A datagram costs both sides the same for one peer and for thousands.
 * @module
 */

import type { Arena } from "../../lib/base/arena.ts";
import { VNET_HEADER_BYTES } from "../../lib/data/ports.ts";
import { LinuxTunPort } from "../../lib/ports/linux_tun_port.ts";
import { closeTun, type OpenedTun, openTun } from "../../lib/ports/open_tun.ts";
import * as Ip from "../../lib/wire/ip.ts";
import { GSO_ECN, GSO_UDP_L4, VNET_GSO_SIZE, VNET_GSO_TYPE } from "../../lib/wire/vnet.ts";
import * as libc from "../../ffi/libc.ts";
import { PollSet } from "../../ffi/poll.ts";
import { setTimerSlack } from "../../ffi/process.ts";

const NAME = "peers0";
const PACKET_MAX = 65_535;
const HEADER_BYTES = Ip.IPV4_HEADER_BYTES + Ip.UDP_HEADER_BYTES;
/** Bytes before a datagram that `send` overwrites. */
export const OUTER_HEADROOM: number = VNET_HEADER_BYTES + HEADER_BYTES;
/** How long `nap` sleeps, in microseconds. Some tens of packets come meanwhile. */
const NAP_US = 100;
/** The UDP port of every peer. */
const PEER_PORT = 7112;

/** The outer network of the peers. */
export const OUTER_NETWORK = "10.79.0.0/16";
const OUTER_BASE = 10 << 24 | 79 << 16;

/** The device. Peers are numbers from 0 to 65535, which are the hosts of OUTER_NETWORK. */
export class OuterDevice implements Disposable {
  readonly #view: DataView;
  readonly #tun: OpenedTun;
  readonly #port: LinuxTunPort;
  /** No descriptors, so that only time ends a nap. */
  readonly #naps = new PollSet([]);
  readonly #received: number;
  readonly #to: number;
  readonly #toPort: number;

  /**
   * Makes the device and its route in the network namespace of this process.
   * @param to the IPv4 address and the port that datagrams are sent to
   */
  static async open(
    arena: Arena,
    to: { readonly address: readonly number[]; readonly port: number },
  ): Promise<OuterDevice> {
    const tun = oneQueue(openTun(NAME));
    const ip = async (...words: string[]) => {
      const { success, stderr } = await new Deno.Command("ip", { args: words }).output();
      if (!success) throw new Error(`ip ${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    };
    try {
      await ip("link", "set", NAME, "up");
      await ip("route", "add", OUTER_NETWORK, "dev", NAME);
      setTimerSlack(1);
      return new OuterDevice(arena, tun, to);
    } catch (error) {
      closeTun(tun);
      throw error;
    }
  }

  private constructor(
    arena: Arena,
    tun: OpenedTun,
    to: { readonly address: readonly number[]; readonly port: number },
  ) {
    this.#view = arena.view;
    this.#tun = tun;
    this.#port = new LinuxTunPort(arena, tun);
    this.#received = arena.allocate(VNET_HEADER_BYTES + PACKET_MAX);
    this.#to = to.address.reduce((word, byte) => word << 8 | byte, 0);
    this.#toPort = to.port;
  }

  [Symbol.dispose](): void {
    closeTun(this.#tun);
  }

  /** Sends the `length` bytes at `at` as a datagram of a peer. OUTER_HEADROOM bytes precede it. */
  send(peer: number, at: number, length: number): void {
    const view = this.#view;
    const ip = at - HEADER_BYTES;
    for (let i = at - OUTER_HEADROOM; i < at; i++) view.setUint8(i, 0);
    view.setUint8(ip, 0x45);
    view.setUint16(ip + Ip.IPV4_LENGTH, HEADER_BYTES + length);
    view.setUint8(ip + Ip.IPV4_TTL, 64);
    view.setUint8(ip + Ip.IPV4_PROTOCOL, Ip.PROTOCOL_UDP);
    view.setInt32(ip + Ip.IPV4_SOURCE, OUTER_BASE | peer);
    view.setInt32(ip + Ip.IPV4_DESTINATION, this.#to);
    view.setUint16(ip + Ip.IPV4_CHECKSUM, internetChecksum(view, ip, Ip.IPV4_HEADER_BYTES));
    // A checksum of 0 means that there is none.
    const udp = ip + Ip.IPV4_HEADER_BYTES;
    view.setUint16(udp, PEER_PORT);
    view.setUint16(udp + 2, this.#toPort);
    view.setUint16(udp + Ip.UDP_LENGTH, Ip.UDP_HEADER_BYTES + length);
    this.#port.gather(0, at - OUTER_HEADROOM, OUTER_HEADROOM + length);
    this.#port.write(1, 0);
  }

  /**
   * Reads a packet, which may hold several datagrams of one peer, and calls `hear` for each.
   * Returns whether there was one.
   * @param hear is called with the peer, and with offset and length of the datagram, which are true
   *   until the next `receive`
   */
  receive(hear: (peer: number, at: number, length: number) => void): boolean {
    const view = this.#view;
    const read = this.#port.read(this.#received, 0);
    if (read <= 0) return false;
    const end = this.#received + read;
    const ip = this.#received + VNET_HEADER_BYTES;
    const from = ip + HEADER_BYTES;
    if (view.getUint8(ip) !== 0x45 || view.getUint8(ip + Ip.IPV4_PROTOCOL) !== Ip.PROTOCOL_UDP) {
      return true;
    }
    const peer = view.getUint16(ip + Ip.IPV4_DESTINATION + 2);
    const kind = view.getUint8(this.#received + VNET_GSO_TYPE) & ~GSO_ECN;
    const segment = kind === GSO_UDP_L4
      ? view.getUint16(this.#received + VNET_GSO_SIZE, true)
      : end - from;
    for (let at = from; at < end; at += segment) hear(peer, at, Math.min(segment, end - at));
    return true;
  }

  /**
   * Sleeps for NAP_US. Packets that come meanwhile do not end it: to wake this program for each of
   * them would take time that counts as that of the sender.
   */
  nap(): void {
    this.#naps.nap(NAP_US);
  }
}

/** The device with its first queue only, so that the kernel need not choose one for each packet. */
function oneQueue(tun: OpenedTun): OpenedTun {
  for (const more of tun.queues.slice(1)) libc.close(more);
  return { ...tun, queues: [tun.fd] };
}

/** The internet checksum (RFC 1071) of an even number of bytes, whose checksum field is 0. */
export function internetChecksum(view: DataView, at: number, length: number): number {
  let sum = 0;
  for (let i = at; i < at + length; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
