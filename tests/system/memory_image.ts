/**
 * Looks for secrets in the memory of a process, through /proc/PID/maps and /proc/PID/mem.
 * @module
 */

/** Bytes that one image may have. A process of ours has some hundred megabytes that can be read. */
const IMAGE_BYTES_MAX = 4 * 2 ** 30;
const PIECE_BYTES = 1 << 20;
/** Bytes of a secret that two pieces share, so that none is cut. */
const OVERLAP_BYTES = 128;

/** Where a secret was found. */
export interface Found {
  readonly address: string;
  readonly region: string;
}

/** A part of the memory of a process, and what it belongs to. */
interface Region {
  readonly from: number;
  readonly to: number;
  readonly region: string;
}

/**
 * Every place in the memory of a process where one of `secrets` stands.
 * @param secrets by name, 8 to 128 bytes each
 * @returns the places of each name, at least an empty list
 */
export function findInMemory(
  pid: number,
  secrets: ReadonlyMap<string, Uint8Array>,
): Map<string, Found[]> {
  const found = new Map([...secrets.keys()].map((name) => [name, [] as Found[]]));
  const byStart = new Map<number, [string, Uint8Array][]>();
  const isStart = new Uint8Array(65_536);
  for (const [name, secret] of secrets) {
    const start = secret[0] | secret[1] << 8;
    isStart[start] = 1;
    byStart.set(start, [...byStart.get(start) ?? [], [name, secret]]);
  }
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  using pageMap = Deno.openSync(`/proc/${pid}/pagemap`);
  const piece = new Uint8Array(PIECE_BYTES + OVERLAP_BYTES);
  let left = IMAGE_BYTES_MAX;
  for (const { from, to, region } of regions(pid).flatMap((one) => used(pageMap, one))) {
    left -= to - from;
    if (left < 0) throw new Error(`process ${pid} has more memory than the image may have`);
    for (let at = from; at < to; at += PIECE_BYTES) {
      const length = readAt(memory, at, piece.subarray(0, Math.min(piece.length, to - at)));
      const whole = Math.min(length, PIECE_BYTES);
      for (let i = 0; i < whole; i++) {
        const start = piece[i] | piece[i + 1] << 8;
        if (isStart[start] === 0) continue;
        for (const [name, secret] of byStart.get(start)!) {
          if (i + secret.length > length || !equalAt(piece, i, secret)) continue;
          found.get(name)!.push({ address: (at + i).toString(16), region });
        }
      }
    }
  }
  return found;
}

/** The regions that the process can write to, and those without a file. */
function regions(pid: number): Region[] {
  const all: Region[] = [];
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r(w?)\S+ \S+ \S+ (\d+)\s*(.*)$/.exec(line);
    if (match === null) continue;
    const [, from, to, writable, inode, name] = match;
    if (writable === "" && inode !== "0" || /^\[v(var|dso|syscall)/.test(name)) continue;
    all.push({ from: parseInt(from, 16), to: parseInt(to, 16), region: name || "anonymous" });
  }
  return all;
}

/** The bytes of a page: AT_PAGESZ of getauxval(3). */
const PAGE_BYTES = pageBytes();

function pageBytes(): number {
  const words = new BigUint64Array(Deno.readFileSync("/proc/self/auxv").buffer);
  for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === 6n) return Number(words[i + 1]);
  throw new Error("/proc/self/auxv has no size of a page");
}

/**
 * The parts of a region whose pages were used: of a gigabyte that is reserved these are a few
 * percent, and others hold zeros. See proc_pid_pagemap(5).
 */
function used(pageMap: Deno.FsFile, { from, to, region }: Region): Region[] {
  const entries = new BigUint64Array((to - from) / PAGE_BYTES);
  const bytes = new Uint8Array(entries.buffer);
  pageMap.seekSync(from / PAGE_BYTES * 8, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const count = pageMap.readSync(bytes.subarray(at));
    if (count === null || count === 0) break;
    at += count;
  }
  const parts: { from: number; to: number; region: string }[] = [];
  for (let i = 0; i < entries.length; i++) {
    // Bit 63: in memory; bit 62: in swap.
    if (entries[i] >> 62n === 0n) continue;
    const at = from + i * PAGE_BYTES;
    const last = parts.at(-1);
    if (last?.to === at) last.to += PAGE_BYTES;
    else parts.push({ from: at, to: at + PAGE_BYTES, region });
  }
  return parts;
}

/** Reads what can be read there; 0 where nothing can. */
function readAt(memory: Deno.FsFile, at: number, into: Uint8Array): number {
  try {
    memory.seekSync(at, Deno.SeekMode.Start);
    let length = 0;
    while (length < into.length) {
      const count = memory.readSync(into.subarray(length));
      if (count === null || count === 0) break;
      length += count;
    }
    return length;
  } catch {
    // Given back meanwhile.
    return 0;
  }
}

function equalAt(bytes: Uint8Array, at: number, secret: Uint8Array): boolean {
  for (let i = 0; i < secret.length; i++) if (bytes[at + i] !== secret[i]) return false;
  return true;
}
