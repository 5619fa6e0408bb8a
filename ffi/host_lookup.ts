/**
 * Looks up hosts with getaddrinfo(3) in threads of glibc's getaddrinfo_a(3), so that no thread of
 * ours waits. glibc makes such a thread in the network namespace of the thread that calls `begin`,
 * and ends it a second after its last look-up.
 * @module
 */
import { AF_INET, AF_INET6, cString, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from "./structs.ts";
import { type Pinned, pinned } from "./memory.ts";

/** Struct gaicb (netdb.h): the name, the hints and the result are pointers. */
const GAICB = { bytes: 56, name: 0, request: 16, result: 24 } as const;
/** Struct addrinfo (netdb.h). */
const ADDRINFO = { bytes: 48, family: 4, socktype: 8, addrlen: 16, addr: 24, next: 40 } as const;
const SOCK_DGRAM = 2;
const GAI_NOWAIT = 1;
const EAI_INPROGRESS = -100;
/** EAI_NONAME, EAI_FAIL and EAI_NODATA: the name has no address. */
const FINAL = [-2, -4, -5];
/** The most results that are read; getaddrinfo(3) has no limit. */
const RESULTS_MAX = 64;

const SYMBOLS = {
  getaddrinfo_a: { parameters: ["i32", "buffer", "i32", "pointer"], result: "i32" },
  gai_error: { parameters: ["pointer"], result: "i32" },
  gai_strerror: { parameters: ["i32"], result: "pointer" },
  freeaddrinfo: { parameters: ["pointer"], result: "void" },
} as const;

/** An address of a host. */
export interface LookedUpAddress {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  /** The interface index of a link-local IPv6 address, otherwise 0. */
  readonly scope: number;
}

/** The addresses in the order of RFC 6724, or why there are none, in glibc's words. */
export type LookedUp = { readonly addresses: readonly LookedUpAddress[] } | {
  readonly problem: string;
  /** Whether a later attempt may succeed, for instance because a name server does not answer. */
  readonly passing: boolean;
};

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function library(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  if (symbols !== undefined) return symbols;
  try {
    return symbols = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    // Before glibc 2.34 the asynchronous functions are in a library of their own, which loads libc.
    return symbols = Deno.dlopen("libanl.so.1", SYMBOLS).symbols;
  }
}

/** A look-up that is under way. */
export class HostLookUp {
  /** glibc writes to this memory until the look-up has ended, so it is not collected before. */
  static readonly #underWay = new Set<HostLookUp>();
  readonly #name: Pinned;
  readonly #hints = pinned(ADDRINFO.bytes, 8);
  readonly #request = pinned(GAICB.bytes, 8);
  readonly #list = pinned(8, 8);
  #result: LookedUp | undefined;

  /** Begins to look up a host in the calling thread's network namespace. */
  static begin(host: string): HostLookUp {
    return new HostLookUp(host);
  }

  private constructor(host: string) {
    const text = cString(host);
    this.#name = pinned(text.length);
    this.#name.bytes.set(text);
    new DataView(this.#hints.bytes.buffer, this.#hints.bytes.byteOffset).setInt32(
      ADDRINFO.socktype,
      SOCK_DGRAM,
      true,
    );
    const request = new DataView(this.#request.bytes.buffer, this.#request.bytes.byteOffset);
    request.setBigUint64(GAICB.name, this.#name.address, true);
    request.setBigUint64(GAICB.request, this.#hints.address, true);
    new DataView(this.#list.bytes.buffer, this.#list.bytes.byteOffset).setBigUint64(
      0,
      this.#request.address,
      true,
    );
    const code = library().getaddrinfo_a(GAI_NOWAIT, this.#list.bytes, 1, null);
    if (code === 0) HostLookUp.#underWay.add(this);
    else this.#result = problemOf(code);
  }

  /** The result; undefined while the look-up is under way. It does not wait. */
  result(): LookedUp | undefined {
    if (this.#result !== undefined) return this.#result;
    const code = library().gai_error(this.#request.pointer);
    if (code === EAI_INPROGRESS) return undefined;
    HostLookUp.#underWay.delete(this);
    this.#result = code === 0 ? { addresses: this.#addresses() } : problemOf(code);
    return this.#result;
  }

  #addresses(): LookedUpAddress[] {
    const view = new DataView(this.#request.bytes.buffer, this.#request.bytes.byteOffset);
    const first = Deno.UnsafePointer.create(view.getBigUint64(GAICB.result, true));
    const addresses: LookedUpAddress[] = [];
    for (let at = first; at !== null && addresses.length < RESULTS_MAX;) {
      const info = new Deno.UnsafePointerView(at);
      const family = info.getInt32(ADDRINFO.family), size = info.getUint32(ADDRINFO.addrlen);
      const pointer = Deno.UnsafePointer.create(info.getBigUint64(ADDRINFO.addr));
      if (pointer !== null) {
        const address = new Deno.UnsafePointerView(pointer);
        if (family === AF_INET && size >= SOCKADDR_IN_BYTES) {
          addresses.push({ address: copied(address, 4, 4), scope: 0 });
        } else if (family === AF_INET6 && size >= SOCKADDR_IN6_BYTES) {
          addresses.push({ address: copied(address, 8, 16), scope: address.getUint32(24) });
        }
      }
      at = Deno.UnsafePointer.create(info.getBigUint64(ADDRINFO.next));
    }
    if (first !== null) library().freeaddrinfo(first);
    return addresses;
  }
}

function copied(view: Deno.UnsafePointerView, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  view.copyInto(bytes, at);
  return bytes;
}

function problemOf(code: number): LookedUp {
  const text = library().gai_strerror(code);
  return {
    problem: text === null ? `error ${code}` : new Deno.UnsafePointerView(text).getCString(),
    passing: !FINAL.includes(code),
  };
}
