/**
 * Opens Intel's Multi-Buffer Crypto library for IPsec (libipsec-mb) at its first use, and makes its
 * manager. Its ChaCha20-Poly1305 seals or opens a message in one call. It needs x86_64, and is
 * faster than libcrypto with AVX-512 IFMA.
 *
 * The library does not check arguments, and its structures and signatures differ between versions.
 * A wrong call would crash the process. So only known versions are used. Version 1.4 has jobs of
 * another layout, and versions after 2.0 have no call for QUIC. The version is read before any
 * other call is made.
 * @module
 */
import { type Pinned, pinned } from "./memory.ts";

/** The files that are tried, in order. The dynamic loader searches its usual folders. */
export const IPSEC_MB_FILES: readonly string[] = ["libIPSec_MB.so.2", "libIPSec_MB.so.1"];

/**
 * How messages are passed to the library: `jobs` fills a structure of the manager's ring
 * (ipsec_mb_jobs.ts), `arguments` passes arguments to one function (ipsec_mb_quic.ts).
 */
export type IpsecMbForm = "jobs" | "arguments";

/** The known versions. `managerBytes` is given where the code depends on the manager's layout. */
const KNOWN: readonly {
  readonly major: number;
  readonly minor: number;
  readonly form: IpsecMbForm;
  readonly managerBytes?: number;
}[] = [
  // Debian 12.
  { major: 1, minor: 3, form: "jobs", managerBytes: 200_744 },
  // Ubuntu 24.04. This version has not been run. The arguments of ipsec_mb_quic.ts are safe with
  // both signatures that the function had at its time.
  { major: 1, minor: 5, form: "arguments" },
  // Debian 13.
  { major: 2, minor: 0, form: "arguments" },
];

/**
 * The form of a version; undefined when the version is not known.
 * @param version the result of imb_get_version(): major << 16 | minor << 8 | patch
 */
export function formOf(version: number): IpsecMbForm | undefined {
  return knownVersion(version)?.form;
}

function knownVersion(version: number) {
  return KNOWN.find(({ major, minor }) => version >>> 8 === (major << 8 | minor));
}

/**
 * The bits of imb_get_feature_flags() with which this cipher is faster than libcrypto: AVX-512 F,
 * DQ, CD, BW, VL and IFMA, VAES, VPCLMULQDQ and GFNI (Intel since Ice Lake, AMD since Zen 4). With
 * AVX2 it computes Poly1305 without vectors, and takes 1.17 times as long as libcrypto for 1424
 * bytes.
 */
const FAST_FEATURES = 0x0003_3f80n;

/**
 * The addresses of functions that are called once. `Deno.dlopen` would generate code for a
 * function, which takes 0.3 ms; an address takes no time.
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

/** An open library of a known version. It stays open until the process ends. */
export interface IpsecMb {
  /** The file that was opened. */
  readonly file: string;
  /** Its version, e.g. `1.3.0`. */
  readonly version: string;
  readonly form: IpsecMbForm;
  /** Whether it is faster than libcrypto on this processor. */
  readonly fast: boolean;
  /** Makes a manager; undefined when the library's own tests fail, or its size is unknown. */
  makeManager(): Pinned | undefined;
}

const opened = new Map<string, IpsecMb>();

/**
 * Opens the library, once for each file that can be used.
 * @param files file names or paths, tried in order
 * @returns undefined when no known version is found, on other processors, or without the permission
 *   ffi
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
  // Without the permission, dlopen would prompt the user.
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
    // No flags. The 1 initializes a new manager; 0 would keep the content of the memory.
    if (setPointers.call(manager.pointer, 0n, 1) === null) return undefined;
    // Detects the processor and runs the library's own tests (0.5 ms the first time).
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
