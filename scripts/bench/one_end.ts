/**
 * `deno task bench one-end [--rounds N] [--seconds N] [--flows N] [--send-rate GBIT/S]
 * [--receive-rate GBIT/S] [--only send|receive] [--json FILE]`: what one end costs whose source or
 * sink is nearly free, with one Worker, with several in one interface, and with two interfaces.
 *
 * - **send**: one process puts flows that nobody answers into the interface. The tunnel's datagrams
 *   go to a link address that nobody has, so the other host drops them first of all.
 * - **receive**: four peers send. The packets are for an address behind the host, which does not
 *   forward and drops them.
 *
 * The forms are up at once and take turns. On a machine whose processors cannot carry both ends the
 * CPU time per GB and its shares count, not the throughput.
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureBuilt } from "../built.ts";
import { OUR_PROGRAM } from "./implementations.ts";
import { cpuSeconds, type Host, Laboratory, threadSeconds, until } from "./laboratory.ts";
import { type Estimate, estimate, pairedRatio } from "./statistics.ts";
import { type KeyPair, makeKeyPair, uapi } from "./uapi.ts";

const LOAD = fileURLToPath(import.meta.resolve("./one_end_load.ts"));
/** An address beside the hosts, and the link address that stands for it. */
const NOBODY = { address: "192.0.2.9", link: "02:00:00:00:00:09" };
const FIRST_PORT = 7110;
const WARM_UP_SECONDS = 3;
/** The time before and after a load in which nothing is measured: it starts and ends. */
const EDGE_SECONDS = 0.5;
/** Threads of the data plane. */
const PACKET_THREAD = /^wg (packets|outbound|inbound)/;

/** How an end is divided: interfaces, and Workers of each. */
interface Division {
  readonly interfaces: number;
  readonly workers: number;
}

interface Form extends Division {
  readonly title: string;
  readonly direction: "send" | "receive";
}

const FORMS: readonly Form[] = [
  { title: "one Worker", direction: "send", interfaces: 1, workers: 1 },
  { title: "2 Workers send", direction: "send", interfaces: 1, workers: 3 },
  { title: "2 interfaces", direction: "send", interfaces: 2, workers: 1 },
  { title: "one Worker", direction: "receive", interfaces: 1, workers: 1 },
  { title: "2 Workers receive", direction: "receive", interfaces: 1, workers: 4 },
  { title: "2 interfaces", direction: "receive", interfaces: 2, workers: 1 },
];

/** The peers that send to the measured end. */
const PEERS = 4;

/** The values of a form, a round each. */
interface Row {
  readonly form: Form;
  readonly gbits: number[];
  /** CPU-seconds of the measured end for each GB on the wire. */
  readonly perGb: number[];
  /** The CPU time of the busiest thread of packets, divided by the mean of those that worked. */
  readonly busiest: number[];
}

interface Plan {
  readonly seconds: number;
  readonly flows: number;
  readonly rate: Readonly<Record<Form["direction"], number>>;
}

const inner = (tunnel: number, host: number) => `10.80.${tunnel}.${host}`;
/** An address behind a host. The load goes to those behind the receiving one. */
const behind = (tunnel: number, host: number) => `10.81.${tunnel}.${host}`;
const socketOf = (host: Host, i: number) => host.path(`/run/wireguard/wg${i}.sock`);

/** One host's end of all tunnels. Tunnel `t` has interface `t % interfaces`. */
interface End extends Division {
  readonly host: Host;
  /** The keys of its interfaces; more than there are. */
  readonly keys: readonly KeyPair[];
  /** The last number of its inner addresses. */
  readonly inner: number;
}

const deviceOf = (end: Division, tunnel: number) => `wg${tunnel % end.interfaces}`;

/** Makes the interfaces of an end, with the peers and addresses of all tunnels. */
async function configure(end: End, other: End, count: number): Promise<void> {
  const { host, interfaces, workers, keys } = end;
  for (let i = 0; i < interfaces; i++) {
    const words = ["create", "wgworkers", String(workers), "wgport", String(FIRST_PORT + i)];
    for (let tunnel = i; tunnel < count; tunnel += interfaces) {
      const peer = tunnel % other.interfaces;
      words.push("wgpeer", other.keys[peer].public.toBase64());
      words.push("wgendpoint", other.host.address, String(FIRST_PORT + peer));
      words.push("wgaip", `${inner(tunnel, other.inner)}/32`);
      words.push("wgaip", `${behind(tunnel, other.inner)}/32`);
    }
    const key = keys[i].private.toBase64();
    await host.run([OUR_PROGRAM, "ifconfig", `wg${i}`, ...words, "wgkey", key, "up"]);
  }
  for (let tunnel = 0; tunnel < count; tunnel++) {
    const address = `${inner(tunnel, end.inner)}/24`;
    await host.run(["ip", "address", "add", address, "dev", deviceOf(end, tunnel)]);
  }
}

/** A form that is up: two hosts, of which the left one sends. */
class Tunnels implements AsyncDisposable {
  private constructor(
    readonly form: Form,
    readonly laboratory: Laboratory,
    readonly count: number,
    /** The keys of the receiving host's interfaces. */
    readonly peers: readonly KeyPair[],
    /** The processes of the measured end. */
    readonly daemons: readonly number[],
  ) {}

  static async open(form: Form): Promise<Tunnels> {
    const laboratory = await Laboratory.open();
    try {
      const { left, right } = laboratory;
      const count = form.direction === "send" ? form.interfaces : PEERS;
      const keys = await Promise.all(Array.from({ length: 2 * count }, () => makeKeyPair()));
      const far: Division = { interfaces: count, workers: 1 };
      const [sending, receiving] = form.direction === "send" ? [form, far] : [far, form];
      const sender: End = { host: left, keys: keys.slice(0, count), inner: 1, ...sending };
      const receiver: End = { host: right, keys: keys.slice(count), inner: 2, ...receiving };
      await configure(receiver, sender, count);
      await configure(sender, receiver, count);
      for (let tunnel = 0; tunnel < count; tunnel++) {
        const device = deviceOf(sender, tunnel);
        await left.run(["ip", "route", "add", behind(tunnel, receiver.inner), "dev", device]);
      }
      const neighbor = ["neighbor", "add", NOBODY.address, "lladdr", NOBODY.link, "dev", "wire"];
      await left.run(["ip", ...neighbor]);
      const measured = form.direction === "send" ? left : right;
      return new Tunnels(form, laboratory, count, receiver.keys, measured.processes());
    } catch (error) {
      await laboratory.close();
      throw error;
    }
  }

  /** Loads the tunnels. Returns what the measured end did in the middle of this time. */
  async measure(plan: Plan, seconds: number): Promise<readonly [number, number, number]> {
    const { left, right } = this.laboratory;
    // Sessions that are worn are renewed now.
    for (let tunnel = 0; tunnel < this.count; tunnel++) await this.#answers(tunnel);
    if (this.form.direction === "send") await this.#endpoints(NOBODY.address);
    const { flows, rate } = plan;
    const load = left.start([
      ...[Deno.execPath(), "run", "-A", LOAD, String(seconds + 2 * EDGE_SECONDS + 0.5)],
      ...[String(rate[this.form.direction]), String(flows)],
      ...Array.from({ length: this.count }, (_, tunnel) => behind(tunnel, 2)),
    ]);
    const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));
    await pause(2 * EDGE_SECONDS);
    const before = await this.#state();
    await pause(seconds);
    const after = await this.#state();
    await load.status;
    if (!(Number(load.output()) > 0)) throw new Error(`the load failed: ${load.output()}`);
    if (this.form.direction === "send") await this.#endpoints(right.address);
    const bytes = after.bytes - before.bytes;
    const threads = [...after.threads]
      .map(([thread, spent]) => spent - (before.threads.get(thread) ?? 0))
      .toSorted((a, b) => b - a)
      .slice(0, this.form.workers === 1 ? this.form.interfaces : 2);
    const mean = threads.reduce((sum, spent) => sum + spent, 0) / threads.length;
    return [
      bytes * 8e-9 / (after.at - before.at),
      (after.cpu - before.cpu) / (bytes / 1e9),
      threads[0] / mean,
    ];
  }

  async #state() {
    const { left, right } = this.laboratory;
    const [host, count] = this.form.direction === "send"
      ? [left, /^tx_bytes=(\d+)$/gm] as const
      : [right, /^rx_bytes=(\d+)$/gm] as const;
    let bytes = 0;
    for (let i = 0; i < this.form.interfaces; i++) {
      for (const [, tally] of (await uapi(socketOf(host, i), "get=1")).matchAll(count)) {
        bytes += Number(tally);
      }
    }
    const threads = threadSeconds(this.daemons, PACKET_THREAD);
    return { at: performance.now() / 1000, bytes, cpu: cpuSeconds(this.daemons), threads };
  }

  /** Sets the endpoints of all peers of the sending host. */
  async #endpoints(address: string): Promise<void> {
    for (let tunnel = 0; tunnel < this.count; tunnel++) {
      const key = this.peers[tunnel].public.toHex();
      const lines = [
        `public_key=${key}`,
        "update_only=true",
        `endpoint=${address}:${FIRST_PORT + tunnel}`,
      ];
      await uapi(socketOf(this.laboratory.left, tunnel), ["set=1", ...lines].join("\n"));
    }
  }

  async #answers(tunnel: number): Promise<void> {
    const argv = ["ping", "-n", "-c", "1", "-W", "1", inner(tunnel, 2)];
    await until("the tunnel", 20, 100, async () => {
      const tried = await this.laboratory.left.run(argv, { anyCode: true });
      return tried.code === 0 ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.laboratory.close();
  }
}

function text(rows: readonly Row[]): string {
  const shown = (value: Estimate | undefined, digits: number) =>
    value === undefined ? "-" : value.median.toFixed(digits) +
      (value.error === undefined ? "" : ` ±${value.error.toFixed(digits)}`);
  const lines = [
    ["", "", "Gbit/s", "CPU-s/GB", "busiest thread", "Gbit/s, ratio", "CPU-s/GB, ratio"],
  ];
  for (const row of rows) {
    // Throughput is compared with two interfaces, CPU time with one Worker.
    const [one, , two] = rows.filter(({ form }) => form.direction === row.form.direction);
    lines.push([
      row.form.direction,
      row.form.title,
      shown(estimate(row.gbits), 2),
      shown(estimate(row.perGb), 3),
      shown(estimate(row.busiest), 2),
      shown(pairedRatio(row.gbits, two.gbits), 2),
      shown(pairedRatio(row.perGb, one.perGb), 2),
    ]);
  }
  return lines.map(([first, second, ...cells]) =>
    first.padEnd(9) + second.padEnd(19) + cells.map((cell) => cell.padStart(16)).join("")
  ).join("\n");
}

/** Measures and prints. Returns the exit status. */
export async function benchOneEnd(
  args: readonly string[],
  say: (line: string) => void,
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "6" },
      seconds: { type: "string", default: "2" },
      flows: { type: "string", default: "64" },
      "send-rate": { type: "string", default: "16" },
      "receive-rate": { type: "string", default: "3" },
      only: { type: "string" },
      json: { type: "string" },
    },
  });
  const rate = { send: Number(values["send-rate"]), receive: Number(values["receive-rate"]) };
  const [rounds, seconds, flows] = [values.rounds, values.seconds, values.flows].map(Number);
  if (![rounds, seconds, flows, rate.send, rate.receive].every((value) => value > 0)) {
    console.error("bench: one-end: --rounds, --seconds, --flows and rates are numbers above 0");
    return 2;
  }
  const forms = FORMS.filter(({ direction }) =>
    values.only === undefined || direction === values.only
  );
  if (forms.length === 0) {
    console.error(`bench: one-end: --only: ${values.only} is unknown; send or receive is required`);
    return 2;
  }
  await ensureBuilt(false);
  await using up = new AsyncDisposableStack();
  const tunnels: Tunnels[] = [];
  for (const form of forms) tunnels.push(up.use(await Tunnels.open(form)));
  const plan: Plan = { seconds, flows, rate };
  const rows = forms.map((form): Row => ({ form, gbits: [], perGb: [], busiest: [] }));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < forms.length; turn++) {
      const i = (turn + round + 1) % forms.length;
      say(
        `${forms[i].direction}, ${forms[i].title}: ${round < 0 ? "warm-up" : `round ${round + 1}`}`,
      );
      const measured = await tunnels[i].measure(plan, round < 0 ? WARM_UP_SECONDS : seconds);
      if (round < 0) continue;
      for (const [k, values] of [rows[i].gbits, rows[i].perGb, rows[i].busiest].entries()) {
        values.push(measured[k]);
      }
    }
  }
  say("");
  console.log(text(rows));
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, JSON.stringify(rows, null, 1) + "\n");
  }
  return 0;
}
