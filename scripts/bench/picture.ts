/**
 * Draws the picture of the README: bars for the most important figures, from the JSON of a run. It
 * is plain SVG with colours for light and dark themes.
 * @module
 */

import { figure, type FigureId } from "./figures.ts";
import { type Results, summary } from "./results.ts";

/** The panels, two in a row. */
const PANELS: readonly { readonly id: FigureId; readonly title: string }[] = [
  { id: "tcp_mean", title: "TCP, one stream" },
  { id: "cpu_per_gb", title: "CPU time per gigabyte" },
  { id: "udp64_flood", title: "small packets delivered" },
  { id: "loaded_p99", title: "round trip under load, p99" },
];

const PANEL_WIDTH = 410;
const LABEL_WIDTH = 165;
const VALUE_WIDTH = 64;
const BAR_HEIGHT = 16;
const BAR_STEP = 24;
const GAP = 28;
const TITLE_HEIGHT = 44;
const FOOT_HEIGHT = 34;

const STYLE = `text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2328}
.title{font-weight:600;font-size:14px}.quiet{fill:#59636e;font-size:11px}.ours{fill:#c2410c}.rival{fill:#8c959f}
.value{font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.ours{fill:#fb923c}.rival{fill:#656c76}}`;

/** Draws the picture. Panels without samples are omitted. */
export function pictureSvg(results: Results): string {
  const measurements = results.measurements.filter((c) => c.role !== "plain");
  const panels = PANELS.filter((panel) =>
    measurements.some((c) => summary(c, panel.id) !== undefined)
  );
  const panelHeight = TITLE_HEIGHT + measurements.length * BAR_STEP;
  const width = PANEL_WIDTH * 2 + GAP;
  const height = Math.ceil(panels.length / 2) * (panelHeight + GAP) + FOOT_HEIGHT;
  const body = panels.map((panel, i) => {
    const x = (i % 2) * (PANEL_WIDTH + GAP);
    const y = Math.floor(i / 2) * (panelHeight + GAP);
    return `<g transform="translate(${x} ${y})">${drawPanel(results, panel)}</g>`;
  });
  const foot =
    `medians of one run on ${results.machine.cpus} CPUs with both ends and iperf3 on them; ` +
    `the same program at both ends; deno task bench`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
      escape(describe(results))
    }">`,
    `<style>${STYLE}</style>`,
    ...body,
    `<text class="quiet" x="0" y="${height - 12}">${escape(foot)}</text>`,
    `</svg>`,
    "",
  ].join("\n");
}

function drawPanel(
  results: Results,
  panel: { readonly id: FigureId; readonly title: string },
): string {
  const f = figure(panel.id);
  const bars = results.measurements
    .filter((c) => c.role !== "plain")
    .map((c) => ({ measurement: c, value: summary(c, panel.id)?.median }));
  const most = Math.max(...bars.map((bar) => bar.value ?? 0), Number.MIN_VALUE);
  const room = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const parts = [
    `<text class="title" x="0" y="18">${escape(panel.title)}</text>`,
    `<text class="quiet" x="0" y="34">${escape(`${f.unit}, ${f.better} is better`)}</text>`,
  ];
  bars.forEach(({ measurement, value }, i) => {
    const y = TITLE_HEIGHT + i * BAR_STEP;
    const middle = y + BAR_HEIGHT - 4;
    const length = value === undefined ? 0 : Math.max(1, room * value / most);
    const kind = measurement.role === "rival" ? "rival" : "ours";
    parts.push(
      `<text x="0" y="${middle}">${escape(measurement.title)}</text>`,
      `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${
        length.toFixed(1)
      }" height="${BAR_HEIGHT}" rx="2"/>`,
      `<text class="value" x="${(LABEL_WIDTH + length + 6).toFixed(1)}" y="${middle}">${
        value === undefined ? "not measured" : value.toFixed(value < 10 ? 2 : 1)
      }</text>`,
    );
  });
  return parts.join("");
}

function describe(results: Results): string {
  const words = results.measurements.filter((c) => c.role !== "plain").map((c) => {
    const found = summary(c, "tcp_mean");
    return found === undefined ? c.title : `${c.title} ${found.median.toFixed(2)} Gbit/s`;
  });
  return `TCP through the tunnel: ${words.join(", ")}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
