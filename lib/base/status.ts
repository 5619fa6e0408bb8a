/**
 * The status of an interface as the control socket reports it: the device, the daemon and the link.
 * @module
 */
import type { DeviceStatus } from "./config.ts";
import type { Counts } from "./counters.ts";
import type { IpBytes } from "./endpoint.ts";
import type { Queues } from "./queues.ts";

/**
 * What the daemon reports besides the device. It is NO_FACTS for other implementations' daemons.
 */
export interface InterfaceFacts {
  /** The interface's present name; it may have been renamed. Empty when not reported. */
  readonly name: string;
  /** The process id of the daemon; 0 when not reported. */
  readonly pid: number;
  /** The network namespace of the interface in the form of /proc, `net:[INODE]`; may be empty. */
  readonly netns: string;
  /** The control plane's crypto, e.g. `libcrypto 3.0.19`. */
  readonly suite: string;
  /** The data plane's crypto, e.g. `ipsec-mb 1.3.0` or `libcrypto composed`. */
  readonly cipher: string;
  /** The offloads that are on, with spaces between them, e.g. `tso uso gso gro`. */
  readonly offloads: string;
  /** The offloads that a user switched off, in the same form. The kernel may not have them. */
  readonly offloadsOff: string;
  /** The counters since the interface was made; absent when not reported. */
  readonly counters?: Counts;
  /** What waits in the queues; absent when not reported. */
  readonly queues?: Queues;
  /**
   * A random word of this process. Counters of another instance began at 0. Empty when not
   * reported.
   */
  readonly instance: string;
  /** Threads that move packets (lib/base/data_planes.ts); 0 when not reported. */
  readonly workers: number;
  /**
   * The capabilities of the process and the layers that confine it, e.g. `net_admin no_new_privs`;
   * empty when not reported.
   */
  readonly privileges: string;
  /** The layers that are missing, with reasons, e.g. `landlock (ENOSYS)`. */
  readonly privilegesMissing: string;
  /** The process that looks up the names of endpoints; 0 when there is none, or not reported. */
  readonly lookUpsPid: number;
  /** The version of the daemon; empty for others' daemons and those before 0.3.0. */
  readonly version: string;
  /** Whether the link is up. */
  readonly up: boolean;
  /** The link's MTU in bytes; 0 when not reported. */
  readonly mtu: number;
  /** Whether the MTU follows the paths to the peers. */
  readonly mtuAuto: boolean;
  /** The interface groups besides `wg`, in the order in which they were joined. */
  readonly groups: readonly string[];
  /** The metric of the interface's routes (OpenBSD's priority); 0 lets the kernel choose. */
  readonly priority: number;
  /**
   * What the daemon can do besides, so that a command can use a daemon of another version:
   * `endpoint_name` when it looks up the names of endpoints, `disabled_peers` when peers can be
   * disabled and expire, `monitor` when its events can be followed, `evidence` when it keeps the
   * last event of each kind.
   */
  readonly features: readonly string[];
}

/** An address of the link, with the kernel's flags (IFA_F_*). */
export interface AddressFacts {
  /** 4 or 16 bytes, network order. */
  readonly address: IpBytes;
  /** Prefix length: 0 to 32 or to 128. */
  readonly prefix: number;
  /** IFA_F_* of the kernel. */
  readonly flags: number;
  /** The remote address of a point-to-point link; undefined for others. */
  readonly peer: IpBytes | undefined;
  /** The broadcast address of an IPv4 network; undefined when there is none. */
  readonly broadcast: IpBytes | undefined;
}

/** The kernel's state of the link at the time of the answer. */
export interface LinkFacts {
  /** The kernel's number of the interface. */
  readonly index: number;
  /** IFF_* of the kernel. */
  readonly flags: number;
  /** The MTU in bytes. */
  readonly mtu: number;
  /** The interface's name. */
  readonly name: string;
  /** The interface's description (the kernel's alias); empty when there is none. */
  readonly alias: string;
  /** The addresses, in the kernel's order. */
  readonly addresses: readonly AddressFacts[];
}

/** The whole answer to `get=2`. */
export interface InterfaceStatus extends DeviceStatus, InterfaceFacts {
  /**
   * The link. Absent from the answer of another implementation's daemon, from public files, and
   * while the link moves to another namespace.
   */
  readonly link?: LinkFacts;
}

/** The facts of an interface whose daemon reports none. */
export const NO_FACTS: InterfaceFacts = {
  name: "",
  pid: 0,
  netns: "",
  suite: "",
  cipher: "",
  offloads: "",
  offloadsOff: "",
  instance: "",
  workers: 0,
  privileges: "",
  privilegesMissing: "",
  lookUpsPid: 0,
  version: "",
  up: false,
  mtu: 0,
  mtuAuto: false,
  groups: [],
  priority: 0,
  features: [],
};

/** The features of this version's daemon. */
export const FEATURES: readonly string[] = [
  "endpoint_name",
  "disabled_peers",
  "monitor",
  "evidence",
  "look_up_process",
];

/** Whether the daemon keeps evidence (lib/base/evidence.ts). */
export function keepsEvidence(status: InterfaceStatus): boolean {
  return status.features.includes("evidence");
}

/** Whether the daemon looks up the names of endpoints (`PeerChange.endpointName`). */
export function looksUpNames(status: InterfaceStatus): boolean {
  return status.features.includes("endpoint_name");
}

/** Whether a command may lend the daemon a process that looks up names. */
export function takesLookUpProcess({ features }: Pick<InterfaceStatus, "features">): boolean {
  return features.includes("look_up_process");
}

/** Whether the daemon keeps descriptions of peers: it is one of this program. */
export function describesPeers({ pid }: Pick<InterfaceStatus, "pid">): boolean {
  return pid !== 0;
}

/** Whether the daemon can disable peers (`PeerChange.disabled` and `expiresUnixMs`). */
export function disablesPeers(status: InterfaceStatus): boolean {
  return status.features.includes("disabled_peers");
}
