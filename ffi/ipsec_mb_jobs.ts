/**
 * The packet cipher with jobs of libipsec-mb 1.3. A job is a structure in the manager's ring. It is
 * filled in, and then submitted with one call.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { DIRECTION_DECRYPT, DIRECTION_ENCRYPT, type IpsecMb } from "./ipsec_mb.ts";
import { ArenaAddresses, pinned } from "./memory.ts";

/**
 * The functions of the implementation for AVX-512 with IFMA, by their exported names. The function
 * on the packet path is declared without a result, so that Deno compiles it to a direct call. The
 * status of the job is in the job.
 */
const SYMBOLS = {
  submit_job_nocheck_avx512_t2: { parameters: ["pointer"], result: "void" },
  submit_address: { name: "submit_job_nocheck_avx512_t2", type: "pointer" },
  checked_address: { name: "submit_job_avx512_t2", type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Offsets in bytes of struct IMB_MGR (intel-ipsec-mb.h of 1.3): two functions, the next job (as an
 * offset from the first job), and the ring of jobs.
 */
const MANAGER_SUBMIT = 72;
const MANAGER_SUBMIT_NOCHECK = 80;
const MANAGER_NEXT_JOB = 1020;
const MANAGER_JOBS = 1024;
const JOBS = 256;

/** Offsets of struct IMB_JOB in words of 4 bytes. Addresses and lengths have two words. */
const JOB_WORDS = 50;
const ENC_KEYS = 0;
const DEC_KEYS = 2;
const KEY_LENGTH = 4;
const SOURCE = 6;
const DESTINATION = 8;
const CIPHER_LENGTH = 12;
const HASH_LENGTH = 16;
const IV = 18;
const IV_LENGTH = 20;
const TAG = 22;
const TAG_LENGTH = 24;
const ASSOCIATED = 26;
const STATUS = 32;
const CIPHER_MODE = 33;
const CIPHER_DIRECTION = 34;
const HASH_ALGORITHM = 35;
const CHAIN_ORDER = 36;

/**
 * Values of its fields: IMB_STATUS_COMPLETED, IMB_CIPHER_CHACHA20_POLY1305,
 * IMB_AUTH_CHACHA20_POLY1305.
 */
const COMPLETED = 3;
const CHACHA20_POLY1305_CIPHER = 19;
const CHACHA20_POLY1305_HASH = 29;
/** IMB_ORDER_CIPHER_HASH to seal, IMB_ORDER_HASH_CIPHER to open. */
const CIPHER_THEN_HASH = 1;
const HASH_THEN_CIPHER = 2;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/**
 * Bytes of a message that overwrites the rests of earlier ones in vector registers and on the
 * stack. It is long enough to use all of the vector code.
 */
const FORGET_BYTES = 1024;

/**
 * Makes the packet cipher; undefined when the library has chosen another implementation for this
 * processor, or its layout is not that of its version. Its functions close over constants, so that
 * the compiler calls the library directly.
 */
export function jobsCipher(arena: Arena, library: IpsecMb): PacketCipher | undefined {
  const manager = library.makeManager();
  if (manager === undefined) return undefined;
  const { symbols } = Deno.dlopen(library.file, SYMBOLS);
  const submit = symbols.submit_job_nocheck_avx512_t2, managerPointer = manager.pointer;

  const view = new DataView(manager.bytes.buffer, manager.bytes.byteOffset);
  const holds = (offset: number, address: unknown) =>
    view.getBigUint64(offset, true) === Deno.UnsafePointer.value(address as Deno.PointerObject);
  if (!holds(MANAGER_SUBMIT_NOCHECK, symbols.submit_address)) return undefined;
  if (!holds(MANAGER_SUBMIT, symbols.checked_address)) return undefined;

  const addresses = new ArenaAddresses(arena), message = arena.view;
  const ring = new Uint32Array(
    manager.bytes.buffer,
    manager.bytes.byteOffset,
    MANAGER_JOBS / 4 + JOBS * JOB_WORDS,
  );
  const next = MANAGER_NEXT_JOB / 4, jobs = MANAGER_JOBS / 4;
  // The nonce is 0, counter low, counter high.
  const iv = pinned(16), ivWords = new Uint32Array(iv.bytes.buffer);
  const made = pinned(TAG_BYTES), tag = new Uint32Array(made.bytes.buffer);
  const zeroKeyAt = arena.allocate(KEY_BYTES), forgetAt = arena.allocate(FORGET_BYTES + TAG_BYTES);

  const ivLow = Number(iv.address & 0xffff_ffffn), ivHigh = Number(iv.address >> 32n);
  const tagLow = Number(made.address & 0xffff_ffffn), tagHigh = Number(made.address >> 32n);
  /** Erases the jobs of the ring, and sets the fields that are the same in all jobs. */
  const clear = (): void => {
    ring.fill(0, jobs);
    for (let job = jobs; job < jobs + JOBS * JOB_WORDS; job += JOB_WORDS) {
      ring[job + KEY_LENGTH] = KEY_BYTES;
      ring[job + IV] = ivLow;
      ring[job + IV + 1] = ivHigh;
      ring[job + IV_LENGTH] = NONCE_BYTES;
      ring[job + TAG_LENGTH] = TAG_BYTES;
      // The associated data has no length, but must not be NULL.
      ring[job + ASSOCIATED] = ivLow;
      ring[job + ASSOCIATED + 1] = ivHigh;
      ring[job + CIPHER_MODE] = CHACHA20_POLY1305_CIPHER;
      ring[job + HASH_ALGORITHM] = CHACHA20_POLY1305_HASH;
    }
  };

  /** Whether a job was prepared since `forget`. */
  let isUsed = false;

  /** Fills in the next job, without its tag and direction. Returns the index of its first word. */
  const prepare = (
    keyAt: number,
    counterLow: number,
    counterHigh: number,
    from: number,
    length: number,
    to: number,
  ): number => {
    const job = jobs + (ring[next] >>> 2);
    isUsed = true;
    ivWords[1] = counterLow;
    ivWords[2] = counterHigh;
    addresses.write(ring, job + ENC_KEYS, keyAt);
    addresses.write(ring, job + DEC_KEYS, keyAt);
    addresses.write(ring, job + SOURCE, from);
    addresses.write(ring, job + DESTINATION, to);
    ring[job + CIPHER_LENGTH] = length;
    ring[job + HASH_LENGTH] = length;
    return job;
  };

  const cipher: PacketCipher = {
    name: `ipsec-mb ${library.version}`,

    seal(keyAt, counterLow, counterHigh, at, length) {
      const job = prepare(keyAt, counterLow, counterHigh, at, length, at);
      addresses.write(ring, job + TAG, at + length);
      ring[job + CIPHER_DIRECTION] = DIRECTION_ENCRYPT;
      ring[job + CHAIN_ORDER] = CIPHER_THEN_HASH;
      submit(managerPointer);
      if (ring[job + STATUS] !== COMPLETED) broken();
    },

    open(keyAt, counterLow, counterHigh, from, length, to) {
      const job = prepare(keyAt, counterLow, counterHigh, from, length, to);
      ring[job + TAG] = tagLow;
      ring[job + TAG + 1] = tagHigh;
      ring[job + CIPHER_DIRECTION] = DIRECTION_DECRYPT;
      ring[job + CHAIN_ORDER] = HASH_THEN_CIPHER;
      submit(managerPointer);
      // After a job that was not done, the tag would be that of an earlier message.
      if (ring[job + STATUS] !== COMPLETED) broken();
      const end = from + length;
      return ((tag[0] ^ message.getInt32(end, true)) | (tag[1] ^ message.getInt32(end + 4, true)) |
        (tag[2] ^ message.getInt32(end + 8, true)) |
        (tag[3] ^ message.getInt32(end + 12, true))) === 0;
    },

    forget() {
      if (!isUsed) return;
      cipher.seal(zeroKeyAt, 0, 0, forgetAt, FORGET_BYTES);
      clear();
      ivWords.fill(0);
      tag.fill(0);
      isUsed = false;
    },
  };

  clear();
  if (ring[next] % (JOB_WORDS * 4) !== 0 || ring[next] >= JOBS * JOB_WORDS * 4) return undefined;
  // The first job is submitted with the library's checks of every field. A wrong layout is refused
  // there; without the checks it would crash the process.
  const first = prepare(zeroKeyAt, 0, 0, forgetAt, FORGET_BYTES, forgetAt);
  addresses.write(ring, first + TAG, forgetAt + FORGET_BYTES);
  ring[first + CIPHER_DIRECTION] = DIRECTION_ENCRYPT;
  ring[first + CHAIN_ORDER] = CIPHER_THEN_HASH;
  new Deno.UnsafeFnPointer(symbols.checked_address as Deno.PointerObject<never>, {
    parameters: ["pointer"],
    result: "pointer",
  }).call(managerPointer);
  if (ring[first + STATUS] !== COMPLETED) return undefined;
  return cipher;
}

function broken(): never {
  throw new Error("libipsec-mb: a job was not done");
}
