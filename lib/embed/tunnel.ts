/**
 * A WireGuard interface inside a program, with UDP through the sockets of the runtime and with IP
 * packets from and to the program. It requires no privileges. The engine is that of the daemon.
 * @module
 */
import { Arena } from "../base/arena.ts";
import type { PublicKey } from "../base/brands.ts";
import { type PeerChange, wipeStatus } from "../base/config.ts";
import { DEFAULT_MTU } from "../base/constants.ts";
import { sameBytes } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { formatEndpoint } from "../base/ip_text.ts";
import { DATAPLANE_ARENA_BYTES } from "../data/dataplane.ts";
import { now, wallClock } from "../runtime/clock.ts";
import { choosePacketCipher, chooseSuite } from "../runtime/crypto.ts";
import { fillRandom } from "../runtime/entropy.ts";
import { HostLookUps } from "./host_look_ups.ts";
import { Inbox } from "./inbox.ts";
import { formatKey, parsePrivateKey, parsePublicKey, publicKeyOf } from "./keys.ts";
import { type LocalEvent, LocalInterface } from "./local.ts";
import { MemoryTun } from "./memory_tun.ts";
import { PortableUdp } from "./portable_udp.ts";
import { listenOf, mtuOf, type TunnelOptions, type TunnelStatus } from "./tunnel_options.ts";
import {
  changeOf,
  peerOf,
  peerStatusOf,
  type TunnelPeer,
  type TunnelPeerChange,
} from "./tunnel_peer.ts";

/** The part of the arena for the cipher and the socket, in bytes. */
const ARENA_EXTRA_BYTES = 1 << 16;
/**
 * A running interface. It requires `--allow-net` and `--unstable-net` (or `"unstable": ["net"]`).
 * With `--allow-ffi` it uses libcrypto and libipsec-mb where they are installed.
 *
 * @example Two tunnels, and a packet from one to the other
 * ```ts
 * import { formatKey, makePrivateKey, publicKeyOf } from "./keys.ts";
 * import { Tunnel } from "./tunnel.ts";
 *
 * const keys = [makePrivateKey(), makePrivateKey()];
 * const arrived = Promise.withResolvers<Uint8Array>();
 * await using right = new Tunnel({
 *   privateKey: keys[1],
 *   listen: "127.0.0.1:0",
 *   peers: [{ publicKey: publicKeyOf(keys[0]), allowedIps: ["10.0.0.1/32"] }],
 *   onPacket: arrived.resolve,
 *   onHandshake: ({ publicKey }) => console.log(`a session with ${publicKey}`),
 * });
 * await using left = new Tunnel({
 *   privateKey: keys[0],
 *   listen: "127.0.0.1:0",
 *   onPacket: () => {},
 * });
 * left.addPeer({
 *   publicKey: formatKey(publicKeyOf(keys[1])),
 *   endpoint: `127.0.0.1:${right.port}`,
 *   allowedIps: ["10.0.0.2/32"],
 * });
 * // An IPv4 header without payload, from 10.0.0.1 to 10.0.0.2.
 * left.send(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2));
 * console.log((await arrived.promise).length); // 20
 * ```
 */
export class Tunnel {
  /** The UDP port on which the tunnel listens. */
  readonly port: number;
  readonly #mtu: number;
  readonly #suite: string;
  readonly #cipher: string;
  readonly #callbacks: Required<
    Pick<TunnelOptions, "onHandshake" | "onHandshakeFailed" | "onEndpoint" | "onLog">
  >;
  readonly #inbox: Inbox;
  readonly #tun: MemoryTun;
  readonly #udp: PortableUdp;
  readonly #local: LocalInterface;
  readonly #lookUps: HostLookUps;
  /** The public keys of the peers as text. */
  readonly #peers = new Set<string>();
  #publicKey: PublicKey;
  #drained: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Opens the UDP socket and starts the tunnel.
   * @throws ConfigError if an option is wrong. It names the option, the value unless that is a key,
   * and what is required
   * @throws OsError `EADDRINUSE` if the port is in use, `EADDRNOTAVAIL` if the address is not one
   * of this machine
   * @throws Deno.errors.NotCapable without `--allow-net`
   */
  constructor(options: TunnelOptions) {
    const { address, port } = listenOf(options.listen ?? 0);
    const privateKey = parsePrivateKey(options.privateKey);
    const peers = (options.peers ?? []).map((peer, i) => peerOf(peer, `peers[${i}]`));
    if (typeof options.onPacket !== "function") {
      throw new ConfigError("onPacket", "a function is required");
    }
    const {
      onHandshake = ignore,
      onHandshakeFailed = ignore,
      onEndpoint = ignore,
      onLog = ignore,
    } = options;
    this.#callbacks = { onHandshake, onHandshakeFailed, onEndpoint, onLog };
    this.#mtu = mtuOf(options.mtu ?? DEFAULT_MTU);
    this.#publicKey = publicKeyOf(privateKey);

    const ffi = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
    const suite = chooseSuite(ffi ? undefined : "noble");
    const arena = new Arena(DATAPLANE_ARENA_BYTES + ARENA_EXTRA_BYTES);
    const cipher = choosePacketCipher(arena, ffi ? undefined : "noble");
    this.#suite = suite.name;
    this.#cipher = cipher.name;
    const udp = this.#udp = new PortableUdp(arena, port, address);
    this.port = udp.port;
    this.#inbox = new Inbox(options.onPacket);
    this.#tun = new MemoryTun(arena, (packet) => this.#inbox.put(packet));
    const lookUps = this.#lookUps = new HostLookUps(
      (host, answer) => this.#local.lookedUp(host, answer),
      (address) => udp.reaches({ address, port: 0, scope: 0 }),
    );
    this.#local = new LocalInterface({
      arena,
      suite,
      cipher,
      tun: this.#tun,
      udp,
      send: ({ bytes, endpoint }) => udp.sendDatagram(bytes, endpoint),
      lookUp: (host) => lookUps.lookUp(host),
      listenPort: udp.port,
      mtu: this.#mtu,
      now,
      wallClock,
      random: fillRandom,
      event: (event) => this.#tell(event),
      afterTurn: () => this.#afterTurn(),
    });
    this.#tun.wake = udp.wake = () => this.#local.wake();
    try {
      this.#checkPeers(peers, (i) => `peers[${i}].`);
      this.#local.configure({ privateKey, debug: options.onLog !== undefined, peers });
    } catch (error) {
      this.close();
      throw error;
    } finally {
      privateKey.fill(0);
    }
    for (const { publicKey } of peers) this.#peers.add(formatKey(publicKey));
  }

  /**
   * Sends an IP packet, which is copied. It goes to the peer with the allowed IPs of its
   * destination. Without a session 128 packets for each peer wait for the handshake; a newer packet
   * replaces the oldest. A packet for no peer is answered with an ICMP message. Other data than IP
   * packets is dropped.
   * @param packet an IPv4 or IPv6 packet of at most 65535 bytes
   * @returns false if the packet was dropped because 1024 packets wait already (see `drained`), it
   * is too long, or the tunnel is closed
   */
  send(packet: Uint8Array): boolean {
    return this.#tun.inject(packet);
  }

  /**
   * Waits until no packet of `send` is waiting, or the tunnel is closed. A program with much to
   * send calls it when `send` returns false.
   */
  drained(): Promise<void> {
    if (this.#tun.waiting === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /**
   * Adds a peer.
   * @throws ConfigError if a field is wrong, the peer exists, or the tunnel is closed; nothing has
   * changed then
   */
  addPeer(peer: TunnelPeer): void {
    this.#mustBeOpen();
    const change = peerOf(peer, "");
    this.#checkPeers([change], () => "");
    this.#local.configure({ peers: [change] });
    this.#peers.add(formatKey(change.publicKey));
  }

  /**
   * Changes a peer. Its session continues. A new preshared key is used from the next handshake on.
   * @param publicKey 44 characters of base64 or 32 bytes
   * @throws ConfigError if a field is wrong, the peer does not exist, or the tunnel is closed;
   * nothing has changed then
   */
  changePeer(publicKey: string | Uint8Array, change: TunnelPeerChange): void {
    const peer = changeOf(this.#knownPeer(publicKey), change);
    this.#checkReach(peer, "");
    this.#local.configure({ peers: [peer] });
  }

  /**
   * Removes a peer, wipes its keys and drops its waiting packets.
   * @param publicKey 44 characters of base64 or 32 bytes
   * @throws ConfigError if the peer does not exist or the tunnel is closed
   */
  removePeer(publicKey: string | Uint8Array): void {
    const key = this.#knownPeer(publicKey);
    this.#local.configure({ peers: [{ publicKey: key, remove: true }] });
    this.#peers.delete(formatKey(key));
  }

  /**
   * Sets the private key of the tunnel. All sessions end, and new handshakes use the new key.
   * @param privateKey 44 characters of base64 or 32 bytes
   * @throws ConfigError if the key is wrong or belongs to one of the peers, or the tunnel is closed
   */
  setPrivateKey(privateKey: string | Uint8Array): void {
    this.#mustBeOpen();
    const key = parsePrivateKey(privateKey);
    const publicKey = publicKeyOf(key);
    if (this.#peers.has(formatKey(publicKey))) {
      throw new ConfigError(
        "privateKey",
        "the key belongs to one of the peers; a key of this tunnel's own is required",
      );
    }
    this.#local.configure({ privateKey: key });
    key.fill(0);
    this.#publicKey = publicKey;
  }

  /** The current status of the tunnel in text and numbers. A closed tunnel has no peers. */
  status(): TunnelStatus {
    const status = this.#local.status();
    const peers = status.peers.map(peerStatusOf);
    wipeStatus(status);
    return {
      publicKey: formatKey(this.#publicKey),
      listen: formatEndpoint(this.#udp.local),
      mtu: this.#mtu,
      suite: this.#suite,
      cipher: this.#cipher,
      packetsDropped: this.#inbox.dropped,
      counts: this.#local.counts(),
      peers,
    };
  }

  /**
   * Closes the tunnel: keys are wiped, waiting packets are dropped, the socket is closed, and no
   * callback is called again.
   * @returns a promise that resolves when neither socket nor timer is left
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#local.close();
      this.#lookUps.close();
      this.#inbox.close();
      this.#tun.close();
      this.#drained?.resolve();
      this.#closing = this.#udp.close();
    }
    return this.#closing;
  }

  /** Closes the tunnel, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The key of an existing peer.
   * @throws ConfigError if there is no such peer, or the tunnel is closed
   */
  #knownPeer(publicKey: string | Uint8Array): PublicKey {
    this.#mustBeOpen();
    const key = parsePublicKey(publicKey);
    if (this.#peers.has(formatKey(key))) return key;
    // The key is not shown: of an unknown one nobody can tell that it is not a private key.
    throw new ConfigError(
      "publicKey",
      "no peer has this key; the public key of one of the tunnel's peers is required",
    );
  }

  /**
   * Checks new peers.
   * @throws ConfigError if a peer is the tunnel itself, exists already, or cannot be reached by the
   * socket
   */
  #checkPeers(peers: readonly PeerChange[], prefix: (index: number) => string): void {
    const seen = new Set(this.#peers);
    for (const [i, peer] of peers.entries()) {
      const { publicKey } = peer;
      const text = formatKey(publicKey);
      const word = `${prefix(i)}publicKey`;
      if (sameBytes(publicKey, this.#publicKey)) {
        throw new ConfigError(
          word,
          `${text} is this tunnel's own key; the key of another host is required`,
          text,
        );
      }
      if (seen.has(text)) {
        const problem = `${text} is already a peer; each peer may be given once`;
        throw new ConfigError(word, problem, text);
      }
      seen.add(text);
      this.#checkReach(peer, prefix(i));
    }
  }

  /**
   * Checks that the socket can reach an endpoint.
   * @throws ConfigError if it has no address of the endpoint's family
   */
  #checkReach({ endpoint }: PeerChange, prefix: string): void {
    if (endpoint === undefined || this.#udp.reaches(endpoint)) return;
    const family = endpoint.address.length === 4 ? "IPv6" : "IPv4";
    throw new ConfigError(
      `${prefix}endpoint`,
      `${formatEndpoint(endpoint)} cannot be reached from ${formatEndpoint(this.#udp.local)}; ` +
        `an ${family} address is required`,
    );
  }

  /**
   * Checks that the tunnel is open.
   * @throws ConfigError if it is closed
   */
  #mustBeOpen(): void {
    if (this.#closing !== undefined) {
      throw new ConfigError("tunnel", "the tunnel is closed; an open one is required");
    }
  }

  #afterTurn(): void {
    this.#inbox.handOver();
    if (this.#drained === undefined || this.#tun.waiting > 0) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  #tell(event: LocalEvent): void {
    switch (event.kind) {
      case "log":
        return this.#call(this.#callbacks.onLog, event.line);
      case "handshake": {
        const publicKey = formatKey(event.peer.publicKey);
        return this.#call(this.#callbacks.onHandshake, { publicKey, initiator: event.initiator });
      }
      case "unanswered": {
        const publicKey = formatKey(event.peer.publicKey);
        return this.#call(this.#callbacks.onHandshakeFailed, { publicKey });
      }
      case "endpoint-changed": {
        const publicKey = formatKey(event.publicKey);
        const before = event.before === undefined ? undefined : formatEndpoint(event.before);
        return this.#call(this.#callbacks.onEndpoint, {
          publicKey,
          endpoint: formatEndpoint(event.endpoint),
          before,
        });
      }
    }
  }

  #call<T>(callback: (value: T) => void, value: T): void {
    try {
      callback(value);
    } catch (error) {
      reportError(error);
    }
  }
}

/** Stands for a callback that was not given. */
const ignore = (): void => {};
