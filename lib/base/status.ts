/**
 * An interface as the control socket tells it: the device's own status and what the daemon knows around it.
 * @module
 */
import type { DeviceStatus } from "./config.ts";
import type { Counts } from "./counters.ts";
import type { IpBytes } from "./endpoint.ts";

/** What the daemon knows of its interface. Another implementation's daemon tells none of it: then NO_FACTS. */
export interface InterfaceFacts {
  /** The interface's name now; it may have been renamed. Empty when not told. */
  readonly name: string;
  /** The daemon's process; 0 when not told. */
  readonly pid: number;
  /** The network namespace that the interface is in, as /proc names it: `net:[INODE]`; empty when not told. */
  readonly netns: string;
  /** The control plane's crypto, e.g. `libcrypto 3.0.19`. */
  readonly suite: string;
  /** The data plane's crypto, e.g. `ipsec-mb 1.3.0` or `libcrypto composed`. */
  readonly cipher: string;
  /** Which offloads are on, e.g. `tso uso gso gro`, in words with a space between them; empty when none. */
  readonly offloads: string;
  /** Which were switched off by hand, in the same form; also one that the kernel does not have. */
  readonly offloadsOff: string;
  /** What was counted since the interface was made; absent when not told. */
  readonly counters?: Counts;
  /** How many threads move packets: 1, or 2 for one each way; 0 when not told. */
  readonly workers: number;
  /** Whether the link is up, as the daemon last saw it. */
  readonly up: boolean;
  /** The link's MTU, as the daemon last saw it; 0 when not told. */
  readonly mtu: number;
  /** OpenBSD's interface groups besides `wg`, in the order they were joined. The daemon keeps them (DeviceChange.groups). */
  readonly groups: readonly string[];
  /** The metric of the interface's routes (OpenBSD's priority); 0 is the kernel's choice. The daemon keeps it (DeviceChange.priority). */
  readonly priority: number;
}

/** An address of the link, with the kernel's flags (IFA_F_*). */
export interface AddressFacts {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** Prefix length: 0 to 32 or to 128. */
  readonly prefix: number;
  /** IFA_F_* of the kernel. */
  readonly flags: number;
  /** The other end of a point-to-point address. */
  readonly peer: IpBytes | undefined;
  /** The broadcast address of an IPv4 address. */
  readonly broadcast: IpBytes | undefined;
}

/** The link as the kernel had it when the daemon was asked, which spares whoever shows it a look of its own. */
export interface LinkFacts {
  /** The kernel's number of the interface. */
  readonly index: number;
  /** IFF_* of the kernel. */
  readonly flags: number;
  /** Bytes of the longest packet. */
  readonly mtu: number;
  /** The interface's name. */
  readonly name: string;
  /** The description; empty when there is none. */
  readonly alias: string;
  /** In the kernel's order. */
  readonly addresses: readonly AddressFacts[];
}

/** The whole answer to `get=2`. */
export interface InterfaceStatus extends DeviceStatus, InterfaceFacts {
  /** Absent when not told: by another implementation's daemon, in a public file, or while the link is under way to another namespace. */
  readonly link?: LinkFacts;
}

/** The facts where nothing is told. */
export const NO_FACTS: InterfaceFacts = {
  name: "",
  pid: 0,
  netns: "",
  suite: "",
  cipher: "",
  offloads: "",
  offloadsOff: "",
  workers: 0,
  up: false,
  mtu: 0,
  groups: [],
  priority: 0,
};
