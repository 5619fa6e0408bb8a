/**
 * `deno task bench flood [--seconds N] [--rate N] [--trials N] [--only WORD,...] [--json FILE]`:
 * what floods do to this program, with one Worker and with two, and to wireguard-go, in one run.
 * Every kind of flood is sent as fast as the sender can. Initiations are then sent at a rate, while
 * a tunnel is pinged and new peers connect.
 *
 * The sender, the device and whoever connects share one machine, so the rates say as much about it.
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FLOODS } from "./flood_load.ts";
import {
  type Implementation,
  IMPLEMENTATIONS,
  OUR_PROGRAM,
  planTunnel,
  SOCKET,
  TWO_WORKERS,
} from "./implementations.ts";
import { type Host, Laboratory, residentMax, sleep, until } from "./laboratory.ts";
import { pingTimes } from "./parse.ts";
import { quantile } from "./statistics.ts";
import { type KeyPair, makeKeyPair, peerLines, uapi } from "./uapi.ts";

const LOAD = fileURLToPath(import.meta.resolve("./flood_load.ts"));
const PARTICIPANTS: readonly Implementation[] = IMPLEMENTATIONS.flatMap((implementation) =>
  implementation.id === "ours"
    ? [implementation, TWO_WORKERS]
    : ["debian", "newest"].includes(implementation.id)
    ? [implementation]
    : []
);
/** How long after a flood it is looked what memory it left. */
const AFTER_SECONDS = 60;
/** How long a new peer may take, and the time between pings of the tunnel. */
const PATIENCE_SECONDS = 40;
const PING_SECONDS = 0.05;
/** The interface of a new peer, on the sender's host. */
const STRANGER = "wg9";

/** What a device did under one flood. */
interface FloodRow {
  readonly kind: string;
  /** Datagrams a second. */
  readonly rate: number;
  readonly residentMb: number;
}

/** What a device did under initiations at a rate. */
interface LoadRow {
  readonly rate: number;
  /** Datagrams a second that came back, less those of the pings. */
  readonly cookies: number;
  /** Of the tunnel's echo requests, in percent. */
  readonly lost: number;
  /** Round trips of the others, in ms. */
  readonly median: number;
  readonly p99: number;
  /** Seconds until each new peer had its first answer; Infinity for none. */
  readonly strangers: readonly number[];
}

/** What one device did. */
interface FloodReport {
  readonly title: string;
  readonly version: string;
  readonly idleMb: number;
  readonly floods: readonly FloodRow[];
  readonly afterMb: number;
  readonly load: LoadRow;
}

interface Plan {
  readonly seconds: number;
  readonly rate: number;
  readonly trials: number;
}

function residentMb(host: Host): number {
  return residentMax(host.processes()) / 2 ** 20;
}

/** Datagrams that came in by the wire so far. */
async function received(host: Host): Promise<number> {
  const { stdout } = await host.run(["ip", "-s", "-j", "link", "show", "wire"]);
  return JSON.parse(stdout)[0].stats64.rx.packets;
}

function startFlood(
  left: Host,
  kind: string,
  right: Host,
  port: number,
  key: KeyPair,
  words: readonly string[],
) {
  const argv = [Deno.execPath(), "run", "-A", LOAD, kind, right.address, String(port)];
  return left.start([...argv, key.public.toBase64(), ...words]);
}

/** A new peer: it is made, and pings until there is an answer. Returns the seconds that took. */
async function connect(left: Host, right: Host, port: number, device: KeyPair): Promise<number> {
  const keys = await makeKeyPair();
  const inner = "10.77.0.9";
  await uapi(right.path(SOCKET), `set=1\n${peerLines(keys.public, [`${inner}/32`])}`);
  const words = ["create", "wgkey", keys.private.toBase64(), "wgpeer", device.public.toBase64()];
  const peer = ["wgendpoint", right.address, String(port), "wgaip", "10.77.0.2/32"];
  try {
    await left.run([OUR_PROGRAM, "ifconfig", STRANGER, ...words, ...peer, "rdomain", "9"]);
    await left.run([OUR_PROGRAM, "ifconfig", STRANGER, "inet", `${inner}/24`]);
    const started = performance.now();
    const argv = ["ping", "-n", "-c", "1", "-i", "0.1", "-w", String(PATIENCE_SECONDS), "-W", "1"];
    const ping = await left.run(
      [OUR_PROGRAM, "route", "-T", "9", "exec", ...argv, "10.77.0.2"],
      { anyCode: true, timeoutSeconds: PATIENCE_SECONDS + 20 },
    );
    return ping.code === 0 ? (performance.now() - started) / 1_000 : Infinity;
  } finally {
    await left.run([OUR_PROGRAM, "ifconfig", STRANGER, "destroy"], { anyCode: true });
    await uapi(right.path(SOCKET), `set=1\npublic_key=${keys.public.toHex()}\nremove=true`);
  }
}

async function measure(
  implementation: Implementation,
  version: string,
  plan: Plan,
  say: (line: string) => void,
): Promise<FloodReport> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const ends = await planTunnel(left, right);
  await implementation.up(right, ends.right);
  await implementation.up(left, ends.left);
  const { keys, port } = ends.right;
  const peer = ends.left.peerInet;
  const answers = () =>
    until("the tunnel", 20, 100, async () => {
      const tried = await left.run(["ping", "-c", "1", "-W", "1", peer], { anyCode: true });
      return tried.code === 0 ? true : undefined;
    });
  await answers();
  await left.run(["ip", "route", "add", "local", "10.1.0.0/16", "dev", "lo"]);
  await right.run(["ip", "route", "add", "10.1.0.0/16", "via", left.address]);
  await sleep(3_000);
  const idleMb = residentMb(right);

  const floods: FloodRow[] = [];
  for (const kind of Object.keys(FLOODS)) {
    say(`${implementation.title}: ${kind}`);
    const sender = startFlood(left, kind, right, port, keys, [String(plan.seconds)]);
    let most = 0;
    while (!sender.hasEnded) {
      most = Math.max(most, residentMb(right));
      await sleep(100);
    }
    const rate = Number(sender.output()) / plan.seconds;
    if (!(rate > 0)) throw new Error(`the sender of ${kind} failed: ${sender.output()}`);
    floods.push({ kind, rate, residentMb: most });
  }
  say(`${implementation.title}: ${AFTER_SECONDS} s later`);
  await sleep(AFTER_SECONDS * 1_000);
  const afterMb = residentMb(right);

  say(`${implementation.title}: ${plan.rate} initiations a second`);
  // Otherwise the first echo request would wait for a handshake, which takes 5 s in the flood.
  await answers();
  const seconds = Math.max(plan.seconds, 10);
  const before = await received(left);
  const argv = ["ping", "-n", "-i", String(PING_SECONDS), "-W", "2", "-w", String(seconds - 1)];
  const sender = startFlood(left, "initiations", right, port, keys, [
    String(seconds),
    String(plan.rate),
  ]);
  await sleep(500);
  const { stdout } = await left.run([...argv, peer], {
    anyCode: true,
    timeoutSeconds: seconds + 20,
  });
  await sender.status;
  const rate = Number(sender.output()) / seconds;
  const cookies = (await received(left) - before) / seconds;
  const times = pingTimes(stdout);
  const asked = Number(/(\d+) packets transmitted/.exec(stdout)?.[1] ?? 0);

  const long = plan.trials * (PATIENCE_SECONDS + 10);
  const again = startFlood(left, "initiations", right, port, keys, [
    String(long),
    String(plan.rate),
  ]);
  await sleep(2_000);
  const strangers: number[] = [];
  for (let trial = 0; trial < plan.trials; trial++) {
    say(`${implementation.title}: new peer ${trial + 1} of ${plan.trials}`);
    strangers.push(await connect(left, right, port, keys));
  }
  again.signal("SIGKILL");
  const load: LoadRow = {
    rate,
    cookies: cookies - times.length / seconds,
    lost: asked === 0 ? 100 : 100 * (1 - times.length / asked),
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    strangers,
  };
  return { title: implementation.title, version, idleMb, floods, afterMb, load };
}

/** The reports as text. */
function text(reports: readonly FloodReport[]): string {
  const lines: string[] = [];
  const row = (name: string, cell: (report: FloodReport) => string) =>
    lines.push(name.padEnd(34) + reports.map((report) => cell(report).padStart(24)).join(""));
  row("", ({ title }) => title);
  row("version", ({ version }) => version.slice(0, 22));
  row("resident, idle", ({ idleMb }) => `${idleMb.toFixed(0)} MB`);
  for (const [i, kind] of Object.keys(FLOODS).entries()) {
    row(`resident under ${kind}`, ({ floods }) => {
      const { rate, residentMb } = floods[i];
      return `${residentMb.toFixed(0)} MB (${(rate / 1_000).toFixed(0)}k/s)`;
    });
  }
  row(`resident ${AFTER_SECONDS} s later`, ({ afterMb }) => `${afterMb.toFixed(0)} MB`);
  row("initiations a second", ({ load }) => load.rate.toFixed(0));
  row("cookie replies a second", ({ load }) => load.cookies.toFixed(0));
  row("tunnel: lost", ({ load }) => `${load.lost.toFixed(1)} %`);
  row("tunnel: round trip, median", ({ load }) => `${load.median.toFixed(1)} ms`);
  row("tunnel: round trip, p99", ({ load }) => `${load.p99.toFixed(1)} ms`);
  const trials = Math.max(...reports.map(({ load }) => load.strangers.length));
  for (let trial = 0; trial < trials; trial++) {
    row(
      `new peer ${trial + 1} connects after`,
      ({ load }) => `${load.strangers[trial].toFixed(1)} s`,
    );
  }
  return lines.join("\n");
}

/** Measures and prints. Returns the exit status. */
export async function benchFlood(
  args: readonly string[],
  say: (line: string) => void,
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "30" },
      rate: { type: "string", default: "120000" },
      trials: { type: "string", default: "5" },
      only: { type: "string", default: PARTICIPANTS.map(({ id }) => id).join(",") },
      json: { type: "string" },
    },
  });
  const plan: Plan = {
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    trials: Number(values.trials),
  };
  if (Object.values(plan).some((value) => !Number.isInteger(value) || value < 1)) {
    console.error("bench: flood: --seconds, --rate and --trials are whole numbers from 1");
    return 2;
  }
  const words = values.only.split(",");
  const unknown = words.find((word) => !PARTICIPANTS.some(({ id }) => id === word));
  if (unknown !== undefined) {
    console.error(
      `bench: flood: --only: ${unknown} is unknown; one of ${
        PARTICIPANTS.map(({ id }) => id)
      } is required`,
    );
    return 2;
  }
  const reports: FloodReport[] = [];
  const failures: string[] = [];
  for (const implementation of PARTICIPANTS.filter(({ id }) => words.includes(id))) {
    const { title } = implementation;
    try {
      const found = await implementation.find(say);
      if ("absent" in found) failures.push(`${title}: ${found.absent}`);
      else reports.push(await measure(implementation, found.version, plan, say));
    } catch (error) {
      // The others are measured all the same.
      failures.push(`${title}: ${error instanceof Error ? error.message : error}`);
    }
  }
  say("");
  console.log(text(reports));
  for (const failure of failures) console.log(failure);
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, JSON.stringify(reports, null, 1) + "\n");
  }
  return failures.length === 0 ? 0 : 1;
}
