/**
 * The engine of `Tunnel` and of the daemon, for programs with their own ports: the control plane
 * `Device`, the data plane `Dataplane`, the messages between them, the ports through which they
 * move packets, and the times of the protocol. Both planes are pure: time, random bytes and
 * cryptography are arguments, and nothing blocks.
 *
 * @example A control plane and a data plane, and what passes between them
 * ```ts
 * import * as engine from "./engine.ts";
 *
 * const arena = new engine.Arena(engine.DATAPLANE_ARENA_BYTES + 65_536);
 * const table = new engine.PeerTable();
 * const handshakes = new engine.HandshakeMemory();
 * const tun = new engine.MemoryTun(arena, (packet) => console.log(packet.length));
 * const udp = new engine.PortableUdp(arena, 0, "127.0.0.1");
 * const events: engine.DataEvent[] = [];
 * const device = new engine.Device({
 *   suite: engine.nobleSuite,
 *   random: (into) => crypto.getRandomValues(into),
 *   wallClock: () => BigInt(Date.now()) * 1_000_000n,
 *   table,
 *   handshakes,
 * });
 * const dataplane = new engine.Dataplane({
 *   arena,
 *   cipher: engine.choosePacketCipher(arena, "noble"),
 *   suite: engine.nobleSuite,
 *   table,
 *   handshakes,
 *   tun,
 *   udp,
 *   emit: (event) => events.push(event),
 * });
 *
 * // One step: the events of the data plane, due timers, the outputs of the control plane.
 * const step = () => {
 *   const now = engine.milliseconds(performance.now() + 1);
 *   dataplane.turn(now);
 *   for (const event of events.splice(0)) device.handle(event, now);
 *   handshakes.heard();
 *   for (let message = handshakes.take(); message !== undefined; message = handshakes.take()) {
 *     device.receive(message, now);
 *   }
 *   device.tick(now);
 *   const { commands, datagrams } = device.takeOutputs();
 *   for (const command of commands) dataplane.apply(command, now);
 *   for (const datagram of datagrams) {
 *     udp.sendDatagram(datagram.bytes, datagram.endpoint);
 *     device.sent(datagram, now);
 *   }
 * };
 * device.link(true, 1420, engine.milliseconds(1));
 * step();
 * tun.close();
 * await udp.close();
 * ```
 * @module
 */
export { type DataPlanes, dataPlanesOf } from "./base/data_planes.ts";
export {
  Device,
  type DeviceEvent,
  type DeviceOptions,
  type DeviceOutputs,
  type FoundAddress,
  type HandshakeSecrets,
  type NameAnswer,
  type OutgoingDatagram,
  type Verdict,
} from "./device/device.ts";
export {
  type Disconnection,
  DISCONNECTIONS,
  type EventPeer,
  type Refusal,
  REFUSALS,
} from "./base/events.ts";
export { Dataplane, DATAPLANE_ARENA_BYTES, type DataplaneOptions } from "./data/dataplane.ts";
export { type AllCounts, Counters } from "./base/counter_block.ts";
export {
  COUNTER,
  type CounterIndex,
  type CounterName,
  COUNTERS,
  type CounterScope,
  type Counts,
  type PeerCounterIndex,
  type PeerCounterName,
} from "./base/counters.ts";
export {
  GATHER_MAX,
  PORT_DRAINED,
  PORT_GONE,
  SEND_FAILED,
  SEND_OK,
  SEND_SOURCE_LOST,
  type SendQueue,
  type SendResult,
  type TunPort,
  type UdpPort,
  VNET_HEADER_BYTES,
} from "./data/ports.ts";
export { MEMORY_TUN_QUEUE_MAX, MemoryTun } from "./embed/memory_tun.ts";
export { PORTABLE_QUEUE_MAX, PortableUdp } from "./embed/portable_udp.ts";

export { Arena } from "./base/arena.ts";
export {
  EVIDENCE,
  type Evidence,
  type EvidenceKind,
  type EvidenceScope,
  type PathError,
  type PathProblem,
} from "./base/evidence.ts";
export { PeerCounters } from "./base/peer_counters.ts";
export { PeerTable } from "./base/peer_table.ts";
export { HandshakeMemory } from "./base/handshake_memory.ts";
export { type HandshakeMessage, HandshakeRing } from "./base/handshake_ring.ts";
export { AwaitedIndices } from "./base/awaited_indices.ts";
export { SessionKeySlots } from "./base/session_keys.ts";
export { CookieKeys, type CookieKeysCopy } from "./base/cookie_keys.ts";
export { STANDARD_TIMES, type Times } from "./base/times.ts";
export type { DataCommand, DataEvent, Notice } from "./base/messages.ts";
export type { CaptureFilter, CaptureLayers } from "./base/capture_filter.ts";
export {
  captureMemoryBytes,
  CaptureRing,
  captureRingOf,
  CONTROL_RING,
} from "./base/capture_ring.ts";
export type { OwnAddresses } from "./base/own_addresses.ts";
export type { Offloads } from "./base/offloads.ts";
export {
  type Brand,
  type Milliseconds,
  milliseconds,
  type PeerSlot,
  peerSlot,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
  type SessionIndex,
  sessionIndex,
} from "./base/brands.ts";
export {
  type DeviceChange,
  type DeviceStatus,
  type DisabledChange,
  type DisabledReason,
  type DisabledStatus,
  type NameStatus,
  type PeerChange,
  type PeerStatus,
  wipeStatus,
} from "./base/config.ts";
export {
  type AllowedIp,
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type IpBytes,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
  writeEndpointCell,
} from "./base/endpoint.ts";
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

export type { Direction, Share } from "./base/data_planes.ts";
export type { PacketCipher, Suite } from "./crypto/suite.ts";
export { nobleSuite } from "./crypto/noble_suite.ts";
export {
  choosePacketCipher,
  chooseSuite,
  type CipherChoice,
  type SuiteChoice,
} from "./runtime/crypto.ts";
export { type Checksum, chooseChecksum } from "./wire/checksum.ts";
