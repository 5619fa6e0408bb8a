/**
 * `deno task bench`: measures this program beside others and prints the ratios. The tunnels of all
 * programs are up at once, and every load goes in turn from one to the next. With all eight
 * programs it takes about 35 minutes, with `--quick` five.
 *
 * deno task bench [--quick] [--rounds N] [--seconds N] [--only WORD,...] [--json FILE] [--svg FILE]
 * deno task bench --from FILE [--svg FILE]      a report of an earlier run
 *
 * deno task bench flood [--seconds N] [--rate N] [--trials N] [--only WORD,...] [--json FILE]
 * deno task bench one-end [--rounds N] [--seconds N] [--only send|receive] [--json FILE]
 *
 * `--only` takes names of programs (ours, libcrypto, avx2, plain, debian, newest, tailscale,
 * boringtun, gotatun) and of measurements (ping, tcp, both, streams, ipv6, udp64, fixed, udp1372,
 * loaded, loaded8, busy, handshakes, commands, peers, talkers, profile). Without a name of a kind
 * all of that kind are measured, except `profile`, which requires perf and disturbs the others.
 *
 * Root is required: everything runs in namespaces that end with this program. A single figure says
 * as much about the machine as about the program; the ratios count.
 * @module
 */

import { parseArgs } from "node:util";
import { benchFlood } from "./bench/flood.ts";
import { benchOneEnd } from "./bench/one_end.ts";
import { measureLoads } from "./bench/tunnels.ts";
import { measureCommands } from "./bench/commands.ts";
import { type Implementation, IMPLEMENTATIONS } from "./bench/implementations.ts";
import { findParticipants, noteFailure, type Participant } from "./bench/participants.ts";
import { measureHandshakes } from "./bench/handshakes.ts";
import { machineLoad } from "./bench/laboratory.ts";
import { installTools, LOADS } from "./bench/loads.ts";
import { thisMachine } from "./bench/machine.ts";
import { pictureSvg } from "./bench/picture.ts";
import { measureProfile } from "./bench/profile.ts";
import { reportText } from "./bench/report.ts";
import type { Profile, Results } from "./bench/results.ts";
import { measureScale } from "./bench/scale.ts";
import { measureStart } from "./bench/starts.ts";
import { measureTalkers } from "./bench/many_peers.ts";
import { takeTurns } from "./bench/turns.ts";

/** The content of the command line. */
interface Plan {
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly implementations: readonly Implementation[];
  readonly measures: ReadonlySet<string>;
}

const EXTRA_MEASURES = ["handshakes", "commands", "peers", "talkers"] as const;
/** The measurement that runs only if it is named, because it slows down others. */
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
  if (args[0] === "flood") return canMeasure() ? await benchFlood(args.slice(1), progress) : 1;
  if (args[0] === "one-end") return canMeasure() ? await benchOneEnd(args.slice(1), progress) : 1;
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
    if (!canMeasure()) return 1;
    const plan = makePlan(values);
    if (plan === undefined) return 2;
    results = await measure(plan);
  }
  console.log(reportText(results));
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, JSON.stringify(results, null, 1) + "\n");
  }
  if (values.svg !== undefined) await Deno.writeTextFile(values.svg, pictureSvg(results));
  const ours = results.measurements.find((c) => c.role === "ours");
  return ours !== undefined && ours.failures.length > 0 ? 1 : 0;
}

/** Whether namespaces and devices can be made; says so if not. */
function canMeasure(): boolean {
  if (Deno.build.os === "linux" && Deno.uid() === 0) return true;
  console.error(
    "bench: root on Linux is required, to create network namespaces, TUN devices and a veth pair",
  );
  return false;
}

function makePlan(
  values: {
    quick: boolean;
    rounds?: string | undefined;
    seconds?: string | undefined;
    only?: string | undefined;
  },
): Plan | undefined {
  const measures: string[] = [...LOADS.map((load) => load.id), ...EXTRA_MEASURES, PROFILE];
  const words = values.only?.split(",") ?? [];
  const unknown = words.find((word) =>
    !measures.includes(word) && !IMPLEMENTATIONS.some((c) => c.id === word)
  );
  if (unknown !== undefined) {
    console.error(
      `bench: --only: ${unknown} is unknown; one of ${
        IMPLEMENTATIONS.map((c) => c.id)
      } or ${measures} is required`,
    );
    return undefined;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 9));
  const seconds = Number(values.seconds ?? (values.quick ? 1 : 2));
  if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seconds) || seconds < 1) {
    console.error("bench: --rounds and --seconds: a whole number from 1 is required");
    return undefined;
  }
  const named = IMPLEMENTATIONS.filter((c) => words.includes(c.id));
  const asked = measures.filter((id) => words.includes(id));
  return {
    quick: values.quick,
    rounds,
    seconds,
    implementations: named.length === 0 ? IMPLEMENTATIONS : named,
    measures: new Set(asked.length === 0 ? measures.filter((id) => id !== PROFILE) : asked),
  };
}

/** Reports progress. On a terminal each line replaces the previous one. */
function progress(text: string): void {
  const terminal = Deno.stderr.isTerminal();
  Deno.stderr.writeSync(new TextEncoder().encode(terminal ? `\r\x1b[K${text}` : `${text}\n`));
}

async function measure(plan: Plan): Promise<Results> {
  await installTools(progress);
  const { participants, absent } = await findParticipants(
    plan.implementations,
    plan.rounds,
    progress,
  );
  // Measurements in fresh hosts take long to set up and vary little. They get fewer rounds.
  const fewer = (most: number) => ({
    rounds: Math.min(plan.rounds, plan.quick ? 1 : most),
    say: progress,
  });
  const loads = LOADS.filter((load) => plan.measures.has(load.id));
  const noise: number[] = [];
  if (loads.length > 0) {
    const start = {
      title: "start-up",
      run: ({ implementation }: Participant) => measureStart(implementation),
    };
    await takeTurns(participants, [start], fewer(5));
    await measureLoads(participants, {
      loads,
      seconds: plan.seconds,
      warmUpSeconds: plan.quick ? 2 : 4,
    }, {
      rounds: plan.rounds,
      say: progress,
      before: async () => void noise.push(await machineLoad(1000)),
    });
  }
  if (plan.measures.has("handshakes")) {
    const answer = {
      title: "handshakes",
      run: ({ implementation }: Participant) => measureHandshakes(implementation, plan.seconds),
    };
    await takeTurns(participants.filter((e) => e.implementation.wireguard), [answer], fewer(3));
  }
  const ours = participants.find((e) => e.implementation.role === "ours");
  const extra = async <T>(
    id: string,
    work: (implementation: Implementation) => Promise<T[]>,
  ): Promise<T[]> => {
    if (ours === undefined || !plan.measures.has(id)) return [];
    try {
      return await work(ours.implementation);
    } catch (error) {
      noteFailure(ours, id, error);
      return [];
    }
  };
  // Alternating rounds. With --quick there is one round of the smallest and the largest size.
  const [rounds, seconds] = plan.quick ? [1, 1] : [2, 3];
  const sizes = plan.quick ? [1, 1000] : [1, 10, 100, 1000, 10_000];
  const crowds = plan.quick ? [1, 1000] : [1, 10, 100, 1000];
  const commands = await extra(
    "commands",
    (c) => measureCommands(c, plan.quick ? 7 : 21, progress),
  );
  const scale = await extra("peers", (c) => measureScale(c, sizes, rounds, seconds, progress));
  const talkers = await extra(
    "talkers",
    (c) => measureTalkers(c, crowds, rounds, seconds, progress),
  );
  const profiles: Profile[] = [];
  for (const participant of plan.measures.has(PROFILE) ? participants : []) {
    progress(`profile of ${participant.implementation.title}`);
    try {
      // A profile requires many samples of code that has run for a while. A turn is too short for
      // this.
      profiles.push(
        ...await measureProfile(
          participant.implementation,
          Math.max(plan.seconds, plan.quick ? 1 : 4),
        ),
      );
    } catch (error) {
      noteFailure(participant, PROFILE, error);
    }
  }
  progress("");
  return {
    format: 1,
    made: new Date().toISOString(),
    quick: plan.quick,
    seconds: plan.seconds,
    inTurn: true,
    machine: thisMachine(),
    noise,
    measurements: participants.map((e) => e.measurement),
    absent,
    commands,
    scale,
    talkers,
    profiles,
  };
}

if (import.meta.main) {
  // The rooms of the laboratory end with this process.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      console.error("\nbench: interrupted; ending what it started");
      Deno.exit(130);
    });
  }
  Deno.exit(await main(Deno.args));
}
