/**
 * The offloads of an interface: which may be used, which were switched off by hand, and which run.
 * @module
 */
import {
  ALL_OFFLOADS,
  NO_OFFLOADS,
  type Offloads,
  offloadWords,
  sameOffloads,
} from "../base/offloads.ts";
import { type OpenedTun, setOffloads } from "../ports/open_tun.ts";
import type { InterfaceFacts } from "../base/status.ts";

/** Keeps what was asked for, and tells the TUN device of it. The Workers are told by who has them. */
export class InterfaceOffloads {
  /** What the data plane uses, as it told last. */
  running: Offloads = NO_OFFLOADS;
  readonly #tun: Pick<OpenedTun, "fd" | "name">;
  #wanted: Offloads = ALL_OFFLOADS;

  /** @param tun as it was opened: with all that the kernel has */
  constructor(tun: Pick<OpenedTun, "fd" | "name">) {
    this.#tun = tun;
  }

  /** What the data plane may use. */
  get usable(): Offloads {
    return usableOf(this.#wanted);
  }

  get facts(): Pick<InterfaceFacts, "offloads" | "offloadsOff"> {
    return { offloads: offloadWords(this.running), offloadsOff: offloadWords(this.#wanted, false) };
  }

  /**
   * Merges a change, and has the TUN device hand over what may be used then.
   * @returns how to take it back; undefined when nothing changes
   * @throws OsError when the kernel refuses; then nothing has changed
   */
  change(wanted: Partial<Offloads> = {}): { undo(): void } | undefined {
    const before = this.#wanted;
    const after = { ...before, ...wanted };
    if (sameOffloads(before, after)) return undefined;
    this.#set(after);
    return { undo: () => this.#set(before) };
  }

  #set(wanted: Offloads): void {
    const { tso, uso } = usableOf(wanted);
    if (tso !== this.usable.tso || uso !== this.usable.uso) {
      setOffloads(this.#tun.fd, this.#tun.name, { tso, uso });
    }
    this.#wanted = wanted;
  }
}

/** Linux takes TUN_F_USO4 and TUN_F_USO6 only beside TUN_F_TSO4 and TUN_F_TSO6. */
function usableOf(wanted: Offloads): Offloads {
  return { ...wanted, uso: wanted.tso && wanted.uso };
}
