/**
 * TUN devices: making one, and finding out from its descriptor what became of it (include/uapi/linux/if_tun.h).
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

/** Which offloads to ask for; USO needs TSO. */
export type TunOffloads = Pick<Offloads, "tso" | "uso">;

/** A TUN device, not yet up. It lives as long as one of its descriptors (nonblocking, closed on exec). */
export interface OpenedTun extends TunDescriptors {
  readonly name: string;
}

/**
 * Makes a TUN device in the calling thread's network namespace. A virtio_net_hdr of 10 bytes stands before every packet.
 * Offloads that the kernel does not have are left off.
 * @throws ConfigError for a bad name
 * @throws OsError ENOENT or ENODEV on /dev/net/tun (no TUN driver, or none in this container), EPERM, EBUSY when the name is in use
 */
export function openTun(
  name: string,
  { offloads = { tso: true, uso: true } }: { readonly offloads?: TunOffloads } = {},
): OpenedTun {
  checkInterfaceName(name);
  const fd = checked(libc.open(TUN_PATH, OPEN_FLAGS), "open", TUN_PATH);
  try {
    // IFF_TUN_EXCL: a persistent device of this name is somebody's; the kernel would hand it out.
    const request = ifreq(name, FLAGS | IFF_TUN_EXCL);
    checked(libc.ioctl(fd, TUNSETIFF, request), "TUNSETIFF", name);
    const given = ifreqName(request);
    const granted = setOffloads(fd, name, offloads);
    return { fd, bulkFd: openSecondQueue(given), name: given, ...granted };
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Ends a device. */
export function closeTun(tun: OpenedTun): void {
  libc.close(tun.fd);
  if (tun.bulkFd >= 0) libc.close(tun.bulkFd);
}

/** Another descriptor of a device that was just made; -1 when there is none to be had: one queue does as well, only less fairly. */
function openSecondQueue(name: string): number {
  const fd = libc.open(TUN_PATH, OPEN_FLAGS);
  if (fd < 0) return -1;
  if (libc.ioctl(fd, TUNSETIFF, ifreq(name, FLAGS)) >= 0) return fd;
  libc.close(fd);
  return -1;
}

/**
 * Sets the offloads of a device, also while it runs. Super-packets that wait to be read stay what they are.
 * @returns those that the kernel agreed to
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
 * The name the device has now, in whichever namespace it is; undefined when it was deleted.
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
 * Whether the device is up, asked of its descriptor alone: only then it takes packets. Undefined when it was deleted,
 * and when nothing can be told.
 */
export function tunIsUp(fd: number): boolean | undefined {
  const fds = pollfds([{ fd, events: POLLOUT }]);
  if (libc.poll(fds, 0) < 0) return undefined;
  const [events] = polledEvents(fds);
  return (events & POLLERR) !== 0 ? undefined : (events & POLLOUT) !== 0;
}

/**
 * A new descriptor of the network namespace the device is in now (`NetNamespace.ofDescriptor` takes it over); undefined when it was deleted.
 * @throws OsError EPERM without CAP_NET_ADMIN there
 */
export function tunNamespaceFd(fd: number): number | undefined {
  const result = libc.ioctl(fd, TUNGETDEVNETNS, 0);
  if (result === -EBADFD) return undefined;
  if (result === -EBADF) throw osError("TUNGETDEVNETNS", "tun", EBADF);
  return checked(result, "TUNGETDEVNETNS", "tun");
}
