/**
 * Notices that this virtual machine goes on as a clone, or from a snapshot.
 * @module
 */
import { tellsOfClone } from "../netlink/uevent.ts";
import * as libc from "../../ffi/libc.ts";
import { AF_NETLINK, sockaddrNetlink } from "../../ffi/structs.ts";

const NETLINK_KOBJECT_UEVENT = 15;
/** The group that the kernel's events go to. */
const GROUP_KERNEL = 1;
/** More bytes than an event has (UEVENT_BUFFER_SIZE is 2048). */
const EVENT_BYTES = 8_192;
/** The most events of one look. */
const EVENTS_MAX = 1_000;

/**
 * Listens to the kernel's events. The kernel sends one when the hypervisor changed the generation
 * id of the virtual machine (ACPI VMGENID). Linux's WireGuard expires its sessions then too.
 */
export class CloneWatch {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(EVENT_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Begins to listen; undefined when the kernel refuses it. */
  static open(): CloneWatch | undefined {
    const type = libc.SOCK_RAW | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC;
    const fd = libc.socket(AF_NETLINK, type, NETLINK_KOBJECT_UEVENT);
    if (fd < 0) return undefined;
    if (libc.bind(fd, sockaddrNetlink(0, GROUP_KERNEL)) >= 0) return new CloneWatch(fd);
    libc.close(fd);
    return undefined;
  }

  /** Whether the machine was cloned or restored since the last call. */
  cloned(): boolean {
    let cloned = false;
    for (let i = 0; i < EVENTS_MAX; i++) {
      const length = libc.recv(this.#fd, this.#buffer);
      if (length <= 0) break;
      if (tellsOfClone(this.#buffer.subarray(0, length))) cloned = true;
    }
    return cloned;
  }

  close(): void {
    libc.close(this.#fd);
  }
}
