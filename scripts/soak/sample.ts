/**
 * What a soak notes of a process: its memory, descriptors, threads, mappings, queues and counters.
 * @module
 */

/** Descriptors, memory and queues of a process at one time. */
export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  /** Resident, and the share of it that counts shared pages in part; kilobytes. */
  readonly resident: number;
  readonly proportional: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Mappings that are shared, and their kilobytes. */
  readonly sharedMaps: number;
  readonly shared: number;
  /** Bytes that wait in the receive and send queues of UDP sockets of its namespace. */
  readonly queued: number;
  /** Peers that it has. */
  readonly peers: number;
  /** Counters of the interface that are not zero. */
  readonly counters: Readonly<Record<string, number>>;
}

/**
 * Reads /proc/PID. The answer to `get=2` (or `get=1`) gives peers and counters.
 * @throws Deno.errors.NotFound when the process has ended
 */
export function sampleOf(pid: number, at: number, status: string): Sample {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1] ?? NaN);
  let sharedMaps = 0;
  let shared = 0;
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const found = /^([0-9a-f]+)-([0-9a-f]+) ...s/.exec(line);
    if (found === null) continue;
    sharedMaps++;
    shared += (parseInt(found[2], 16) - parseInt(found[1], 16)) / 1_024;
  }
  const counters: Record<string, number> = {};
  for (const [, name, value] of status.matchAll(/^counter=(\S+) (\d+)$/gm)) {
    if (value !== "0") counters[name] = Number(value);
  }
  return {
    at,
    resident: kilobytes("Rss"),
    proportional: kilobytes("Pss"),
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: [...Deno.readDirSync(`/proc/${pid}/task`)].length,
    sharedMaps,
    shared,
    queued: queuedBytes(Deno.readTextFileSync(`/proc/${pid}/net/udp`)) +
      queuedBytes(Deno.readTextFileSync(`/proc/${pid}/net/udp6`)),
    peers: [...status.matchAll(/^public_key=/gm)].length,
    counters,
  };
}

/** The sum of the queues in /proc/net/udp, in bytes. */
export function queuedBytes(table: string): number {
  let sum = 0;
  for (const [, sent, received] of table.matchAll(/ ([0-9A-F]{8}):([0-9A-F]{8}) /g)) {
    sum += parseInt(sent, 16) + parseInt(received, 16);
  }
  return sum;
}

/** Processor time of a process and of its ended children, in seconds; 0 when it has ended. */
export function processorSeconds(pid: number | "self"): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const TICKS = 100;
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
  } catch {
    return 0;
  }
}
