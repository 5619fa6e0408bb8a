/**
 * The offloads of an interface: those that are wanted, and those that run.
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

/** Stores the wanted offloads and sets those of the TUN device. The caller tells the Workers. */
export class InterfaceOffloads {
  /** The offloads that the data plane last reported. */
  running: Offloads = NO_OFFLOADS;
  readonly #tun: Pick<OpenedTun, "fd" | "name">;
  #wanted: Offloads = ALL_OFFLOADS;

  /** @param tun a new device, with all offloads that the kernel has */
  constructor(tun: Pick<OpenedTun, "fd" | "name">) {
    this.#tun = tun;
  }

  /** The offloads that the data plane may use. */
  get usable(): Offloads {
    return usableOf(this.#wanted);
  }

  get facts(): Pick<InterfaceFacts, "offloads" | "offloadsOff"> {
    return { offloads: offloadWords(this.running), offloadsOff: offloadWords(this.#wanted, false) };
  }

  /**
   * Changes the wanted offloads, and sets those of the TUN device.
   * @returns `undo` reverts the change; undefined when nothing changes
   * @throws OsError when the kernel refuses; nothing has changed then
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

/** The usable offloads. Linux accepts TUN_F_USO4 and TUN_F_USO6 only with the TSO flags. */
function usableOf(wanted: Offloads): Offloads {
  return { ...wanted, uso: wanted.tso && wanted.uso };
}
