/**
 * WireGuard as a library: interfaces inside a program (no privileges, any system that Deno runs on), the configuration's values and texts,
 * OpenBSD's two calls, and, on Linux, the daemons of this machine. Importing it does nothing.
 *
 * A program in any folder can import this file by its path; it needs no import map and no configuration.
 * A `PortableInterface` needs `--allow-net` and `--unstable-net`. It uses libcrypto where `--allow-ffi` is given too.
 *
 * @example One packet through a tunnel of two interfaces on the loopback
 * ```ts
 * import { PortableInterface, type PrivateKey } from "./mod.ts";
 *
 * const arrived = Promise.withResolvers<Uint8Array>();
 * const randomKey = () => crypto.getRandomValues(new Uint8Array(32)) as PrivateKey;
 * using left = new PortableInterface({ hostname: "127.0.0.1", deliver: () => {} });
 * using right = new PortableInterface({ hostname: "127.0.0.1", deliver: arrived.resolve });
 * for (const one of [left, right]) one.configure({ privateKey: randomKey() });
 * for (const [one, other, last] of [[left, right, 2], [right, left, 1]] as const) {
 *   const { publicKey } = other.status();
 *   if (publicKey === undefined) throw new Error("no key");
 *   const endpoint = { address: Uint8Array.of(127, 0, 0, 1), port: other.port, scope: 0 };
 *   one.configure({ peers: [{ publicKey, endpoint, allowedIps: [{ address: Uint8Array.of(10, 0, 0, last), prefix: 32 }] }] });
 * }
 * // An IPv4 header without payload, from 10.0.0.1 to 10.0.0.2.
 * left.inject(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2));
 * const packet = await arrived.promise;
 * if (packet.length !== 20) throw new Error("something else came out");
 * ```
 * @module
 */
export { PortableInterface, type PortableOptions } from "./lib/embed/portable.ts";
export { LocalInterface, type LocalOptions } from "./lib/embed/local.ts";
export { MemoryTun } from "./lib/embed/memory_tun.ts";
export { PortableUdp } from "./lib/embed/portable_udp.ts";

export { Device, type DeviceOptions, type DeviceOutputs, type OutgoingDatagram } from "./lib/device/device.ts";
export { Dataplane, DATAPLANE_ARENA_BYTES, type DataplaneOptions } from "./lib/data/dataplane.ts";
export type { TunPort, UdpPort } from "./lib/data/ports.ts";
export { Arena } from "./lib/base/arena.ts";
export { PeerTable } from "./lib/base/peer_table.ts";
export { type AllCounts, Counters } from "./lib/base/counter_block.ts";
export { type CounterName, COUNTERS, type Counts, type PeerCounterName } from "./lib/base/counters.ts";
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
export { choosePacketCipher, chooseSuite, type CipherChoice, type SuiteChoice } from "./lib/runtime/crypto.ts";

export type { DeviceChange, DeviceStatus, PeerChange, PeerStatus } from "./lib/base/config.ts";
export type { Offloads } from "./lib/base/offloads.ts";
export type { AllowedIp, Endpoint, IpBytes, LocalAddress } from "./lib/base/endpoint.ts";
export { ConfigError, OsError } from "./lib/base/errors.ts";
export { formatEndpoint, formatIp, formatRange, parseEndpoint, parseIp, parseRange } from "./lib/base/ip_text.ts";

export { formatSet, parseSet } from "./lib/uapi/set.ts";
export { formatGet, parseGet } from "./lib/uapi/get.ts";
export type { InterfaceFacts, InterfaceStatus } from "./lib/base/status.ts";

export { SIOCGWG, SIOCSWG, type WgControl } from "./lib/openbsd/ioctl.ts";
export * as wg_data from "./lib/openbsd/wg_data_io.ts";
export * as wg_data_codec from "./lib/openbsd/wg_data_codec.ts";

export { DeviceControl } from "./lib/daemon/wg_control.ts";
export { destroyDaemon, getDevice, interfaceNames, setDevice } from "./lib/daemon/client.ts";
