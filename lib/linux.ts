/**
 * The WireGuard interfaces of this Linux machine that have a daemon: list, show, change, create and
 * destroy them. Addresses, routes and the state of the link belong to the kernel and are not set
 * here. The module requires root, or the owner of the daemons, and `-A`. A new daemon runs the
 * `main.ts` of this package with the Deno that runs the program, so the package must be a folder of
 * this machine.
 *
 * @example Every interface with its port and the number of its peers
 * ```ts
 * import { getDevice, interfaceNames, OsError } from "./linux.ts";
 *
 * for (const name of interfaceNames()) {
 *   try {
 *     const { listenPort, peers } = await getDevice(name);
 *     console.log(`${name}: port ${listenPort}, ${peers.length} peers`);
 *   } catch (error) {
 *     // It was ended meanwhile, or this user may not ask.
 *     if (!(error instanceof OsError)) throw error;
 *     console.log(error.message);
 *   }
 * }
 * ```
 * @module
 */
export {
  destroyDaemon,
  getDevice,
  interfaceExists,
  interfaceNames,
  publicFacts,
  readLog,
  setDevice,
  setLinkUp,
  spawnDaemon,
} from "./daemon/client.ts";
export type { LogLine } from "./daemon/log_text.ts";
export { type QueueName, QUEUES, type Queues } from "./base/queues.ts";
export type { AddressFacts, InterfaceFacts, InterfaceStatus, LinkFacts } from "./base/status.ts";
export { formatGet, parseGet } from "./uapi/get.ts";
export { formatSet, parseSet, type ParseSetOptions } from "./uapi/set.ts";

export type {
  DeviceChange,
  DeviceStatus,
  DisabledChange,
  DisabledReason,
  DisabledStatus,
  NameStatus,
  PeerChange,
  PeerStatus,
} from "./base/config.ts";
export { EVIDENCE, type Evidence, type EvidenceKind, type EvidenceScope } from "./base/evidence.ts";
export type { Offloads } from "./base/offloads.ts";
export type { Brand, PresharedKey, PrivateKey, PublicKey } from "./base/brands.ts";
export type { AllowedIp, Endpoint, IpBytes } from "./base/endpoint.ts";
export type { NamedEndpoint } from "./base/host_name.ts";
export {
  formatEndpoint,
  formatIp,
  formatRange,
  parseEndpoint,
  parseIp,
  parseRange,
} from "./base/ip_text.ts";
export { ConfigError, OsError } from "./base/errors.ts";
export {
  formatKey,
  makePresharedKey,
  makePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from "./embed/keys.ts";
