/**
 * WireGuard as a library: interfaces inside a program (no privileges, any system that Deno runs on), the configuration's values and texts,
 * OpenBSD's two calls, and, on Linux, the daemons of this machine. Importing it does nothing.
 *
 * @example Two interfaces, one packet
 * ```ts ignore
 * import { PortableInterface } from "./mod.ts";
 * ```
 * @module
 */
export { PortableInterface, type PortableOptions } from "./lib/drive/portable.ts";
export { LocalInterface, type LocalOptions } from "./lib/drive/local.ts";
export { MemoryTun } from "./lib/net/memory_tun.ts";
export { PortableUdp } from "./lib/net/portable_udp.ts";

export { Device, type DeviceOptions, type DeviceOutputs, type OutgoingDatagram } from "./lib/device/device.ts";
export { Dataplane, DATAPLANE_ARENA_BYTES, type DataplaneOptions } from "./lib/data/dataplane.ts";
export type { TunPort, UdpPort } from "./lib/data/ports.ts";
export { Arena } from "./lib/base/arena.ts";
export { PeerTable } from "./lib/base/peer_table.ts";
export { STANDARD_TIMES, type Times } from "./lib/base/times.ts";
export type { DataCommand, DataEvent } from "./lib/base/messages.ts";
export {
  type Milliseconds,
  milliseconds,
  type PeerSlot,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
} from "./lib/base/brands.ts";

export type { PacketCipher, Suite } from "./lib/crypto/suite.ts";
export { nobleSuite } from "./lib/crypto/noble_suite.ts";
export { choosePacketCipher, chooseSuite, type CipherChoice, type SuiteChoice } from "./lib/net/crypto.ts";

export type { DeviceChange, DeviceStatus, PeerChange, PeerStatus } from "./lib/base/config.ts";
export type { AllowedIp, Endpoint, IpBytes, LocalAddress } from "./lib/base/endpoint.ts";
export { ConfigError, OsError } from "./lib/base/errors.ts";
export { formatEndpoint, formatIp, formatRange, parseEndpoint, parseIp, parseRange } from "./lib/base/ip_text.ts";

export { formatSet, parseSet } from "./lib/uapi/set.ts";
export { formatGet, parseGet } from "./lib/uapi/get.ts";
export type { InterfaceFacts, InterfaceStatus } from "./lib/uapi/status.ts";

export { SIOCGWG, SIOCSWG, type WgControl } from "./lib/ifconfig/ioctl.ts";
export * as wg_data from "./lib/ifconfig/wg_data_io.ts";
export * as wg_data_codec from "./lib/ifconfig/wg_data_codec.ts";

export { destroyDaemon, getDevice, interfaceNames, setDevice } from "./lib/daemon/client.ts";
