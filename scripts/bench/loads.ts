/**
 * The loads of the bench: each sends traffic through a running tunnel and measures the result.
 * @module
 */

import { aptInstall, type EndPlan, which } from "./implementations.ts";
import type { Sample } from "./figures.ts";
import { CommandError, cpuSeconds, type Host, residentMax, sleep, until } from "./laboratory.ts";
import { iperfReceived, pingTimes, type Received } from "./parse.ts";
import { quantile } from "./statistics.ts";

/** A running tunnel and the processes whose CPU time is measured. */
export interface RunningTunnel {
  readonly left: Host;
  readonly right: Host;
  readonly plan: { readonly left: EndPlan; readonly right: EndPlan };
  /** The processes of the program at both ends. Their CPU time is the CPU time of the figures. */
  readonly daemons: readonly number[];
}

/** A load, and how many times `seconds` it takes. */
export interface Load {
  readonly id: string;
  readonly title: string;
  readonly run: (tunnel: RunningTunnel, seconds: number) => Promise<Sample>;
}

const MEGA = 1e6;
const GIGA = 1e9;
/** The fixed rate, which the slowest rival just carries. */
const FIXED_PACKETS_PER_SECOND = 39_000;
const SMALL_BYTES = 64;
const LARGE_BYTES = 1372;

/**
 * All loads. The idle round trip is first: a round begins with a pause, and no load has just ended.
 */
export const LOADS: readonly Load[] = [
  { id: "ping", title: "round trip, idle", run: idle },
  { id: "tcp", title: "TCP one stream each way", run: tcp },
  { id: "both", title: "TCP both ways", run: both },
  { id: "streams", title: "TCP 8 streams", run: streams },
  { id: "ipv6", title: "TCP over IPv6", run: ipv6 },
  { id: "udp64", title: "UDP 64 bytes, flood", run: udpSmallFlood },
  { id: "fixed", title: "UDP 64 bytes, 39 kpps", run: udpFixed },
  { id: "udp1372", title: "UDP 1372 bytes, flood", run: udpLargeFlood },
  { id: "loaded", title: "round trip under TCP", run: loaded },
  { id: "loaded8", title: "round trip under 8 TCP streams", run: loadedByStreams },
  { id: "busy", title: "round trip, a busy process on each processor", run: busy },
];

/**
 * Waits until a packet has passed in both directions and the iperf3 server runs on the right host.
 */
export async function awaken(tunnel: RunningTunnel): Promise<void> {
  for (const peer of [tunnel.plan.left.peerInet, tunnel.plan.left.peerInet6]) {
    await until(`a first reply from ${peer}`, 10, 100, async () => {
      const tried = await tunnel.left.run(["ping", "-c", "1", "-W", "1", peer], { anyCode: true });
      return tried.code === 0 ? true : undefined;
    });
  }
  tunnel.right.start(["iperf3", "-s"]);
  await until("an iperf3 server", 5, 50, async () => {
    const listening = await tunnel.right.run(["ss", "-Hltn", "sport = :5201"]);
    return listening.stdout.includes(":5201") ? true : undefined;
  });
}

/**
 * Sends TCP both ways for a while without measuring, so that compilers and caches reach a steady
 * state.
 */
export async function warmUp(tunnel: RunningTunnel, seconds: number): Promise<void> {
  await iperf(tunnel, seconds, ["--bidir"]);
}

/** The resident memory of the larger end in MB. */
export function memoryMegabytes(tunnel: RunningTunnel): number {
  return residentMax(tunnel.daemons) / MEGA;
}

async function iperf(
  tunnel: RunningTunnel,
  seconds: number,
  args: readonly string[],
  to = tunnel.plan.left.peerInet,
) {
  const argv = ["iperf3", "-c", to, "-J", "-t", String(seconds), ...args];
  const attempts = 3;
  for (let attempt = 1;; attempt++) {
    try {
      const output = await tunnel.left.run(argv, { anyCode: true, timeoutSeconds: seconds + 15 });
      return iperfReceived(output.stdout);
    } catch (error) {
      // The server of the previous run may not have ended yet, or the tunnel lost the control
      // connection.
      if (attempt === attempts || error instanceof CommandError) throw error;
      await sleep(300);
    }
  }
}

function gigabits(received: readonly Received[]): number {
  return received.reduce((sum, r) => sum + r.bytes * 8 / r.seconds, 0) / GIGA;
}

async function counted(
  tunnel: RunningTunnel,
  work: () => Promise<Received[]>,
): Promise<{ received: Received[]; cpu: number }> {
  const before = cpuSeconds(tunnel.daemons);
  const received = await work();
  return { received, cpu: cpuSeconds(tunnel.daemons) - before };
}

async function tcp(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const up = await counted(tunnel, () => iperf(tunnel, seconds, []));
  const down = await counted(tunnel, () => iperf(tunnel, seconds, ["-R"]));
  const tcpUp = gigabits(up.received);
  const tcpDown = gigabits(down.received);
  return {
    tcp_up: tcpUp,
    tcp_down: tcpDown,
    tcp_mean: (tcpUp + tcpDown) / 2,
    cpu_per_gb: (up.cpu + down.cpu) / ((up.received[0].bytes + down.received[0].bytes) / GIGA),
  };
}

async function both(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  return { tcp_both: gigabits(await iperf(tunnel, seconds, ["--bidir"])) };
}

async function streams(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  return { tcp_streams: gigabits(await iperf(tunnel, seconds, ["-P", "8"])) };
}

async function ipv6(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  return { tcp_ipv6: gigabits(await iperf(tunnel, seconds, [], tunnel.plan.left.peerInet6)) };
}

async function udpSmallFlood(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const [received] = await iperf(tunnel, seconds, ["-u", "-b", "0", "-l", String(SMALL_BYTES)]);
  return { udp64_flood: received.packets / received.seconds / 1000 };
}

async function udpFixed(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const bits = FIXED_PACKETS_PER_SECOND * SMALL_BYTES * 8;
  const args = ["-u", "-b", String(bits), "-l", String(SMALL_BYTES)];
  const { received: [received], cpu } = await counted(tunnel, () => iperf(tunnel, seconds, args));
  return {
    udp64_cpu: cpu / received.packets * MEGA,
    udp64_loss: 100 * received.lost / Math.max(1, received.packets + received.lost),
  };
}

async function udpLargeFlood(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const [received] = await iperf(tunnel, seconds, ["-u", "-b", "0", "-l", String(LARGE_BYTES)]);
  return { udp1372_flood: received.packets * LARGE_BYTES * 8 / received.seconds / GIGA };
}

async function ping(tunnel: RunningTunnel, seconds: number, interval: number): Promise<number[]> {
  const count = Math.round(seconds / interval);
  const argv = [
    "ping",
    "-n",
    "-c",
    String(count),
    "-i",
    String(interval),
    "-W",
    "1",
    tunnel.plan.left.peerInet,
  ];
  const times = pingTimes(
    (await tunnel.left.run(argv, { anyCode: true, timeoutSeconds: seconds + 15 })).stdout,
  );
  if (times.length < count / 2) throw new Error(`ping: ${times.length} of ${count} came back`);
  return times;
}

async function idle(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const times = await ping(tunnel, seconds, 0.004);
  return { ping_p50: quantile(times, 0.5), ping_p99: quantile(times, 0.99) };
}

async function loaded(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const times = await pingBeside(tunnel, seconds, []);
  return { loaded_p50: quantile(times, 0.5), loaded_p99: quantile(times, 0.99) };
}

async function loadedByStreams(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const times = await pingBeside(tunnel, seconds, ["-P", "8"]);
  return { streams_p50: quantile(times, 0.5), streams_p99: quantile(times, 0.99) };
}

/** Round trips beside TCP that iperf3 sends. */
async function pingBeside(
  tunnel: RunningTunnel,
  seconds: number,
  args: readonly string[],
): Promise<number[]> {
  const flow = iperf(tunnel, seconds + 1, args);
  try {
    await sleep(500);
    return await ping(tunnel, seconds, 0.01);
  } finally {
    await flow.catch(() => {});
  }
}

/** Round trips while processes that have nothing to do with the tunnel take all processors. */
async function busy(tunnel: RunningTunnel, seconds: number): Promise<Sample> {
  const others = Array.from(
    { length: navigator.hardwareConcurrency },
    () => tunnel.left.start(["sh", "-c", "while :; do :; done"]),
  );
  try {
    await sleep(200);
    const times = await ping(tunnel, seconds, 0.01);
    return { busy_p50: quantile(times, 0.5), busy_p99: quantile(times, 0.99) };
  } finally {
    for (const other of others) other.signal("SIGKILL");
    await Promise.all(others.map((other) => other.status));
  }
}

/** The tools that the loads use, with the Debian package of each. */
const TOOLS: readonly { readonly program: string; readonly debian: string }[] = [
  { program: "iperf3", debian: "iperf3" },
  { program: "ping", debian: "iputils-ping" },
  { program: "ip", debian: "iproute2" },
  { program: "ss", debian: "iproute2" },
  { program: "nsenter", debian: "util-linux" },
  { program: "unshare", debian: "util-linux" },
];

/**
 * Installs missing tools.
 * @throws Error with the reason if one cannot be installed
 */
export async function installTools(say: (line: string) => void): Promise<void> {
  for (const { program, debian } of TOOLS) {
    if (await which(program) !== undefined) continue;
    say(`installing ${debian}`);
    const problem = await aptInstall(debian);
    if (problem !== undefined) throw new Error(`${program} is needed: ${problem}`);
  }
}
