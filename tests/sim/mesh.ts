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
import { endpoint, NUMBERED_BYTES_MIN, numberedPacket } from "./traffic.ts";
import { Node, type World } from "./world.ts";

/** Key pairs that nodes may have; a public key is slow to work out. */
const KEYS = 64;
const PACKET_BYTES_MAX = 1_324;
const MTU = 1_420;

const publicKeys: PublicKey[] = [];
const publicKey = (number: number) => publicKeys[number] ??= publicOf(number);

/** The addresses of a node inside the tunnels. */
const inside = (i: number, v6: boolean) => v6 ? `fd00::${i + 1}` : `10.0.0.${i + 1}`;
/** Addresses that belong to one peer of a node, then to another. */
const moving = (v6: boolean) => v6 ? "fd00:8::1" : "10.8.0.1";
/** Addresses of nobody. */
const nobody = (v6: boolean) => v6 ? "fd00:9::9" : "10.9.9.9";
const hosts = (address: (v6: boolean) => string) => [
  parseRange(`${address(false)}/32`)!,
  parseRange(`${address(true)}/128`)!,
];

/** Nodes, their keys and the packets between them. */
export class Mesh {
  readonly nodes: readonly Node[];
  /** Which key pair each node has. */
  readonly #keys: number[];
  #nextKey: number;
  /** By `#pair`; pairs without one are absent. */
  readonly #preshared = new Map<number, PresharedKey>();

  /** @param forms for each node, how many Workers it has */
  constructor(
    readonly world: World,
    forms: readonly number[],
    readonly deliveries: Deliveries,
  ) {
    this.nodes = forms.map((workers, i) => {
      const node: Node = new Node(
        world,
        endpoint(`192.0.2.${i + 1}:${1_000 + i}`),
        (packet) => deliveries.delivered(node, packet),
        workers,
      );
      return node;
    });
    this.#keys = forms.map((_, i) => i + 1);
    this.#nextKey = forms.length;
    for (const i of this.nodes.keys()) this.#configureAll(i);
  }

  /** Does something at a node when it does not sleep: nobody configures a machine that sleeps. */
  #when(i: number, act: (node: Node) => void): void {
    const node = this.nodes[i];
    const { world } = this;
    if (node.asleepUntil <= world.now) return act(node);
    world.after(node.asleepUntil - world.now, () => this.#when(i, act));
  }

  #configureAll(i: number): void {
    const { device } = this.nodes[i];
    const peers = this.others(i).map((j) => this.#peer(i, j));
    const privateKey = keyOf(this.#keys[i]);
    device.configure({ privateKey, debug: true, peers }, this.world.now);
    device.link(true, MTU, this.world.now);
  }

  /** All but one. */
  others(i: number): number[] {
    return this.nodes.map((_, j) => j).filter((j) => j !== i);
  }

  /** A packet from one node to another, of either family. Returns its number. */
  packet(i: number, j: number): number {
    const v6 = this.world.random() < 0.4;
    const room = PACKET_BYTES_MAX - NUMBERED_BYTES_MIN;
    const length = NUMBERED_BYTES_MIN + Math.floor(this.world.random() * room);
    const packet = numberedPacket(inside(i, v6), inside(j, v6), length, this.deliveries.next);
    return this.deliveries.send(this.nodes[i], this.nodes[j], packet, true);
  }

  /** A packet from one node to another whose source is not the sender's. */
  unallowed(i: number, j: number): void {
    const v6 = this.world.random() < 0.4;
    const third = this.others(i).find((k) => k !== j);
    const source = third !== undefined && this.world.random() < 0.5
      ? inside(third, v6)
      : nobody(v6);
    this.#sendSmall(i, j, source, inside(j, v6), false);
  }

  /** Gives the moving addresses to a peer of a node, whichever had them before. */
  moveRange(i: number, j: number): void {
    this.#configure(i, [{
      publicKey: publicKey(this.#keys[j]),
      updateOnly: true,
      allowedIps: hosts(moving),
    }]);
  }

  /**
   * A packet to the moving addresses, or from a node as if it had them. Who owns them at that time
   * decides what becomes of it.
   */
  packetOfRange(i: number): void {
    const v6 = this.world.random() < 0.4;
    if (this.world.random() < 0.5) {
      return this.#sendSmall(i, undefined, inside(i, v6), moving(v6), true);
    }
    const others = this.others(i);
    const j = others[Math.floor(this.world.random() * others.length)];
    this.#sendSmall(j, i, moving(v6), inside(i, v6), undefined);
  }

  /** A node ends and starts again, with the same key and peers. */
  restart(i: number): void {
    this.#when(i, (node) => {
      node.restart();
      this.#configureAll(i);
    });
  }

  /** A new private key; the others hear of it by `inform`. */
  rekey(i: number): void {
    do this.#nextKey = this.#nextKey % KEYS + 1; while (this.#keys.includes(this.#nextKey));
    this.#keys[i] = this.#nextKey;
    const privateKey = keyOf(this.#nextKey);
    this.#when(i, ({ device }) => device.configure({ privateKey }, this.world.now));
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

  /** Disables a peer of a node. */
  disable(i: number, j: number): void {
    this.#change(i, j, { disabled: { reason: "hand" } });
  }

  /** Lets a peer of a node expire after so many ms by the node's wall clock. */
  expireIn(i: number, j: number, ms: number): void {
    const wallMs = Number(this.nodes[i].wallOffsetNs / 1_000_000n) + this.world.now;
    this.#change(i, j, { expiresUnixMs: Math.max(0, Math.floor(wallMs + ms)) });
  }

  /** Enables a peer of a node, whatever has disabled it. */
  enable(i: number, j: number): void {
    this.#change(i, j, { disabled: false, expiresUnixMs: 0 });
  }

  /** Changes a peer of a node, if the node has it. */
  #change(i: number, j: number, change: Partial<PeerChange>): void {
    this.#configure(i, [{ publicKey: publicKey(this.#keys[j]), updateOnly: true, ...change }]);
  }

  /** Persistent keepalives from one node to another; 0 seconds for none. */
  keepAlive(i: number, j: number, seconds: number): void {
    this.#change(i, j, { persistentKeepalive: seconds });
  }

  /** Tells a node who its peers are now. Where they are it learns only of new ones. */
  inform(i: number): void {
    this.#when(i, (node) => this.#inform(i, node));
  }

  #inform(i: number, { device }: Node): void {
    const known = device.status().peers.map((peer) => peer.publicKey.toHex());
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
    this.#when(i, ({ device }) => device.link(up, mtu, this.world.now));
  }

  #peer(i: number, j: number): PeerChange & { readonly endpoint: Endpoint } {
    const presharedKey = this.#preshared.get(this.#pair(i, j));
    return {
      publicKey: publicKey(this.#keys[j]),
      endpoint: this.nodes[j].endpoint,
      replaceAllowedIps: true,
      allowedIps: hosts((v6) => inside(j, v6)),
      ...(presharedKey === undefined ? {} : { presharedKey }),
    };
  }

  #pair(i: number, j: number): number {
    return Math.min(i, j) * this.nodes.length + Math.max(i, j);
  }

  #configure(i: number, peers: readonly PeerChange[]): void {
    this.#when(i, ({ device }) => device.configure({ peers }, this.world.now));
  }

  /** A packet whose bytes on the wire are known, also where it is refused. */
  #sendSmall(
    i: number,
    j: number | undefined,
    source: string,
    destination: string,
    allowed: boolean | undefined,
  ): void {
    const { next } = this.deliveries;
    const packet = numberedPacket(source, destination, UNALLOWED_PACKET_BYTES, next);
    this.deliveries.send(
      this.nodes[i],
      j === undefined ? undefined : this.nodes[j],
      packet,
      allowed,
    );
  }
}
