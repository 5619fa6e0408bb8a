/**
 * Opens TUN devices and reads their state from the descriptor (include/uapi/linux/if_tun.h).
 * @module
 */
import { EBADF, EBADFD, EINVAL, osError } from "../base/errno.ts";
import { checkInterfaceName } from "../base/interface_name.ts";
import type { Offloads } from "../base/offloads.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import {
  ifreq,
  IFREQ_BYTES,
  ifreqName,
  polledEvents,
  POLLERR,
  pollfds,
  POLLOUT,
} from "../../ffi/structs.ts";
import { QUEUES_EACH } from "../data/bulk_flows.ts";
import type { TunDescriptors } from "./linux_tun_port.ts";

const TUN_PATH = "/dev/net/tun";

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNGETIFF = 0x800454d2;
const TUNGETDEVNETNS = 0x54e3;

const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const TSO = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
const USO = TUN_F_USO4 | TUN_F_USO6;

const FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
const OPEN_FLAGS = libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC;

/** The offloads of a TUN device. USO needs TSO. */
export type TunOffloads = Pick<Offloads, "tso" | "uso">;

/** How a device is opened. */
export interface TunOptions {
  /** The offloads to use; by default all. */
  readonly offloads?: TunOffloads;
  /** The data planes that send, each of which has queues of its own; 1 by default. */
  readonly senders?: number;
}

/** A TUN device. It exists until its descriptors (nonblocking, closed on exec) are closed. */
export interface OpenedTun extends TunDescriptors {
  readonly name: string;
  /** The descriptor of the first queue. */
  readonly fd: number;
}

/**
 * Makes a TUN device in the calling thread's network namespace. The device is down. A
 * virtio_net_hdr of 10 bytes precedes every packet. Offloads that the kernel lacks stay off.
 * @throws ConfigError for a wrong name
 * @throws OsError ENOENT or ENODEV without a TUN driver or /dev/net/tun, EPERM without
 *   CAP_NET_ADMIN, EBUSY when the name is in use
 */
export function openTun(
  name: string,
  { offloads = { tso: true, uso: true }, senders = 1 }: TunOptions = {},
): OpenedTun {
  checkInterfaceName(name);
  const fd = checked(libc.open(TUN_PATH, OPEN_FLAGS), "open", TUN_PATH);
  try {
    // Without IFF_TUN_EXCL the kernel would open a persistent device of this name.
    const request = ifreq(name, FLAGS | IFF_TUN_EXCL);
    checked(libc.ioctl(fd, TUNSETIFF, request), "TUNSETIFF", name);
    const given = ifreqName(request);
    const granted = setOffloads(fd, name, offloads);
    const queues = [fd];
    try {
      openQueues(given, queues, senders * QUEUES_EACH);
    } catch (error) {
      for (const more of queues.slice(1)) libc.close(more);
      throw error;
    }
    return { fd, queues, name: given, ...granted };
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Closes a device, which removes it. */
export function closeTun(tun: OpenedTun): void {
  for (const fd of tun.queues) libc.close(fd);
}

/**
 * Opens further queues of a device until there are so many. A device for one data plane may do
 * without the second one.
 */
function openQueues(name: string, queues: number[], count: number): void {
  while (queues.length < count) {
    const fd = libc.open(TUN_PATH, OPEN_FLAGS);
    const result = fd < 0 ? fd : libc.ioctl(fd, TUNSETIFF, ifreq(name, FLAGS));
    if (result >= 0) queues.push(fd);
    else {
      if (fd >= 0) libc.close(fd);
      if (count === QUEUES_EACH) return;
      checked(result, "TUNSETIFF", `${name}, queue ${queues.length + 1}`);
    }
  }
}

/**
 * Sets the offloads of a device. Super-packets that wait to be read are not split.
 * @returns the offloads that are on, which excludes those that the kernel lacks
 * @throws OsError
 */
export function setOffloads(fd: number, name: string, wanted: TunOffloads): TunOffloads {
  if (wanted.tso && wanted.uso) {
    const result = libc.ioctl(fd, TUNSETOFFLOAD, TSO | USO);
    if (result >= 0) return { tso: true, uso: true };
    if (result !== -EINVAL) checked(result, "TUNSETOFFLOAD", name);
  }
  if (wanted.tso) {
    const result = libc.ioctl(fd, TUNSETOFFLOAD, TSO);
    if (result >= 0) return { tso: true, uso: false };
    if (result !== -EINVAL) checked(result, "TUNSETOFFLOAD", name);
  }
  checked(libc.ioctl(fd, TUNSETOFFLOAD, 0), "TUNSETOFFLOAD", name);
  return { tso: false, uso: false };
}

/**
 * The present name of a device, in any namespace; undefined when the device was deleted.
 * @throws OsError
 */
export function tunName(fd: number): string | undefined {
  const request = new Uint8Array(IFREQ_BYTES);
  const result = libc.ioctl(fd, TUNGETIFF, request);
  if (result === -EBADFD) return undefined;
  checked(result, "TUNGETIFF", "tun");
  return ifreqName(request);
}

/**
 * Whether a device is up: only then its descriptor is writable. Undefined when the device was
 * deleted, and when poll(2) fails.
 */
export function tunIsUp(fd: number): boolean | undefined {
  const fds = pollfds([{ fd, events: POLLOUT }]);
  if (libc.poll(fds, 0) < 0) return undefined;
  const [events] = polledEvents(fds);
  return (events & POLLERR) !== 0 ? undefined : (events & POLLOUT) !== 0;
}

/**
 * Opens the network namespace that a device is in; undefined when the device was deleted. Close the
 * descriptor, or pass it to `NetNamespace.ofDescriptor`.
 * @throws OsError EPERM without CAP_NET_ADMIN in that namespace
 */
export function tunNamespaceFd(fd: number): number | undefined {
  const result = libc.ioctl(fd, TUNGETDEVNETNS, 0);
  if (result === -EBADFD) return undefined;
  if (result === -EBADF) throw osError("TUNGETDEVNETNS", "tun", EBADF);
  return checked(result, "TUNGETDEVNETNS", "tun");
}
