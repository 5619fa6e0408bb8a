/**
 * WireGuard inside a program. A `Tunnel` takes and gives IP packets. It requires no privileges and
 * runs on any system that Deno supports. Importing this module has no effect.
 *
 * A program in any folder can import this file by its path, without an import map or configuration.
 * A `Tunnel` requires `--allow-net` and `--unstable-net`. With `--allow-ffi` it uses libcrypto.
 *
 * Three more modules are for programs: `lib/engine.ts` has the two planes of a tunnel,
 * `lib/linux.ts` the interfaces of this machine, and `lib/openbsd.ts` OpenBSD's calls for them.
 *
 * @example One packet from a tunnel to another, on the loopback
 * ```ts
 * import { makePrivateKey, publicKeyOf, Tunnel } from "./mod.ts";
 *
 * const arrived = Promise.withResolvers<Uint8Array>();
 * const keys = { left: makePrivateKey(), right: makePrivateKey() };
 * await using right = new Tunnel({
 *   privateKey: keys.right,
 *   listen: "127.0.0.1:0",
 *   peers: [{ publicKey: publicKeyOf(keys.left), allowedIps: ["10.0.0.1/32"] }],
 *   onPacket: arrived.resolve,
 * });
 * await using left = new Tunnel({
 *   privateKey: keys.left,
 *   listen: "127.0.0.1:0",
 *   peers: [{
 *     publicKey: publicKeyOf(keys.right),
 *     endpoint: `127.0.0.1:${right.port}`,
 *     allowedIps: ["10.0.0.2/32"],
 *   }],
 *   onPacket: () => {},
 * });
 * // An IPv4 header without payload, from 10.0.0.1 to 10.0.0.2.
 * left.send(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2));
 * const packet = await arrived.promise;
 * if (packet.length !== 20) throw new Error("something else came out");
 * ```
 * @module
 */
export { Tunnel } from "./lib/embed/tunnel.ts";
export type {
  EndpointEvent,
  HandshakeEvent,
  HandshakeFailedEvent,
  TunnelOptions,
  TunnelStatus,
} from "./lib/embed/tunnel_options.ts";
export type { TunnelPeer, TunnelPeerChange, TunnelPeerStatus } from "./lib/embed/tunnel_peer.ts";
export {
  formatKey,
  makePresharedKey,
  makePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from "./lib/embed/keys.ts";
export type { Brand, PresharedKey, PrivateKey, PublicKey } from "./lib/base/brands.ts";
export type { AllCounts } from "./lib/base/counter_block.ts";
export { type CounterName, COUNTERS, type CounterScope } from "./lib/base/counters.ts";
export { ConfigError, OsError } from "./lib/base/errors.ts";
