/**
 * The traffic of a soak: flows of iperf3 and pings between members, one after the other with idle
 * phases in between, at a rate that a governor lowers so that all stay below a share of one
 * processor.
 * @module
 */
import type { Chance } from "../../tests/random.ts";
import type { Running } from "../netlab.ts";
import { innerAddress, type Member, type Members } from "./members.ts";

/** The kinds of traffic: the words of iperf3's client, or a ping's. */
const FLOWS = {
  "tcp up": { words: ["-b", "RATE"], share: 1 },
  "tcp down": { words: ["-R", "-b", "RATE"], share: 1 },
  "tcp both ways": { words: ["--bidir", "-b", "RATE"], share: 0.5 },
  "tcp streams": { words: ["-P", "4", "-b", "RATE"], share: 0.25 },
  udp: { words: ["-u", "-l", "1300", "-b", "RATE"], share: 0.5 },
  "small udp": { words: ["-u", "-l", "64", "-b", "RATE"], share: 0.05 },
  "udp down": { words: ["-u", "-R", "-l", "900", "-b", "RATE"], share: 0.5 },
} as const;
const FLOW_SECONDS = 6;
/** One turn of this many is silence, long enough that short keys are erased. */
const IDLE_EVERY = 12;
const IDLE_SECONDS = 20;

/** What the traffic came to. */
export interface TrafficCount {
  flows: number;
  /** Flows that moved nothing: the interface was down, or its peer was killed. */
  silent: number;
  bytes: number;
  pings: number;
  pingsAnswered: number;
}

/** How fast everything goes, from PACE_MIN to 1. The governor changes it. */
export interface Pace {
  factor: number;
}

/** Makes traffic until the signal. Lanes differ in the port of iperf3. */
export async function makeTraffic(
  members: Members,
  lane: number,
  options: {
    readonly chance: Chance;
    readonly pace: Pace;
    /** Megabits a second of a flow. */
    readonly rate: number;
    readonly count: TrafficCount;
    readonly stop: AbortSignal;
    readonly pause: (seconds: number) => Promise<void>;
  },
): Promise<void> {
  const { chance, pace, rate, count, stop, pause } = options;
  for (let turn = 1; !stop.aborted; turn++) {
    const pair = chance.oneOf(members.pairs);
    const [from, to] = chance.int(2) === 0 ? pair : [pair[1], pair[0]];
    const family = chance.int(3) === 0 ? 6 : 4;
    if (turn % IDLE_EVERY === 0) {
      await pause(IDLE_SECONDS);
    } else if (chance.int(4) === 0) {
      const answered = await ping(members, from, to, family, 20);
      count.pings += 20;
      count.pingsAnswered += answered;
    } else {
      const kind = chance.oneOf(Object.keys(FLOWS)) as keyof typeof FLOWS;
      const { words, share } = FLOWS[kind];
      const bits = Math.max(10_000, Math.round(rate * 1e6 * share * pace.factor));
      const bytes = await flow(
        members,
        [from, to],
        family,
        5_200 + lane,
        words.map((word) => word === "RATE" ? String(bits) : word),
      );
      count.flows++;
      count.bytes += bytes;
      if (bytes === 0) count.silent++;
    }
    await pause(1 / pace.factor);
  }
}

/** The bytes that one flow moved; 0 when it failed. */
export async function flow(
  { room }: Members,
  [from, to]: readonly [Member, Member],
  family: 4 | 6,
  port: number,
  words: readonly string[],
  seconds = FLOW_SECONDS,
): Promise<number> {
  const address = innerAddress(to, family);
  const limit = ["timeout", "-k", "1", String(seconds + 12), "iperf3", "-p", String(port)];
  let server: Running | undefined;
  const client = [...limit, "-c", address, "--connect-timeout", "4000", "-J"];
  // The server listens a moment after it was started.
  const script = 'for i in 1 2 3; do sleep 0.3; "$@" && exit 0; done; exit 1';
  try {
    server = room.spawn([...limit, "-s", "-1", "-B", address], { netns: to.netns });
    const { stdout } = await room.run(
      ["sh", "-c", script, "sh", ...client, "-t", String(seconds), ...words],
      { netns: from.netns, timeoutMs: 90_000 },
    );
    return bytesOf(stdout);
  } catch {
    return 0;
  } finally {
    // timeout(1) passes this on to iperf3.
    server?.signal("SIGTERM");
    await server?.status;
  }
}

/** The bytes that iperf3's report (JSON, perhaps several) says were received. */
function bytesOf(report: string): number {
  const sums = [...report.matchAll(/"sum(?:_received|_received_bidir_reverse|)":\s*\{[^}]*\}/g)]
    .map(([text]) => Number(/"bytes":\s*(\d+)/.exec(text)?.[1] ?? 0));
  return Math.max(0, ...sums);
}

/** How many of so many echo requests are answered. */
export async function ping(
  { room }: Members,
  from: Member,
  to: Member,
  family: 4 | 6,
  times: number,
): Promise<number> {
  const words = ["-n", "-q", "-c", String(times), "-i", "0.2", "-W", "2", "-w", String(times)];
  const { stdout } = await room.run(
    ["ping", ...words, innerAddress(to, family)],
    { netns: from.netns },
  ).catch(() => ({ stdout: "" }));
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
