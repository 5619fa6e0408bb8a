/**
 * A whole WireGuard interface inside a program: real UDP by Deno.listenDatagram, packets in and out of memory instead of a TUN device, no privileges.
 * @module
 */
import { Arena } from "../base/arena.ts";
import type { Milliseconds } from "../base/brands.ts";
import type { DeviceChange, DeviceStatus } from "../base/config.ts";
import type { AllCounts } from "../base/counter_block.ts";
import { ConfigError } from "../base/errors.ts";
import type { Times } from "../base/times.ts";
import { DATAPLANE_ARENA_BYTES } from "../data/dataplane.ts";
import { now, wallClock } from "../runtime/clock.ts";
import { choosePacketCipher, chooseSuite, type CipherChoice, type SuiteChoice } from "../runtime/crypto.ts";
import { fillRandom } from "../runtime/entropy.ts";
import { MemoryTun } from "./memory_tun.ts";
import { PortableUdp } from "./portable_udp.ts";
import { LocalInterface } from "./local.ts";

/** Bytes of the arena besides the data plane's: what cipher and socket take. */
const ARENA_EXTRA_BYTES = 1 << 16;

/** How to make one. */
export interface PortableOptions {
  /** Gets each IP packet that came out of the tunnel; the array is its own. */
  readonly deliver: (packet: Uint8Array) => void;
  /** UDP port; 0 or absent picks a free one. */
  readonly port?: number;
  /** Address to listen on; absent means all of both families. */
  readonly hostname?: string;
  /** Without these, libcrypto where FFI is allowed and it can be had, otherwise @noble. */
  readonly suite?: SuiteChoice;
  readonly cipher?: CipherChoice;
  /** Gets debug messages (while `debug` is on). */
  readonly log?: (line: string) => void;
  /** Only tests give others than STANDARD_TIMES, or another clock. */
  readonly times?: Times;
  readonly now?: () => Milliseconds;
}

/**
 * See the module, and the example of mod.ts. It needs `--allow-net` and `--unstable-net`.
 */
export class PortableInterface {
  /** The UDP port it listens on. */
  readonly port: number;
  /** The names of what does the cryptography. */
  readonly suite: string;
  readonly cipher: string;
  readonly #tun: MemoryTun;
  readonly #udp: PortableUdp;
  readonly #local: LocalInterface;

  /** @throws OsError `EADDRINUSE` when the port is taken */
  constructor(options: PortableOptions) {
    const ffi = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
    const suite = chooseSuite(options.suite ?? (ffi ? undefined : "noble"));
    const arena = new Arena(DATAPLANE_ARENA_BYTES + ARENA_EXTRA_BYTES);
    const cipher = choosePacketCipher(arena, options.cipher ?? (ffi ? undefined : "noble"));
    const udp = new PortableUdp(arena, options.port ?? 0, options.hostname);
    this.#udp = udp;
    this.#tun = new MemoryTun(arena, options.deliver);
    this.port = udp.port;
    this.suite = suite.name;
    this.cipher = cipher.name;
    this.#local = new LocalInterface({
      arena,
      suite,
      cipher,
      tun: this.#tun,
      udp,
      send: ({ bytes, endpoint }) => udp.sendDatagram(bytes, endpoint),
      listenPort: udp.port,
      now: options.now ?? now,
      wallClock,
      random: fillRandom,
      ...(options.log === undefined ? {} : { log: options.log }),
      ...(options.times === undefined ? {} : { times: options.times }),
    });
    this.#tun.wake = udp.wake = () => this.#local.wake();
  }

  /**
   * Merges a change, whole or not at all.
   * @throws ConfigError when something in it is wrong, or asks for another port, mark or rtable: those are fixed here
   */
  configure(change: DeviceChange): void {
    if (change.listenPort !== undefined && change.listenPort !== 0 && change.listenPort !== this.port) {
      throw new ConfigError("wgport", `${change.listenPort}: this interface stays on port ${this.port}`);
    }
    if ((change.fwmark ?? 0) !== 0) throw new ConfigError("fwmark", "not in the portable mode");
    if ((change.rtable ?? 0) !== 0) throw new ConfigError("wgrtable", "not in the portable mode");
    this.#local.configure({ ...change, listenPort: this.port });
  }

  /** Puts an IP packet into the tunnel. Returns false when the queue is full, and it was dropped. */
  inject(packet: Uint8Array): boolean {
    return this.#tun.inject(packet);
  }

  /** Takes the interface down or up, or changes its MTU. A new one is up, with an MTU of 1420. */
  link(up: boolean, mtu?: number): void {
    this.#local.link(up, mtu);
  }

  /** The interface as it is. */
  status(): DeviceStatus {
    return this.#local.status();
  }

  /** What was counted so far; `COUNTERS` says what each name means. */
  counts(): AllCounts {
    return this.#local.counts();
  }

  /** The last debug messages, when no `log` was given. */
  get log(): readonly string[] {
    return this.#local.log;
  }

  /** Ends the interface: keys are wiped, the socket is closed. */
  close(): void {
    this.#local.close();
    this.#tun.close();
    this.#udp.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
