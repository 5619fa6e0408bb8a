/**
 * The simple twin of AllowedIps: an unsorted list, of which every range is compared.
 * @module
 */

interface Range {
  readonly bits: string;
  peer: number;
}

export class RangeList {
  #ranges: Range[] = [];

  /** The number of ranges. */
  get size(): number {
    return this.#ranges.length;
  }

  insert(address: Uint8Array, prefix: number, peer: number): void {
    const bits = rangeBits(address, prefix);
    const same = this.#ranges.find((range) => range.bits === bits);
    if (same !== undefined) same.peer = peer;
    else this.#ranges.push({ bits, peer });
  }

  remove(address: Uint8Array, prefix: number, peer: number): boolean {
    const bits = rangeBits(address, prefix);
    const before = this.#ranges.length;
    this.#ranges = this.#ranges.filter((range) => range.bits !== bits || range.peer !== peer);
    return this.#ranges.length < before;
  }

  removePeer(peer: number): void {
    this.#ranges = this.#ranges.filter((range) => range.peer !== peer);
  }

  owner(address: Uint8Array, prefix: number): number {
    const bits = rangeBits(address, prefix);
    return this.#ranges.find((range) => range.bits === bits)?.peer ?? -1;
  }

  lookup(address: Uint8Array): number {
    const bits = rangeBits(address, 8 * address.length);
    let best: Range | undefined;
    for (const range of this.#ranges) {
      if (
        bits.startsWith(range.bits) && (best === undefined || range.bits.length > best.bits.length)
      ) best = range;
    }
    return best?.peer ?? -1;
  }

  /** The ranges of a peer, as sorted strings of family and bits. */
  listed(peer: number): string[] {
    return this.#ranges.filter((range) => range.peer === peer).map((range) => range.bits).sort();
  }
}

/** The digit of the family and the bits of the prefix: `410` is 128.0.0.0/2. */
export function rangeBits(address: Uint8Array, prefix: number): string {
  const all = [...address].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (address.length === 4 ? "4" : "6") + all.slice(0, prefix);
}
