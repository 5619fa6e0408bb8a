/**
 * Intel's Multi-Buffer Crypto library for IPsec (libipsec-mb), opened at first use: which versions are known, and a manager of it.
 * Its ChaCha20-Poly1305 seals or opens a message in one call. It needs x86_64, and pays with AVX-512 IFMA.
 *
 * The library checks nothing, and its layouts and signatures change between versions: a wrong one would end the process. So only versions are used
 * whose header was read, each with the form of call that fits, and nothing is called before the version is known but the version itself.
 * @module
 */
import { type Pinned, pinned } from "./memory.ts";

/** Files tried, in order; the loader searches its usual folders. */
export const IPSEC_MB_FILES: readonly string[] = ["libIPSec_MB.so.2", "libIPSec_MB.so.1"];

/**
 * How messages are given to the library: "jobs" fills a structure of the manager's ring (ffi/ipsec_mb_jobs.ts),
 * "arguments" gives everything as arguments of one call (ffi/ipsec_mb_quic.ts).
 */
export type IpsecMbForm = "jobs" | "arguments";

/** Major and minor version, the form of call, and where it depends on the manager's layout, its size in bytes. */
const KNOWN: readonly {
  readonly major: number;
  readonly minor: number;
  readonly form: IpsecMbForm;
  readonly managerBytes?: number;
}[] = [
  // Debian 12.
  { major: 1, minor: 3, form: "jobs", managerBytes: 200_744 },
  // Ubuntu 24.04.
  { major: 1, minor: 5, form: "arguments" },
  // Debian 13.
  { major: 2, minor: 0, form: "arguments" },
];

/**
 * The form of call of a version, or undefined when this version is not known.
 * @param version as imb_get_version() gives it: major << 16 | minor << 8 | patch
 */
export function formOf(version: number): IpsecMbForm | undefined {
  return knownVersion(version)?.form;
}

function knownVersion(version: number) {
  return KNOWN.find(({ major, minor }) => version >>> 8 === (major << 8 | minor));
}

/**
 * Bits of imb_get_feature_flags() for which this cipher is faster than libcrypto: AVX-512 F, DQ, CD, BW, VL and IFMA, VAES, VPCLMULQDQ and GFNI
 * (Intel since Ice Lake, AMD since Zen 4). With AVX2 it computes Poly1305 without vectors, and needs 1.17 times as long as libcrypto for 1424 bytes.
 */
const FAST_FEATURES = 0x0003_3f80n;

/**
 * Addresses only, which cost nothing to look up; what is called once is called through them. `Deno.dlopen` makes code for each function that it is asked for (0.3 ms).
 */
const ADDRESSES = {
  imb_get_version: { type: "pointer" },
  imb_get_version_str: { type: "pointer" },
  imb_get_feature_flags: { type: "pointer" },
  imb_get_mb_mgr_size: { type: "pointer" },
  imb_set_pointers_mb_mgr: { type: "pointer" },
  imb_get_errno: { type: "pointer" },
  init_mb_mgr_auto: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** An opened library of a known version. It stays open until the process ends. */
export interface IpsecMb {
  /** The file that was opened. */
  readonly file: string;
  /** Its version, e.g. `1.3.0`. */
  readonly version: string;
  readonly form: IpsecMbForm;
  /** Whether this processor has what makes it faster than libcrypto. */
  readonly fast: boolean;
  /** A new manager, ready for use; undefined when the library's own tests fail or its size is not the known one. */
  makeManager(): Pinned | undefined;
}

const opened = new Map<string, IpsecMb>();

/**
 * Opens the library, once for each file that can be used.
 * @param files file names or paths, tried in order
 * @returns undefined when there is none of a known version, on other processors, or when the process may not load libraries
 */
export function openIpsecMb(files: readonly string[] = IPSEC_MB_FILES): IpsecMb | undefined {
  for (const file of files) {
    const library = opened.get(file) ?? openFile(file);
    if (library === undefined) continue;
    opened.set(file, library);
    return library;
  }
  return undefined;
}

function openFile(file: string): IpsecMb | undefined {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  // Asking first: dlopen without the permission would stop at a prompt.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  let symbols: Deno.DynamicLibrary<typeof ADDRESSES>["symbols"];
  try {
    symbols = Deno.dlopen(file, ADDRESSES).symbols;
  } catch {
    return undefined;
  }
  const at = (name: keyof typeof ADDRESSES) => symbols[name] as Deno.PointerObject<never>;
  const call = <R extends Deno.NativeResultType>(name: keyof typeof ADDRESSES, result: R) =>
    new Deno.UnsafeFnPointer(at(name), { parameters: [], result }).call();

  const known = knownVersion(call("imb_get_version", "u32") as number);
  if (known === undefined) return undefined;
  const version = call("imb_get_version_str", "pointer") as Deno.PointerValue;
  const features = call("imb_get_feature_flags", "u64") as bigint;

  const makeManager = (): Pinned | undefined => {
    const size = Number(call("imb_get_mb_mgr_size", "usize"));
    if (known.managerBytes !== undefined && known.managerBytes !== size) return undefined;
    const manager = pinned(size, MANAGER_ALIGN);
    const setPointers = new Deno.UnsafeFnPointer(at("imb_set_pointers_mb_mgr"), {
      parameters: ["pointer", "u64", "u32"],
      result: "pointer",
    });
    // No flags; 1 makes it a new one instead of taking over what another process left there.
    if (setPointers.call(manager.pointer, 0n, 1) === null) return undefined;
    // Finds out about the processor and runs the library's own tests (0.5 ms the first time).
    new Deno.UnsafeFnPointer(at("init_mb_mgr_auto"), {
      parameters: ["pointer", "pointer"],
      result: "void",
    }).call(manager.pointer, null);
    const problem = new Deno.UnsafeFnPointer(at("imb_get_errno"), {
      parameters: ["pointer"],
      result: "i32",
    }).call(manager.pointer);
    return problem === 0 ? manager : undefined;
  };
  return {
    file,
    version: version === null ? "" : Deno.UnsafePointerView.getCString(version),
    form: known.form,
    fast: (features & FAST_FEATURES) === FAST_FEATURES,
    makeManager,
  };
}

const MANAGER_ALIGN = 64;

/** IMB_DIR_ENCRYPT and IMB_DIR_DECRYPT. */
export const DIRECTION_ENCRYPT = 1;
export const DIRECTION_DECRYPT = 2;
