/** The figures of a soak, and a soak of a minute. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { queuedBytes } from "../../scripts/soak/sample.ts";
import type { SoakResult } from "../../scripts/soak/run.ts";
import { growth, halves, slopeOf } from "../../scripts/soak/verdict.ts";
import { needs } from "../system/needs.ts";

const MINUTES = 0.7;

/** A quantity once a minute for two hours. */
const hours = (value: (minute: number) => number) =>
  Array.from({ length: 120 }, (_, minute) => ({ at: minute * 60, value: value(minute) }));

Deno.test("what swings does not grow, and what leaks is told with its size", () => {
  const swings = hours((minute) => 60_000 + 5_000 * Math.sin(minute));
  equal(growth("wg1", swings, 1_000, "kB"), undefined);
  // 200 kB a minute. Medians of halves lie 57 minutes apart.
  const leaks = hours((minute) => 60_000 + 200 * minute);
  equal(growth("wg1", leaks, 8_192, "kB"), "wg1: the median grew by 11400 kB; 8192 is allowed");
  // What fills at the beginning belongs to no half.
  equal(growth("wg1", hours((minute) => minute < 5 ? 0 : 60_000), 0, "kB"), undefined);
  // A peak is no median, but a maximum.
  const peak = halves(hours((minute) => minute === 100 ? 99 : 1));
  deepEqual([peak?.second.median, peak?.second.max, peak?.first.max], [1, 99, 1]);
  equal(halves(hours(() => 1).slice(0, 3)), undefined);
});

Deno.test("a slope has its standard error", () => {
  const { slope, error } = slopeOf(hours((minute) => 3 * minute));
  ok(Math.abs(slope - 180) < 1e-9 && error < 1e-9);
  // Residuals of 1 and -1 in turn, over 4 points: errors by hand.
  const points = [1, -1, 1, -1].map((value, hour) => ({ at: hour * 3_600, value }));
  const of = slopeOf(points);
  ok(Math.abs(of.slope + 0.4) < 1e-9);
  ok(Math.abs(of.error - Math.sqrt(3.2 / 2 / 5)) < 1e-9, `${of.error}`);
});

Deno.test("the queues of /proc/net/udp are summed", () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
  132: 00000000:1BC7 00000000:0000 07 00000000:00000100 00:00000000 00000000     0
  140: 00000000:1BC8 00000000:0000 07 00000010:00000000 00:00000000 00000000     0
`;
  equal(queuedBytes(table), 0x110);
});

Deno.test(
  "a short soak ends by itself, tells its figures and finds everything alive",
  needs("namespaces", "tun", "root", "ip", "ping", "wg", "wireguard-go", "iperf3"),
  async () => {
    const json = await Deno.makeTempFile();
    try {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", `${ROOT}scripts/soak.ts`, String(MINUTES), "--json", json],
        stdout: "piped",
        stderr: "piped",
      }).output();
      const text = new TextDecoder().decode(stdout);
      equal(code, 0, text + new TextDecoder().decode(stderr));
      match(text, /\nsoak: good\n$/);
      match(text, /\n {2}resident MB +\d/);
      const result: SoakResult = JSON.parse(await Deno.readTextFile(json));
      ok(result.traffic.bytes > 0);
      ok(Object.values(result.deeds).length > 0);
      ok(result.members.every(({ samples }) => samples.length > 5), text);
    } finally {
      await Deno.remove(json);
    }
  },
);
