/**
 * Which peer owns an address in a data plane, read off the commands: the plain twin of allowed IPs.
 * All ranges of a simulation are single addresses.
 * @module
 */
import type { AllowedIp } from "../../../lib/base/endpoint.ts";
import type { DataCommand } from "../../../lib/base/messages.ts";
import type { Dataplane } from "../../../lib/data/dataplane.ts";
import type { Node, Witness, World } from "../world.ts";

/** An owner, from a time on; -1 is nobody. */
interface Owner {
  readonly slot: number;
  readonly from: number;
}

/** Books the owners of addresses in every data plane. */
export class RangeBook implements Witness {
  readonly #owners = new Map<Dataplane, Map<string, Owner[]>>();

  constructor(readonly world: World) {}

  /** The peer that owns an address now; -1 when nobody does. */
  owner(plane: Dataplane, address: Uint8Array): number {
    return this.#owners.get(plane)?.get(address.toHex())?.at(-1)?.slot ?? -1;
  }

  /** The peers that owned an address at a time or after it. */
  ownersSince(plane: Dataplane, address: Uint8Array, since: number): number[] {
    const all = this.#owners.get(plane)?.get(address.toHex()) ?? [];
    return all.filter((_, i) => (all[i + 1]?.from ?? Infinity) >= since).map(({ slot }) => slot);
  }

  applied(_node: Node, plane: Dataplane, command: DataCommand): void {
    switch (command.type) {
      case "peer-add":
      case "peer-remove":
        return this.#clear(plane, command.peer);
      case "allowed-ips":
        if (command.replace) this.#clear(plane, command.peer);
        for (const range of command.remove) {
          if (this.owner(plane, range.address) === command.peer) this.#set(plane, range, -1);
        }
        for (const range of command.add) this.#set(plane, range, command.peer);
    }
  }

  #clear(plane: Dataplane, slot: number): void {
    for (const owners of this.#owners.get(plane)?.values() ?? []) {
      if (owners.at(-1)?.slot === slot) owners.push({ slot: -1, from: this.world.now });
    }
  }

  #set(plane: Dataplane, { address }: AllowedIp, slot: number): void {
    const ofPlane = this.#owners.get(plane) ?? new Map<string, Owner[]>();
    this.#owners.set(plane, ofPlane);
    const key = address.toHex();
    const owners = ofPlane.get(key) ?? [];
    ofPlane.set(key, owners);
    owners.push({ slot, from: this.world.now });
  }
}
