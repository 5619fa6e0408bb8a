/**
 * OpenBSD's two calls for a WireGuard interface, SIOCSWG and SIOCGWG of wg(4), with its structures
 * and flags. They reach the daemons of this Linux machine (`DeviceControl`), or any other
 * `WgControl`.
 *
 * @example The port of an interface
 * ```ts
 * import { DeviceControl, OsError, SIOCGWG } from "./openbsd.ts";
 *
 * const control = new DeviceControl();
 * try {
 *   const { wgd_size } = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: 0 });
 *   const { wgd_interface } = await SIOCGWG(control, { wgd_name: "wg1", wgd_size });
 *   console.log(wgd_interface?.i_port);
 * } catch (error) {
 *   if (!(error instanceof OsError) || error.code !== "ENXIO") throw error;
 *   console.log("no wg1 on this machine");
 * }
 * ```
 * @module
 */
export { SIOCGWG, SIOCSWG, type WgControl } from "./openbsd/ioctl.ts";
export { DeviceControl } from "./daemon/wg_control.ts";
export * from "./openbsd/wg_data_io.ts";
export * from "./openbsd/wg_data_codec.ts";

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
export { type QueueName, QUEUES, type Queues } from "./base/queues.ts";
export type { AddressFacts, InterfaceFacts, InterfaceStatus, LinkFacts } from "./base/status.ts";
export { ConfigError, OsError } from "./base/errors.ts";
