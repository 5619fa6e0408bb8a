/**
 * Layouts of the structures of system calls. They are the same on x86_64 and aarch64, which are
 * both little-endian LP64. The ioctl numbers are the same too (asm-generic/ioctl.h).
 * @module
 */
import { INTERFACE_NAME_SIZE } from "../lib/base/interface_name.ts";

/** Address families (include/linux/socket.h). */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

/** Bytes of each structure. */
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;
const SOCKADDR_NL_BYTES = 12;
export const IFREQ_BYTES = 40;
const POLLFD_BYTES = 8;
const TIMESPEC_BYTES = 16;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A text as a C string: UTF-8 and a zero byte. @throws RangeError when the text contains a zero */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new RangeError("a text for the kernel has a zero byte in it");
  return new TextEncoder().encode(text + "\0");
}

/**
 * Makes a struct sockaddr_in or sockaddr_in6 (netinet/in.h).
 * @param address 4 or 16 bytes
 * @param scope the interface index of a link-local IPv6 address
 */
export function sockaddr(address: Uint8Array, port: number, scope = 0): Uint8Array<ArrayBuffer> {
  const v4 = address.length === 4;
  if (!v4 && address.length !== 16) throw new RangeError("an IP address has 4 or 16 bytes");
  const bytes = new Uint8Array(v4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, v4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(address, v4 ? 4 : 8);
  if (!v4) view.setUint32(24, scope, true);
  return bytes;
}

/** The port of a struct sockaddr_in or sockaddr_in6. */
export function sockaddrPort(bytes: Uint8Array): number {
  return viewOf(bytes).getUint16(2);
}

/** Makes a struct sockaddr_nl (linux/netlink.h). With `portId` 0 the kernel chooses the port id. */
export function sockaddrNetlink(portId: number, groups: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOCKADDR_NL_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, portId, true);
  view.setUint32(8, groups, true);
  return bytes;
}

/** Makes a struct ifreq (linux/if.h) with the name of the interface and ifr_flags. */
export function ifreq(name: string, flags: number): Uint8Array<ArrayBuffer> {
  const encoded = cString(name);
  if (encoded.length > INTERFACE_NAME_SIZE) {
    throw new RangeError("the interface name is too long for struct ifreq");
  }
  const bytes = new Uint8Array(IFREQ_BYTES);
  bytes.set(encoded);
  viewOf(bytes).setUint16(INTERFACE_NAME_SIZE, flags, true);
  return bytes;
}

/** The name in a struct ifreq. */
export function ifreqName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(
    bytes.subarray(0, end < 0 || end > INTERFACE_NAME_SIZE ? INTERFACE_NAME_SIZE : end),
  );
}

/** The events of poll(2). */
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;

/** Makes an array of struct pollfd. The kernel ignores a descriptor of -1. */
export function pollfds(
  entries: readonly { readonly fd: number; readonly events: number }[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(entries.length * POLLFD_BYTES);
  const view = viewOf(bytes);
  entries.forEach(({ fd, events }, i) => {
    view.setInt32(i * POLLFD_BYTES, fd, true);
    view.setInt16(i * POLLFD_BYTES + 4, events, true);
  });
  return bytes;
}

/** The `revents` of each struct pollfd. */
export function polledEvents(bytes: Uint8Array): number[] {
  const view = viewOf(bytes);
  return Array.from(
    { length: bytes.length / POLLFD_BYTES },
    (_, i) => view.getInt16(i * POLLFD_BYTES + 6, true),
  );
}

/** Makes a struct timespec of a time in ms, or with `unit` 1000 a struct timeval. */
export function timespec(milliseconds: number, unit = 1_000_000): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TIMESPEC_BYTES);
  const view = viewOf(bytes);
  view.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), true);
  view.setBigInt64(8, BigInt(Math.floor(milliseconds % 1000) * unit), true);
  return bytes;
}
