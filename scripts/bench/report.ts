/**
 * The results of a run as text, for the terminal and for docs/performance.md.
 * @module
 */

import { type Figure, figure, FIGURES } from "./figures.ts";
import {
  type Measurement,
  type Outcome,
  type Profile,
  ratio,
  type Results,
  summary,
  type Verdict,
  verdicts,
} from "./results.ts";
import { type Estimate, spread, summarize } from "./statistics.ts";

/** The whole report: what ran, figures, ratios, goals, commands, peers. */
export function reportText(results: Results): string {
  const parts = [
    heading(results),
    figureTable(results),
    ratioTable(results),
    goalTable(verdicts(results)),
    commandTable(results),
    scaleTable(results),
    talkerTable(results),
    ...results.profiles.map(profileText),
    failures(results),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function heading(results: Results): string {
  const { machine } = results;
  const rounds = Math.max(0, ...results.measurements.map((c) => c.rounds.length));
  const noise = results.noise.map((n) => `${Math.round(n * 100)}%`).join(", ");
  const order = results.inTurn
    ? `${rounds} rounds of ${results.seconds} s loads; all tunnels are up at once and take turns at each load`
    : `${rounds} alternating rounds of ${results.seconds} s loads`;
  const lines = [
    `${results.made}, ${machine.cpus} CPUs (${machine.model}), ${machine.memoryGb} GB`,
    `Linux ${machine.kernel}, Deno ${machine.deno}`,
    order,
    "the same program at both ends; both ends and iperf3 share the CPUs",
    `used by others before each round: ${noise || "not measured"}`,
    ...results.measurements.map((c) => `${c.title}: ${c.version}`),
    ...results.absent.map((a) => `${a.id}: not measured: ${a.why}`),
  ];
  return lines.join("\n");
}

/**
 * The medians, each with half the distance of its quartiles (of its extremes with fewer than four
 * rounds).
 */
export function figureTable(results: Results): string {
  const columns = results.measurements;
  const rows = FIGURES
    .filter((f) => columns.some((c) => summary(c, f.id) !== undefined))
    .map((f) => [`${f.title}, ${f.unit}`, ...columns.map((c) => cell(c, f))]);
  return rows.length === 0
    ? ""
    : tables(["median (plus or minus)", ...columns.map((c) => c.title)], rows, 1);
}

function cell(measurement: Measurement, f: Figure): string {
  const found = summary(measurement, f.id);
  if (found === undefined) return "-";
  const text = found.median.toFixed(f.digits);
  if (found.count === 1) return text;
  const percent = Math.round(spread(found) * 100);
  // A percentage of a median near 0 has no meaning.
  return percent > 100 ? `${text} (to ${found.max.toFixed(f.digits)})` : `${text} (${percent}%)`;
}

/** Our value divided by each other one: the median over the rounds and its standard error. */
export function ratioTable(results: Results): string {
  const ours = results.measurements.find((c) => c.role === "ours");
  const others = results.measurements.filter((c) => c.role !== "ours");
  if (ours === undefined || others.length === 0) return "";
  const rows = FIGURES
    .map((f) => [f.title, f.better, ...others.map((c) => estimateText(ratio(ours, c, f.id)))])
    .filter((row) => row.slice(2).some((text) => text !== "-"));
  return tables(["ours divided by", "better", ...others.map((c) => c.title)], rows, 2);
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  "reached": "reached",
  "within the error": "within error",
  "missed": "NOT REACHED",
  "not measured": "not measured",
};

function goalTable(all: readonly Verdict[]): string {
  if (all.every((v) => v.found === undefined)) return "";
  const rows = all.map(({ goal, rival, found, outcome }) => {
    const { title, unit } = figure(goal.figure);
    const amount = goal.against === "itself";
    const text = estimateText(found);
    return [
      title,
      amount ? "-" : goal.against === "best" && rival === goal.against ? "best rival" : rival,
      `${goal.relation === "at least" ? ">=" : "<="} ${goal.value}${amount ? ` ${unit}` : ""}`,
      amount && found !== undefined ? `${text} ${unit}` : text,
      OUTCOMES[outcome],
    ];
  });
  return table(["goal: ours divided by", "", "required", "found", "result"], rows);
}

function commandTable(results: Results): string {
  if (results.commands.length === 0) return "";
  const rows = results.commands.map((command) => {
    const ours = summarize(command.milliseconds);
    const empty = summarize(command.empty);
    if (ours === undefined || empty === undefined) return [command.title, "-", "-", "-"];
    return [
      command.title,
      `${ours.median.toFixed(1)} ms`,
      `${empty.median.toFixed(1)} ms`,
      ratioText(ours.median / empty.median),
    ];
  });
  return table(["command", "median", "empty program", "ratio"], rows);
}

function scaleTable(results: Results): string {
  if (results.scale.length === 0) return "";
  const one = results.scale[0];
  const middle = (samples: readonly number[]) => summarize(samples)?.median ?? NaN;
  const rows = results.scale.map((row) => {
    const extra = row.peers - one.peers;
    return [
      String(row.peers),
      middle(row.set).toFixed(1),
      middle(row.get).toFixed(1),
      middle(row.show).toFixed(1),
      `${middle(row.tcp).toFixed(2)} (${ratioText(middle(row.tcp) / middle(one.tcp))})`,
      (middle(row.resident) / 1e6).toFixed(1),
      extra < 100 ? "-" : `${Math.round((middle(row.resident) - middle(one.resident)) / extra)}`,
    ];
  });
  const columns = ["peers", "set, ms", "get, ms", "ifconfig, ms", "TCP, Gbit/s", "resident, MB"];
  return table([...columns, "bytes per peer"], rows);
}

function talkerTable(results: Results): string {
  if (results.talkers.length === 0) return "";
  const middle = (samples: readonly number[]) => summarize(samples)?.median ?? NaN;
  const one = results.talkers[0];
  const rows = results.talkers.map((row) => [
    String(row.peers),
    String(Math.min(...row.heard)),
    `${(middle(row.rate) / 1000).toFixed(1)} (${ratioText(middle(row.rate) / middle(one.rate))})`,
    `${middle(row.cpu).toFixed(1)} (${ratioText(middle(row.cpu) / middle(one.cpu))})`,
    row.load === undefined ? "-" : middle(row.load).toFixed(1),
  ]);
  return table(
    [
      "peers in turn",
      "answered",
      "1000 echoes/s (ratio)",
      "CPU per echo, us (ratio)",
      "the load's",
    ],
    rows,
  );
}

function profileText(profile: Profile): string {
  const lines = (title: string, shares: Profile["places"]) => [
    title,
    ...shares.map(({ name, percent }) => `${percent.toFixed(1).padStart(6)}%  ${name}`),
  ];
  return [
    ...lines(
      `${profile.measurement}, ${profile.side} of one TCP stream, time by place:`,
      profile.places,
    ),
    ...lines("by function:", profile.functions),
  ].join("\n");
}

function failures(results: Results): string {
  return results.measurements.flatMap((c) => c.failures.map((f) => `${c.title}: ${f}`)).join("\n");
}

function ratioText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "-" : value.toFixed(ratioDigits(value));
}

function ratioDigits(value: number): number {
  return value < 0.1 ? 3 : value < 20 ? 2 : 0;
}

function estimateText(found: Estimate | undefined): string {
  if (found?.error === undefined) return ratioText(found?.median);
  return `${ratioText(found.median)} ±${found.error.toFixed(ratioDigits(found.median))}`;
}

/** The width of a terminal in columns. */
const WIDTH = 100;

/**
 * A table, or as many as are needed so that none is wider than a terminal.
 * @param leading columns that name a row, repeated in each table
 */
export function tables(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  leading: number,
): string {
  const pick = (row: readonly string[], from: number, to: number) => [
    ...row.slice(0, leading),
    ...row.slice(from, to),
  ];
  const of = (from: number, to: number) =>
    table(pick(head, from, to), rows.map((row) => pick(row, from, to)));
  const found: string[] = [];
  for (let from = leading; from < head.length;) {
    let to = from + 1;
    while (to < head.length && of(from, to + 1).indexOf("\n") <= WIDTH) to++;
    found.push(of(from, to));
    from = to;
  }
  return found.join("\n\n");
}

/** A table that is readable as text and valid Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((text, i) => i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])).join(
        " | ",
      )
    } |`;
  const rule = `| ${
    widths.map((w, i) => i === 0 ? "-".repeat(w) : "-".repeat(w - 1) + ":").join(" | ")
  } |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
