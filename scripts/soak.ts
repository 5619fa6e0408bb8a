/**
 * `deno task soak [MINUTES]`: mixed traffic between interfaces of this program and one of
 * wireguard-go, while keys, peers, endpoints, links and clients change and floods come. Two hours
 * unless told. At the end memory and descriptors of the first and the second half are shown side by
 * side; the exit status is 0 when nothing grew, no interface was lost and traffic flows.
 *
 * deno task soak [MINUTES] [--rate MBITS] [--share PERCENT] [--seed N] [--json FILE]
 *
 * `--rate` is that of one flow, 20 Mbit/s unless told. `--share` is how much of one processor
 * everything together may take, 30 unless told: above it the soak becomes slower. SIGINT and
 * SIGTERM end it early, with the report of what there is; everything lives in namespaces that end
 * with this program. Root is required.
 * @module
 */
import { parseArgs } from "node:util";
import { ensureBuilt } from "./built.ts";
import { installPackages, missing } from "./facilities.ts";
import { Room } from "./netlab.ts";
import { Soak } from "./soak/run.ts";
import { reportText } from "./soak/report.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    rate: { type: "string", default: "20" },
    share: { type: "string", default: "30" },
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
    json: { type: "string" },
  },
});
const number = (word: string, text: string, max: number) => {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  console.error(`soak: ${word}: ${text} is invalid; a number above 0, at most ${max}, is required`);
  Deno.exit(2);
};
const minutes = number("MINUTES", positionals[0] ?? "120", 10_000);
const rate = number("--rate", values.rate, 10_000);
const share = number("--share", values.share, 1_000);
const seed = number("--seed", values.seed, 2 ** 32);

const FACILITIES = [
  "root",
  "namespaces",
  "tun",
  "ip",
  "ping",
  "wg",
  "wireguard-go",
  "iperf3",
] as const;
await installPackages(FACILITIES, (line) => console.error(line));
for (const facility of FACILITIES) {
  const reason = missing(facility);
  if (reason === undefined) continue;
  console.error(`soak: ${reason}`);
  Deno.exit(2);
}
await ensureBuilt(false);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    // The room ends with this process.
    if (stop.signal.aborted) Deno.exit(130);
    stop.abort();
  });
}
const room = await Room.open();
let status: number;
try {
  const soak = new Soak(room, { minutes, rate, share: share / 100, seed, stop });
  const result = await soak.run();
  console.log(reportText(result));
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, JSON.stringify(result, null, 1) + "\n");
  }
  status = result.problems.length > 0 ? 1 : result.interrupted ? 130 : 0;
} finally {
  await room.close();
}
Deno.exit(status);
