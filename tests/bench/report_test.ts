import assert from "node:assert/strict";
import { FIGURES, GOALS } from "../../scripts/bench/figures.ts";
import { pictureSvg } from "../../scripts/bench/picture.ts";
import { figureTable, ratioTable, reportText, table } from "../../scripts/bench/report.ts";
import {
  bestRival,
  type Measurement,
  type Results,
  verdicts,
} from "../../scripts/bench/results.ts";

const measurement = (
  id: string,
  role: Measurement["role"],
  rounds: Measurement["rounds"],
  failures: string[] = [],
): Measurement => ({ id, title: id, version: "1", role, rounds, failures });

const results = (measurements: Measurement[], more: Partial<Results> = {}): Results => ({
  format: 1,
  made: "2026-01-01T00:00:00.000Z",
  quick: false,
  seconds: 1,
  machine: { cpus: 2, model: 'a <fast> & "quiet" one', kernel: "6.1", memoryGb: 8, deno: "2.9.6" },
  noise: [0.1],
  measurements,
  absent: [],
  commands: [],
  scale: [],
  talkers: [],
  profiles: [],
  ...more,
});

Deno.test("every goal names a figure, and figures are named once", () => {
  const ids = FIGURES.map((f) => f.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const goal of GOALS) {
    const better = FIGURES.find((f) => f.id === goal.figure)?.better;
    assert.equal(goal.relation, better === "higher" ? "at least" : "at most", goal.figure);
  }
});

Deno.test("the best rival is the fastest, or the cheapest where less is better; nothing of ours is one", () => {
  const run = results([
    measurement("ours", "ours", [{ tcp_mean: 100, cpu_per_gb: 0.1 }]),
    measurement("libcrypto", "variant", [{ tcp_mean: 80, cpu_per_gb: 0.2 }]),
    measurement("plain", "plain", [{ tcp_mean: 200, cpu_per_gb: 0.05 }]),
    measurement("debian", "rival", [{ tcp_mean: 1, cpu_per_gb: 20 }]),
    measurement("newest", "rival", [{ tcp_mean: 3, cpu_per_gb: 30 }]),
  ]);
  assert.equal(bestRival(run, "tcp_mean")?.id, "newest");
  assert.equal(bestRival(run, "cpu_per_gb")?.id, "debian");
  assert.equal(bestRival(run, "udp64_flood"), undefined);
});

const verdict = (run: Results, figure: string, against: string) =>
  verdicts(run).find((v) => v.goal.figure === figure && v.goal.against === against);

Deno.test("a goal is reached by its ratio, missed below it, and open when a side was not measured", () => {
  const run = (ours: number) =>
    results([
      measurement("ours", "ours", [{ tcp_mean: ours, loaded_p99: 1 }]),
      measurement("debian", "rival", [{ tcp_mean: 1, loaded_p99: 3 }]),
    ]);
  assert.equal(verdict(run(2), "tcp_mean", "best")?.outcome, "reached");
  assert.equal(verdict(run(1.9), "tcp_mean", "best")?.outcome, "missed");
  assert.equal(verdict(run(10), "loaded_p99", "best")?.outcome, "reached");
  assert.equal(verdict(run(10), "tcp_mean", "plain")?.outcome, "not measured");
  assert.equal(verdict(run(10), "udp64_flood", "best")?.outcome, "not measured");
});

Deno.test("a goal missed by no more than the error of what was found is told so, and never without an error", () => {
  // Distances of 0.2 to the median, most of them, make an error of 0.152 with six rounds.
  const run = (median: number, rounds = [-0.2, 0, 0, 0.2, 0.2, -0.2]) =>
    results([
      measurement(
        "ours",
        "ours",
        rounds.map((off) => ({ tcp_mean: median + off, loaded_p99: median + off })),
      ),
      measurement("debian", "rival", rounds.map(() => ({ tcp_mean: 0.1, loaded_p99: 1 }))),
      measurement("newest", "rival", rounds.map(() => ({ tcp_mean: 1, loaded_p99: 1 }))),
    ]);
  assert.equal(verdict(run(1.9), "tcp_mean", "best")?.outcome, "within the error");
  assert.equal(verdict(run(1.8), "tcp_mean", "best")?.outcome, "missed");
  assert.equal(verdict(run(2), "tcp_mean", "best")?.outcome, "reached");
  assert.equal(verdict(run(0.5), "loaded_p99", "best")?.outcome, "within the error");
  assert.equal(verdict(run(0.6), "loaded_p99", "best")?.outcome, "missed");
  assert.equal(verdict(run(0.3), "loaded_p99", "best")?.outcome, "reached");
  assert.equal(verdict(run(1.9, [-0.2, 0, 0.2]), "tcp_mean", "best")?.outcome, "missed");
  const text = reportText(run(1.9));
  assert.match(
    text,
    /newest \| +>= 2 \| +1\.90 ±0\.15 \| +within error \|/,
  );
  assert.match(text, /mean of both +\| +higher \| +19\.00 ±1\.52 \| +1\.90 ±0\.15 \|/);
});

Deno.test("a goal that is an amount needs no rival and is told with its unit", () => {
  const run = (ms: number) =>
    results([measurement("ours", "ours", Array(4).fill({ loaded_p50: ms }))]);
  assert.equal(verdict(run(0.8), "loaded_p50", "itself")?.outcome, "reached");
  assert.equal(verdict(run(1.1), "loaded_p50", "itself")?.outcome, "missed");
  assert.match(
    reportText(run(1.1)),
    /TCP, p50 +\| +- \| +<= 0\.8 ms \| +1\.10 ±0\.00 ms \| +NOT REACHED \|/,
  );
});

Deno.test("a table is Markdown with columns that stand under each other", () => {
  assert.equal(
    table(["a", "bb"], [["long name", "1"], ["x", "22.5"]]),
    "| a         |   bb |\n| --------- | ---: |\n| long name |    1 |\n| x         | 22.5 |",
  );
});

Deno.test("medians come with their spread, ratios are ours by theirs, and what is missing is a dash", () => {
  const run = results([
    measurement("ours", "ours", [{ tcp_up: 4 }, { tcp_up: 6 }, { tcp_up: 5 }]),
    measurement("debian", "rival", [{ tcp_up: 0.4 }, { tcp_up: 0.6 }, { tcp_up: 0.5 }]),
    measurement("newest", "rival", [{}, {}, {}]),
  ]);
  assert.match(
    figureTable(run),
    /TCP, one stream, up, Gbit\/s \| +5\.00 \(20%\) \| +0\.50 \(20%\) \| +- \|/,
  );
  assert.match(ratioTable(run), /TCP, one stream, up +\| +higher \| +10\.00 \| +- \|/);
});

Deno.test("from four rounds on ratios come with their error, and one round gone wrong widens no spread", () => {
  const run = results([
    measurement("ours", "ours", [{ tcp_up: 4 }, { tcp_up: 5 }, { tcp_up: 6 }, { tcp_up: 5 }, {
      tcp_up: 0.1,
    }]),
    measurement("debian", "rival", Array(5).fill({ tcp_up: 1 })),
    measurement("newest", "rival", [{ tcp_up: 1 }, {}, {}, {}, {}]),
  ]);
  assert.match(figureTable(run), /up, Gbit\/s \| +5\.00 \(10%\) \| +1\.00 \(0%\) \| +1\.00 \|/);
  assert.match(ratioTable(run), /up \| +higher \| +5\.00 ±0\.83 \| +4\.00 \|/);
});

Deno.test("the report says what failed, what is absent and what goals came to", () => {
  const run = results(
    [
      measurement("ours", "ours", [{ tcp_mean: 5 }], ["round 1: no first reply"]),
      measurement("debian", "rival", [{ tcp_mean: 4 }]),
    ],
    {
      absent: [{ id: "gotatun", why: "cargo is not on this machine" }],
      commands: [{ title: "wg ifconfig wg1", milliseconds: [30, 31, 32], empty: [25, 25, 25] }],
      scale: [
        { peers: 1, set: [1], get: [1], show: [30], tcp: [5], resident: [50e6] },
        { peers: 1001, set: [100], get: [9], show: [40], tcp: [4.9], resident: [52e6] },
      ],
      talkers: [
        { peers: 1, heard: [1, 1], rate: [10e3, 12e3], cpu: [20, 20] },
        { peers: 1000, heard: [1000, 999], rate: [10e3, 12e3], cpu: [25, 35], load: [4, 5] },
      ],
    },
  );
  const text = reportText(run);
  assert.match(text, /round 1: no first reply/);
  assert.match(text, /gotatun: not measured: cargo is not on this machine/);
  assert.match(text, /NOT REACHED/);
  assert.match(text, /wg ifconfig wg1 \| 31\.0 ms \| +25\.0 ms \| +1\.24/);
  assert.match(text, /\| 1001 .* 4\.90 \(0\.98\) .* 52\.0 .* 2000 \|/);
  assert.match(text, /\| 1000 +\| +999 \| +11\.0 \(1\.00\) \| +30\.0 \(1\.50\) \| +4\.5 \|/);
});

Deno.test("the heading says in which order was measured, also of older runs", () => {
  const measurements = [measurement("ours", "ours", [{ tcp_mean: 5 }, { tcp_mean: 6 }])];
  const turns = reportText(results(measurements, { inTurn: true }));
  assert.match(
    turns,
    /^2 rounds of 1 s loads; all tunnels are up at once and take turns at each load$/m,
  );
  assert.match(reportText(results(measurements)), /^2 alternating rounds of 1 s loads$/m);
});

Deno.test("a report of nothing is still a report", () => {
  assert.match(reportText(results([])), /2026-01-01/);
  assert.match(pictureSvg(results([])), /<\/svg>/);
});

Deno.test("the picture is well-formed, has both themes, and its bars are as long as their values", () => {
  const run = results([
    measurement("ours", "ours", [{ tcp_mean: 5, cpu_per_gb: 2 }]),
    measurement("a<b", "rival", [{ tcp_mean: 2.5, cpu_per_gb: 20 }]),
    measurement("plain", "plain", [{ tcp_mean: 50 }]),
  ]);
  const svg = pictureSvg(run);
  assert.match(svg, /prefers-color-scheme:dark/);
  assert.ok(!svg.includes("a<b") && svg.includes("a&lt;b"));
  assert.ok(!svg.includes(">plain<"));
  assertBalanced(svg);
  const widths = [...svg.matchAll(/<rect class="(\w+)"[^>]* width="([\d.]+)"/g)].map((m) =>
    Number(m[2])
  );
  assert.equal(widths.length, 4);
  assert.ok(Math.abs(widths[0] / widths[1] - 2) < 0.01);
  assert.ok(Math.abs(widths[3] / widths[2] - 10) < 0.1);
  assert.equal(pictureSvg(run), svg);
});

/** Every element that opens closes, in order; attributes are quoted. */
function assertBalanced(xml: string): void {
  const open: string[] = [];
  for (const [, close, name, rest] of xml.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (close === "/") assert.equal(open.pop(), name);
    else if (!rest.endsWith("/")) open.push(name);
  }
  assert.deepEqual(open, []);
}

Deno.test("a spread beyond the median itself is told by its extreme", () => {
  const run = results([
    measurement("ours", "ours", [{ udp64_loss: 0.1 }, { udp64_loss: 0.2 }, { udp64_loss: 9 }]),
  ]);
  assert.match(figureTable(run), /lost, % +\| +0\.2 \(to 9\.0\) \|/);
});
