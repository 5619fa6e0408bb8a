/**
 * What happens in a simulation, worked out from its seed before it begins: the nodes, their traffic
 * and the faults with their times.
 * @module
 */
import { REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from "../../lib/base/constants.ts";
import { Chance } from "../random.ts";
import { CALM, type Faults, ROUGH } from "./world.ts";

/** What a fault does; nodes are named by their numbers. */
export type Deed =
  | { readonly kind: "network"; readonly faults: Faults }
  /** Datagrams pass only between nodes of the same side, or not this one way. */
  | { readonly kind: "partition"; readonly side: readonly number[] }
  | { readonly kind: "one-way"; readonly from: number; readonly to: number }
  /** A node has another address, or its NAT another port. */
  | { readonly kind: "roam"; readonly node: number; readonly address: string }
  | { readonly kind: "rebind"; readonly node: number; readonly port: number }
  /** The machine sleeps. */
  | { readonly kind: "suspend"; readonly node: number }
  /** The wall clock steps. */
  | { readonly kind: "clock"; readonly node: number; readonly seconds: number }
  | { readonly kind: "link-down"; readonly node: number; readonly mtu: number }
  /** The peer is made again afterwards. */
  | { readonly kind: "remove"; readonly node: number; readonly peer: number }
  /** The peer is enabled afterwards; by hand, or by its date, which comes meanwhile. */
  | {
    readonly kind: "disable";
    readonly node: number;
    readonly peer: number;
    readonly byDate: boolean;
  }
  /** The others hear of the new key afterwards. */
  | { readonly kind: "rekey"; readonly node: number }
  | { readonly kind: "preshared"; readonly node: number; readonly peer: number }
  | {
    readonly kind: "keepalive";
    readonly node: number;
    readonly peer: number;
    readonly seconds: number;
  }
  /** Handshake messages need cookies, without the messages that make it so. */
  | { readonly kind: "load"; readonly node: number }
  /**
   * Copies of an initiation to node 0, from where it came (with its cookie, if it has one) or from
   * anywhere.
   */
  | { readonly kind: "flood"; readonly copies: number; readonly spoofed: boolean }
  /** As "load", and a node begins anew and repeats its initiation once it has a cookie. */
  | { readonly kind: "insist"; readonly node: number; readonly peer: number }
  /** The counters of a node's sessions go on from shortly before one of their limits. */
  | { readonly kind: "counters"; readonly node: number; readonly before: bigint }
  /** The moving addresses belong to another peer of a node, and packets use them. */
  | { readonly kind: "move-range"; readonly node: number; readonly peer: number }
  /** A node ends and starts again. */
  | { readonly kind: "restart"; readonly node: number }
  /** Old datagrams are sent again, by anybody. */
  | { readonly kind: "replay"; readonly copies: number }
  /** Packets with a source that is not the sender's. */
  | { readonly kind: "unallowed"; readonly node: number; readonly peer: number }
  /** Nobody sends anything. */
  | { readonly kind: "silence" };

/** A fault; times are in ms from the beginning. */
export interface Fault {
  readonly at: number;
  readonly until: number;
  readonly deed: Deed;
}

/** The numbers of Workers that a node may have. */
const FORMS = [1, 2, 4];

/** A whole simulation. */
export interface Scenario {
  readonly seed: number;
  /** For each node, the number of its Workers. */
  readonly forms: readonly number[];
  /** When the faults are over, in ms. */
  readonly disturbedMs: number;
  /** Mean time between two packets from one node to another, in ms. */
  readonly packetEveryMs: number;
  readonly faults: readonly Fault[];
}

/** Packets of all nodes while the faults last. */
const PACKETS = 600;
/** A flood is more than the messages that make a device ask for cookies. */
const FLOOD_COPIES = 700;

/** Where a half of a counter carries, where a session is worn, and where it is used up. */
const COUNTER_LIMITS = [1n << 32n, REKEY_AFTER_MESSAGES, REJECT_AFTER_MESSAGES];

/** The scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const chance = Chance.of(seed);
  const nodes = chance.oneOf([2, 2, 3, 4]);
  const disturbedMs = chance.oneOf([30_000, 150_000, 300_000, 600_000]);
  const faults = Array.from({ length: 3 + chance.int(22) }, () => {
    const at = chance.int(disturbedMs);
    const lasts = chance.oneOf([1, 100, 2_000, 10_000, 40_000, 200_000]);
    const until = Math.min(disturbedMs, at + 1 + chance.int(lasts));
    return { at, until, deed: deedOf(chance, nodes) };
  });
  return {
    seed,
    forms: Array.from({ length: nodes }, () => chance.oneOf(FORMS)),
    disturbedMs,
    packetEveryMs: disturbedMs * nodes * (nodes - 1) / PACKETS,
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

function deedOf(chance: Chance, nodes: number): Deed {
  const node = chance.int(nodes);
  const peer = (node + 1 + chance.int(nodes - 1)) % nodes;
  /** One that may move. */
  const client = 1 + chance.int(nodes - 1);
  switch (chance.int(23)) {
    case 0:
    case 1:
      return { kind: "network", faults: networkOf(chance) };
    case 2:
      return { kind: "partition", side: [node, ...(chance.once(2) ? [] : [peer])] };
    case 3:
      return { kind: "one-way", from: node, to: peer };
    case 4:
    case 5:
      return { kind: "roam", node: client, address: chance.oneOf(addressesOf(client)) };
    case 6:
      return { kind: "rebind", node: client, port: 1_024 + chance.int(60_000) };
    case 7:
      return { kind: "suspend", node };
    case 8:
      return { kind: "clock", node, seconds: (chance.fraction() - 0.5) * 1e9 };
    case 9:
      return { kind: "link-down", node, mtu: chance.oneOf([1_280, 1_420, 9_000]) };
    case 10:
      return chance.once(2)
        ? { kind: "remove", node, peer }
        : { kind: "disable", node, peer, byDate: chance.once(2) };
    case 11:
      return { kind: "rekey", node };
    case 12:
      return { kind: "preshared", node, peer };
    case 13:
      return { kind: "keepalive", node, peer, seconds: chance.oneOf([1, 5, 25]) };
    case 14:
      return { kind: "load", node };
    case 15:
      return chance.once(3)
        ? { kind: "flood", copies: FLOOD_COPIES, spoofed: chance.once(2) }
        : { kind: "replay", copies: 1 + chance.int(50) };
    case 16:
      return { kind: "unallowed", node, peer };
    case 17:
      return { kind: "insist", node, peer };
    case 18:
      return { kind: "counters", node, before: chance.oneOf(COUNTER_LIMITS) };
    case 19:
    case 20:
      return { kind: "move-range", node, peer };
    case 21:
      return { kind: "restart", node };
    default:
      return { kind: "silence" };
  }
}

/** Each node has its own, of both families. */
function addressesOf(node: number): string[] {
  return [
    `198.51.100.${node}:51820`,
    `203.0.113.${node}:4500`,
    `[2001:db8::${node}]:51820`,
    `[2001:db8:1::${node}]:500`,
  ];
}

function networkOf(chance: Chance): Faults {
  const delayMin = chance.int(100);
  const own = {
    loss: chance.fraction() * 0.6,
    repeat: chance.fraction() * 0.5,
    damage: chance.fraction() * 0.2,
    cut: chance.fraction() * 0.2,
    delayMin,
    delayMax: delayMin + chance.oneOf([1, 50, 500, 5_000]),
  };
  return chance.oneOf([ROUGH, { ...CALM, loss: 1 }, { ...CALM, delayMax: 3_000 }, own, own]);
}
