/**
 * Nodes that all are peers of each other, and what an administrator does to them.
 * Node 0 is a server: it stays where it is, so whoever moves finds it again.
 * @module
 */
import type { PeerChange } from "../../lib/base/config.ts";
import type { PresharedKey, PublicKey } from "../../lib/base/brands.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { parseRange } from "../../lib/base/ip_text.ts";
import { keyOf, publicOf } from "../device/harness.ts";
import { UNALLOWED_PACKET_BYTES } from "./checks/ledger.ts";
import type { Deliveries } from "./checks/deliveries.ts";
import { endpoint, numberedPacket } from "./traffic.ts";
import { Node, type World } from "./world.ts";

/** Key pairs that nodes may have; a public key is slow to work out. */
const KEYS = 64;
const PACKET_BYTES_MIN = 24;
const PACKET_BYTES_MAX = 1_324;
const MTU = 1_420;

const publicKeys: PublicKey[] = [];
const publicKey = (number: number) => publicKeys[number] ??= publicOf(number);

/** The address of a node inside the tunnels. */
const inside = (i: number) => `10.0.0.${i + 1}`;

/** Nodes, their keys and the packets between them. */
export class Mesh {
  readonly nodes: readonly Node[];
  /** Which key pair each node has. */
  readonly #keys: number[];
  #nextKey: number;
  /** By `#pair`; pairs without one are absent. */
  readonly #preshared = new Map<number, PresharedKey>();

  /** @param forms for each node, whether it has two data planes */
  constructor(
    readonly world: World,
    forms: readonly boolean[],
    readonly deliveries: Deliveries,
  ) {
    this.nodes = forms.map((twoWays, i) => {
      const node: Node = new Node(
        world,
        endpoint(`192.0.2.${i + 1}:${1_000 + i}`),
        (packet) => deliveries.delivered(node, packet),
        twoWays,
      );
      return node;
    });
    this.#keys = forms.map((_, i) => i + 1);
    this.#nextKey = forms.length;
    for (const [i, { device }] of this.nodes.entries()) {
      const peers = this.others(i).map((j) => this.#peer(i, j));
      device.configure({ privateKey: keyOf(this.#keys[i]), debug: true, peers }, world.now);
      device.link(true, MTU, world.now);
    }
  }

  /** All but one. */
  others(i: number): number[] {
    return this.nodes.map((_, j) => j).filter((j) => j !== i);
  }

  /** A packet from one node to another. Returns its number. */
  packet(i: number, j: number): number {
    const room = PACKET_BYTES_MAX - PACKET_BYTES_MIN;
    const length = PACKET_BYTES_MIN + Math.floor(this.world.random() * room);
    return this.#send(i, j, inside(i), length, true);
  }

  /** A packet from one node to another whose source is not the sender's. */
  unallowed(i: number, j: number): void {
    const third = this.others(i).find((k) => k !== j);
    const source = third !== undefined && this.world.random() < 0.5 ? inside(third) : "10.9.9.9";
    this.#send(i, j, source, UNALLOWED_PACKET_BYTES, false);
  }

  /** A new private key; the others hear of it by `inform`. */
  rekey(i: number): void {
    do this.#nextKey = this.#nextKey % KEYS + 1; while (this.#keys.includes(this.#nextKey));
    this.#keys[i] = this.#nextKey;
    this.nodes[i].device.configure({ privateKey: keyOf(this.#nextKey) }, this.world.now);
  }

  /** Another preshared key for two nodes, or none; they hear of it by `inform`. */
  changePreshared(i: number, j: number): void {
    const key = this.world.random() < 0.3
      ? new Uint8Array(32)
      : keyOf(Math.floor(this.world.random() * 2 ** 32));
    this.#preshared.set(this.#pair(i, j), key as Uint8Array as PresharedKey);
  }

  /** Removes a peer of a node. */
  remove(i: number, j: number): void {
    this.#configure(i, [{ publicKey: publicKey(this.#keys[j]), remove: true }]);
  }

  /** Persistent keepalives from one node to another; 0 seconds for none. */
  keepAlive(i: number, j: number, seconds: number): void {
    this.#configure(i, [{
      publicKey: publicKey(this.#keys[j]),
      updateOnly: true,
      persistentKeepalive: seconds,
    }]);
  }

  /** Tells a node who its peers are now. Where they are it learns only of new ones. */
  inform(i: number): void {
    const known = this.nodes[i].device.status().peers.map((peer) => peer.publicKey.toHex());
    const peers = this.others(i).map((j) => this.#peer(i, j));
    const now = new Set(peers.map((peer) => peer.publicKey.toHex()));
    this.#configure(i, [
      ...known.filter((key) => !now.has(key))
        .map((key) => ({ publicKey: Uint8Array.fromHex(key) as PublicKey, remove: true })),
      ...peers.map(({ endpoint, ...peer }) =>
        known.includes(peer.publicKey.toHex()) ? peer : { ...peer, endpoint }
      ),
    ]);
  }

  /** Tells a node where another is. */
  locate(i: number, j: number): void {
    this.#configure(i, [{
      publicKey: publicKey(this.#keys[j]),
      endpoint: this.nodes[j].endpoint,
    }]);
  }

  /** The link of a node goes down, or up with an MTU. */
  link(i: number, up: boolean, mtu = MTU): void {
    this.nodes[i].device.link(up, mtu, this.world.now);
  }

  #peer(i: number, j: number): PeerChange & { readonly endpoint: Endpoint } {
    const presharedKey = this.#preshared.get(this.#pair(i, j));
    return {
      publicKey: publicKey(this.#keys[j]),
      endpoint: this.nodes[j].endpoint,
      replaceAllowedIps: true,
      allowedIps: [parseRange(`${inside(j)}/32`)!],
      ...(presharedKey === undefined ? {} : { presharedKey }),
    };
  }

  #pair(i: number, j: number): number {
    return Math.min(i, j) * this.nodes.length + Math.max(i, j);
  }

  #configure(i: number, peers: readonly PeerChange[]): void {
    this.nodes[i].device.configure({ peers }, this.world.now);
  }

  #send(i: number, j: number, source: string, length: number, allowed: boolean): number {
    const packet = numberedPacket(source, inside(j), length, this.deliveries.next);
    return this.deliveries.send(this.nodes[i], this.nodes[j], packet, allowed);
  }
}
