/**
 * The figures that are measured, and the goals that issue 14 sets for them, as ratios inside one
 * run.
 * @module
 */

/** One number that a round gives for one implementation. */
export interface Figure {
  readonly id: FigureId;
  readonly title: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Digits after the point in tables. */
  readonly digits: number;
}

/** Names of the figures, as they stand in the JSON. */
export type FigureId =
  | "tcp_up"
  | "tcp_down"
  | "tcp_mean"
  | "cpu_per_gb"
  | "tcp_both"
  | "tcp_streams"
  | "tcp_ipv6"
  | "udp64_flood"
  | "udp64_cpu"
  | "udp64_loss"
  | "udp1372_flood"
  | "ping_p50"
  | "ping_p99"
  | "loaded_p50"
  | "loaded_p99"
  | "streams_p50"
  | "streams_p99"
  | "busy_p50"
  | "busy_p99"
  | "handshakes"
  | "memory_idle"
  | "memory"
  | "ready";

/** What one round found for one implementation. */
export type Sample = Partial<Record<FigureId, number>>;

/** All figures, in the order of the table. */
export const FIGURES: readonly Figure[] = [
  { id: "tcp_up", title: "TCP, one stream, up", unit: "Gbit/s", better: "higher", digits: 2 },
  { id: "tcp_down", title: "TCP, one stream, down", unit: "Gbit/s", better: "higher", digits: 2 },
  {
    id: "tcp_mean",
    title: "TCP, one stream, mean of both",
    unit: "Gbit/s",
    better: "higher",
    digits: 2,
  },
  {
    id: "cpu_per_gb",
    title: "CPU-seconds per GB, both ends",
    unit: "s/GB",
    better: "lower",
    digits: 2,
  },
  {
    id: "tcp_both",
    title: "TCP, both ways at once, sum",
    unit: "Gbit/s",
    better: "higher",
    digits: 2,
  },
  { id: "tcp_streams", title: "TCP, 8 streams up", unit: "Gbit/s", better: "higher", digits: 2 },
  {
    id: "tcp_ipv6",
    title: "TCP over IPv6, one stream up",
    unit: "Gbit/s",
    better: "higher",
    digits: 2,
  },
  {
    id: "udp64_flood",
    title: "UDP 64 bytes, flood",
    unit: "kpps",
    better: "higher",
    digits: 1,
  },
  {
    id: "udp64_cpu",
    title: "UDP 64 bytes, CPU per packet",
    unit: "us",
    better: "lower",
    digits: 1,
  },
  {
    id: "udp64_loss",
    title: "UDP 64 bytes, lost",
    unit: "%",
    better: "lower",
    digits: 1,
  },
  {
    id: "udp1372_flood",
    title: "UDP 1372 bytes, flood",
    unit: "Gbit/s",
    better: "higher",
    digits: 2,
  },
  { id: "ping_p50", title: "round trip, idle, p50", unit: "ms", better: "lower", digits: 3 },
  { id: "ping_p99", title: "round trip, idle, p99", unit: "ms", better: "lower", digits: 3 },
  {
    id: "loaded_p50",
    title: "round trip beside TCP, p50",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "loaded_p99",
    title: "round trip beside TCP, p99",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "streams_p50",
    title: "round trip beside 8 streams, p50",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "streams_p99",
    title: "round trip beside 8 streams, p99",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "busy_p50",
    title: "round trip, busy processors, p50",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "busy_p99",
    title: "round trip, busy processors, p99",
    unit: "ms",
    better: "lower",
    digits: 2,
  },
  {
    id: "handshakes",
    title: "handshakes per CPU-second",
    unit: "1/s",
    better: "higher",
    digits: 0,
  },
  {
    id: "memory_idle",
    title: "memory after the first packet",
    unit: "MB",
    better: "lower",
    digits: 1,
  },
  {
    id: "memory",
    title: "memory after all loads",
    unit: "MB",
    better: "lower",
    digits: 1,
  },
  { id: "ready", title: "start of an interface", unit: "ms", better: "lower", digits: 0 },
];

/** The figure of this id. */
export function figure(id: FigureId): Figure {
  const found = FIGURES.find((f) => f.id === id);
  if (found === undefined) throw new RangeError(`no figure ${id}`);
  return found;
}

/**
 * With what a goal compares ours: Debian's wireguard-go, the best of all rivals, our own loop
 * without crypto; or with nothing but a number.
 */
export type Against = "debian" | "best" | "plain" | "itself";

/** "The ratio of ours to theirs is at least (or at most) so much." */
export interface Goal {
  readonly figure: FigureId;
  readonly against: Against;
  readonly relation: "at least" | "at most";
  /** A ratio; where ours stands against itself an amount, in the figure's unit. */
  readonly value: number;
}

/**
 * The goals of issue 14, which are held against the best of all rivals. An amount says as much
 * about the machine as about the program: it is shown, and no test may depend on it.
 */
export const GOALS: readonly Goal[] = [
  { figure: "tcp_mean", against: "best", relation: "at least", value: 2 },
  { figure: "tcp_mean", against: "plain", relation: "at least", value: 0.65 },
  { figure: "tcp_both", against: "best", relation: "at least", value: 2 },
  { figure: "tcp_streams", against: "best", relation: "at least", value: 2 },
  { figure: "tcp_ipv6", against: "best", relation: "at least", value: 2 },
  { figure: "cpu_per_gb", against: "best", relation: "at most", value: 0.45 },
  { figure: "cpu_per_gb", against: "debian", relation: "at most", value: 0.08 },
  { figure: "udp64_cpu", against: "best", relation: "at most", value: 0.35 },
  { figure: "udp64_flood", against: "best", relation: "at least", value: 3 },
  { figure: "udp1372_flood", against: "best", relation: "at least", value: 3 },
  { figure: "ping_p50", against: "best", relation: "at most", value: 0.9 },
  { figure: "loaded_p50", against: "itself", relation: "at most", value: 0.8 },
  { figure: "loaded_p99", against: "best", relation: "at most", value: 0.4 },
  { figure: "handshakes", against: "best", relation: "at least", value: 1 },
  { figure: "ready", against: "itself", relation: "at most", value: 70 },
  { figure: "memory", against: "itself", relation: "at most", value: 45 },
];
