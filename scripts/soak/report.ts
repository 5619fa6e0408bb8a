/**
 * The report of a soak as text.
 * @module
 */
import type { Sample } from "./sample.ts";
import type { SoakResult } from "./run.ts";
import { type Half, halves } from "./verdict.ts";

/** The quantities that are shown for both halves, each divided by a unit. */
const QUANTITIES: readonly (readonly [string, (sample: Sample) => number])[] = [
  ["resident MB", (sample) => sample.resident / 1_024],
  ["Pss MB", (sample) => sample.proportional / 1_024],
  ["descriptors", (sample) => sample.descriptors],
  ["threads", (sample) => sample.threads],
  ["shared maps", (sample) => sample.sharedMaps],
  ["shared MB", (sample) => sample.shared / 1_024],
  ["queued kB", (sample) => sample.queued / 1_024],
];

/** Counters whose names say that something went wrong. */
const TROUBLE = /fail|drop|invalid|wrong|lost|refus|replay|expired|full|unknown/;

const cell = ({ median, max, slope, error }: Half) =>
  `${median.toFixed(1).padStart(8)}${max.toFixed(1).padStart(8)}` +
  `${`${slope.toFixed(1)} ± ${error.toFixed(1)}`.padStart(15)}`;

/** Both halves side by side, what was done, and the verdict. */
export function reportText(result: SoakResult): string {
  const { traffic, members, deeds, failedDeeds, problems } = result;
  const lines = [
    `${(result.seconds / 60).toFixed(1)} minutes${
      result.interrupted ? ", interrupted" : ""
    }, seed ${result.seed}, ${
      (100 * result.processorSeconds / result.seconds).toFixed(0)
    }% of a processor`,
    `${traffic.flows} flows with ${
      (traffic.bytes / 1e6).toFixed(0)
    } MB, ${traffic.silent} of them ` +
    `silent; ${traffic.pingsAnswered} of ${traffic.pings} pings answered`,
    Object.entries(deeds).map(([name, count]) => `${name}: ${count}`).join(", "),
    ...failedDeeds.map((line) => `failed: ${line}`),
    "",
    "The first and the second half: median, maximum, growth an hour with its standard error.",
  ];
  for (const { title, samples, killed } of members) {
    lines.push("", `${title}, ${samples.length} samples${killed ? " of several processes" : ""}`);
    for (const [name, of] of QUANTITIES) {
      const both = halves(samples.map((sample) => ({ at: sample.at, value: of(sample) })));
      if (both === undefined) continue;
      lines.push(`  ${name.padEnd(12)}${cell(both.first)}   |${cell(both.second)}`);
    }
    const trouble = Object.entries(samples.at(-1)?.counters ?? {}).filter(([name]) =>
      TROUBLE.test(name)
    );
    if (trouble.length > 0) {
      lines.push(`  ${trouble.map(([name, value]) => `${name} ${value}`).join(", ")}`);
    }
  }
  lines.push("", ...problems.map((problem) => `PROBLEM: ${problem}`));
  lines.push(problems.length === 0 ? "soak: good" : `soak: ${problems.length} problems`);
  return lines.join("\n");
}
