/**
 * `deno task bench`: measures this program beside its rivals, all in alternating rounds of one run, and says what the ratios are.
 *
 *   deno task bench [--quick] [--rounds N] [--seconds N] [--only WORD,...] [--json FILE] [--svg FILE]
 *   deno task bench --from FILE [--svg FILE]      a report of an earlier run
 *
 * `--only` takes names of contenders (ours, plain, debian, newest, boringtun, gotatun) and of measurements (ping, tcp, both, streams, ipv6,
 * udp64, fixed, udp1372, loaded, handshakes, commands, peers, talkers, profile); of a kind of which none is named all are measured, but for `profile`,
 * which needs perf and disturbs the others.
 *
 * Root is needed: everything runs in namespaces that go away with this program. No figure is a verdict by itself; only ratios are.
 * @module
 */

import { parseArgs } from "node:util";
import { measureCommands } from "./bench/commands.ts";
import { aptInstall, type Contender, CONTENDERS, planTunnel, which } from "./bench/contenders.ts";
import type { Sample } from "./bench/figures.ts";
import { measureHandshakes } from "./bench/handshakes.ts";
import { Laboratory, machineLoad } from "./bench/laboratory.ts";
import { awaken, type Bed, LOADS, memoryMegabytes, TOOLS, warmUp } from "./bench/loads.ts";
import { pictureSvg } from "./bench/picture.ts";
import { reportText } from "./bench/report.ts";
import { measureProfile } from "./bench/profile.ts";
import type { Contestant, Profile, Results } from "./bench/results.ts";
import { measureScale } from "./bench/scale.ts";
import { measureTalkers } from "./bench/talkers.ts";

/** What is asked for. */
interface Plan {
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly contenders: readonly Contender[];
  readonly measures: ReadonlySet<string>;
}

const EXTRA_MEASURES = ["handshakes", "commands", "peers", "talkers"] as const;
/** Measured only when it is named: it slows what it looks at. */
const PROFILE = "profile";

function readArguments(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      json: { type: "string" },
      svg: { type: "string" },
      from: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

async function main(args: readonly string[]): Promise<number> {
  let values: ReturnType<typeof readArguments>;
  try {
    values = readArguments(args);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 2;
  }
  if (values.help) {
    console.log(
      "deno task bench [--quick] [--rounds N] [--seconds N] [--only WORD,...] [--json FILE] [--svg FILE] [--from FILE]",
    );
    return 0;
  }
  let results: Results;
  if (values.from !== undefined) {
    results = JSON.parse(await Deno.readTextFile(values.from)) as Results;
  } else {
    if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
      console.error("bench: needs root on Linux: it makes network namespaces, TUN devices and a veth");
      return 1;
    }
    const plan = makePlan(values);
    if (plan === undefined) return 2;
    results = await measure(plan);
  }
  console.log(reportText(results));
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(results, null, 1) + "\n");
  if (values.svg !== undefined) await Deno.writeTextFile(values.svg, pictureSvg(results));
  const ours = results.contestants.find((c) => c.role === "ours");
  return ours !== undefined && ours.failures.length > 0 ? 1 : 0;
}

function makePlan(
  values: { quick: boolean; rounds?: string | undefined; seconds?: string | undefined; only?: string | undefined },
): Plan | undefined {
  const measures: string[] = [...LOADS.map((load) => load.id), ...EXTRA_MEASURES, PROFILE];
  const words = values.only?.split(",") ?? [];
  const unknown = words.find((word) => !measures.includes(word) && !CONTENDERS.some((c) => c.id === word));
  if (unknown !== undefined) {
    console.error(`bench: --only ${unknown}: neither of ${CONTENDERS.map((c) => c.id)} nor of ${measures}`);
    return undefined;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 3));
  const seconds = Number(values.seconds ?? (values.quick ? 1 : 4));
  if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seconds) || seconds < 1) {
    console.error("bench: --rounds and --seconds are whole numbers from 1");
    return undefined;
  }
  const named = CONTENDERS.filter((c) => words.includes(c.id));
  const asked = measures.filter((id) => words.includes(id));
  return {
    quick: values.quick,
    rounds,
    seconds,
    contenders: named.length === 0 ? CONTENDERS : named,
    measures: new Set(asked.length === 0 ? measures.filter((id) => id !== PROFILE) : asked),
  };
}

/** Says where we are, on a terminal in one line that is written over. */
function progress(text: string): void {
  const terminal = Deno.stderr.isTerminal();
  Deno.stderr.writeSync(new TextEncoder().encode(terminal ? `\r\x1b[K${text}` : `${text}\n`));
}

async function measure(plan: Plan): Promise<Results> {
  for (const tool of TOOLS) {
    if (await which(tool.program) !== undefined) continue;
    progress(`installing ${tool.debian}`);
    const problem = await aptInstall(tool.debian);
    if (problem !== undefined) throw new Error(`${tool.program} is needed: ${problem}`);
  }
  const contestants: { contender: Contender; contestant: Contestant }[] = [];
  const absent: { id: string; why: string }[] = [];
  for (const contender of plan.contenders) {
    const found = await contender.find(progress);
    if ("absent" in found) {
      absent.push({ id: contender.id, why: found.absent });
    } else {
      const { id, title, role } = contender;
      contestants.push({
        contender,
        contestant: { id, title, role, version: found.version, rounds: [], failures: [] },
      });
    }
  }
  const noise: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    noise.push(await machineLoad(1000));
    // Each round begins with another one, so that none always comes after the same neighbour.
    for (let i = 0; i < contestants.length; i++) {
      const { contender, contestant } = contestants[(i + round) % contestants.length];
      contestant.rounds.push(await measureRound(plan, contender, round, contestant.failures));
    }
  }
  const ours = plan.contenders.find((c) => c.role === "ours");
  const problems: string[] = [];
  const extra = async <T>(id: string, work: (contender: Contender) => Promise<T[]>): Promise<T[]> => {
    if (ours === undefined || !plan.measures.has(id)) return [];
    try {
      return await work(ours);
    } catch (error) {
      problems.push(`${id}: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  };
  // Alternating rounds of these; one round of the ends of the range when it has to be quick.
  const [rounds, seconds] = plan.quick ? [1, 1] : [2, 3];
  const sizes = plan.quick ? [1, 1000] : [1, 10, 100, 1000, 10_000];
  const crowds = plan.quick ? [1, 1000] : [1, 10, 100, 1000];
  const commands = await extra("commands", (c) => measureCommands(c, plan.quick ? 7 : 21, progress));
  const scale = await extra("peers", (c) => measureScale(c, sizes, rounds, seconds, progress));
  const talkers = await extra("talkers", (c) => measureTalkers(c, crowds, rounds, seconds, progress));
  const profiles: Profile[] = [];
  for (const { contender, contestant } of plan.measures.has(PROFILE) ? contestants : []) {
    progress(`profile of ${contender.title}`);
    try {
      profiles.push(...await measureProfile(contender, plan.seconds));
    } catch (error) {
      contestant.failures.push(`profile: ${error instanceof Error ? error.message : error}`);
    }
  }
  contestants.find((c) => c.contender === ours)?.contestant.failures.push(...problems);
  progress("");
  return {
    format: 1,
    made: new Date().toISOString(),
    quick: plan.quick,
    seconds: plan.seconds,
    machine: machine(),
    noise,
    contestants: contestants.map((c) => c.contestant),
    absent,
    commands,
    scale,
    talkers,
    profiles,
  };
}

/** All loads for one contender; a load that fails is noted and the others go on. */
async function measureRound(plan: Plan, contender: Contender, round: number, failures: string[]): Promise<Sample> {
  const where = `round ${round + 1} of ${plan.rounds}, ${contender.title}`;
  const sample: Sample = {};
  const attempt = async (what: string, work: () => Promise<Sample>) => {
    progress(`${where}: ${what}`);
    try {
      Object.assign(sample, await work());
    } catch (error) {
      failures.push(`${where}: ${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const loads = LOADS.filter((load) => plan.measures.has(load.id));
  if (loads.length > 0) {
    await attempt("setting up", async () => {
      await using laboratory = await Laboratory.open();
      const { left, right } = laboratory;
      const tunnel = await planTunnel(left, right);
      const ready = [await contender.up(left, tunnel.left), await contender.up(right, tunnel.right)];
      const bed: Bed = { left, right, plan: tunnel, daemons: [...left.processes(), ...right.processes()] };
      await awaken(bed);
      const idle = memoryMegabytes(bed);
      await warmUp(bed, Math.max(2, plan.seconds));
      for (const load of loads) await attempt(load.title, () => load.run(bed, plan.seconds));
      return { ready: (ready[0] + ready[1]) / 2, memory_idle: idle, memory: memoryMegabytes(bed) };
    });
  }
  // It varies least and needs hosts of its own: one round is enough where time is short.
  if (plan.measures.has("handshakes") && contender.wireguard && !(plan.quick && round > 0)) {
    await attempt("handshakes", () => measureHandshakes(contender, plan.seconds));
  }
  return sample;
}

function machine(): Results["machine"] {
  const model = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown";
  return {
    cpus: navigator.hardwareConcurrency,
    model,
    kernel: Deno.osRelease(),
    memoryGb: Math.round(Deno.systemMemoryInfo().total / 1e9),
    deno: Deno.version.deno,
  };
}

if (import.meta.main) {
  // The rooms of the laboratory end when this process does, so leaving is all that has to be done.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      console.error("\nbench: interrupted; everything it started is being ended");
      Deno.exit(130);
    });
  }
  Deno.exit(await main(Deno.args));
}
