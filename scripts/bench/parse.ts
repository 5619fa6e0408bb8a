/**
 * Reads the output of the measuring tools: iperf3 3.12 `-J`, iputils ping, proc(5).
 * @module
 */

/** The round trips in milliseconds of ping's lines, in their order. */
export function pingTimes(text: string): number[] {
  return [...text.matchAll(/\btime=([0-9.]+) ms/g)].map((match) => Number(match[1]));
}

/**
 * The data that an iperf3 client's report counts as received: bytes, seconds, and for UDP packets.
 */
export interface Received {
  readonly bytes: number;
  readonly seconds: number;
  readonly packets: number;
  readonly lost: number;
}

interface IperfSum {
  readonly bytes: number;
  readonly seconds: number;
  readonly bits_per_second: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

/**
 * Reads an iperf3 report.
 *
 * @returns one entry for a one-way run, two for `--bidir`.
 * @throws Error with iperf3's own words when the run failed.
 */
export function iperfReceived(text: string): Received[] {
  const report = JSON.parse(text) as { error?: string; end?: Record<string, IperfSum | undefined> };
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const sums = [report.end?.sum_received, report.end?.sum_received_bidir_reverse].filter((sum) =>
    sum !== undefined
  );
  if (sums.length === 0) throw new Error("iperf3: no sum of what was received");
  return sums.map((sum) => {
    const lost = sum.lost_packets ?? 0;
    return {
      bytes: sum.bytes,
      seconds: sum.seconds,
      packets: Math.max(0, (sum.packets ?? 0) - lost),
      lost,
    };
  });
}

/** Nanoseconds that one thread ran, from /proc/PID/task/TID/schedstat. */
export function schedstatNanoseconds(text: string): number {
  return Number(text.split(" ")[0]);
}

/** Resident bytes, from /proc/PID/status. */
export function residentBytes(text: string): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(text);
  return match === null ? 0 : Number(match[1]) * 1024;
}

/**
 * Jiffies of the whole machine from /proc/stat: all that were counted, and those nobody used (idle,
 * waiting for I/O).
 */
export function machineTicks(text: string): { readonly all: number; readonly idle: number } {
  const fields = text.slice(0, text.indexOf("\n")).trim().split(/\s+/).slice(1, 9).map(Number);
  return { all: fields.reduce((sum, field) => sum + field, 0), idle: fields[3] + fields[4] };
}
