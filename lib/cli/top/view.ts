/**
 * What `wg top` shows: the state of the screen, and its lines.
 * @module
 */
import { Chalk } from "npm:chalk@6.0.1";
import stringWidth from "npm:string-width@9.0.0";
import sliceAnsi from "npm:slice-ansi@10.0.1";
import wrapAnsi from "npm:wrap-ansi@10.0.0";
import type { Row } from "./rates.ts";

/** The columns by which peers can be sorted. */
export const SORTS = ["name", "received", "sent", "handshake", "drops"] as const;
/** A column. */
export type Sort = typeof SORTS[number];

/** The state of the screen. */
export interface View {
  readonly rows: readonly Row[];
  /** Failures of interfaces that did not answer. */
  readonly problems: readonly string[];
  readonly sort: Sort;
  readonly reversed: boolean;
  readonly filter: string;
  /** Whether the filter is being typed. */
  readonly isTyping: boolean;
  /** Whether drops by reason are shown in place of endpoints. */
  readonly showsDrops: boolean;
  /** The selected row, as `idOf`; undefined for the first. */
  readonly selected: string | undefined;
  /** The text that explains the selected row; undefined when rows are shown. */
  readonly explained: string | undefined;
  /** The lines of the explanation that are above the screen. */
  readonly scrolled: number;
}

/** A screen at its start. */
export const FIRST_VIEW: View = {
  rows: [],
  problems: [],
  sort: "name",
  reversed: false,
  filter: "",
  isTyping: false,
  showsDrops: false,
  selected: undefined,
  explained: undefined,
  scrolled: 0,
};

/** Columns and lines of a terminal. */
export interface Size {
  readonly columns: number;
  readonly lines: number;
}

/** Lines of the screen that are no rows: two above and one below. */
export const OTHER_LINES = 3;

/** What names a row, also when others come and go. */
export const idOf = (row: Row): string => `${row.interface}/${row.key ?? ""}`;

/** The rows that are shown, in their order: of each interface itself, then its peers. */
export function shownRows({ rows, filter, sort, reversed }: View): Row[] {
  const wanted = filter.toLowerCase();
  const found = rows.filter((row) =>
    [row.interface, row.name, row.key ?? "", row.endpoint].some((text) =>
      text.toLowerCase().includes(wanted)
    )
  );
  const order = reversed ? -1 : 1;
  const groups = Map.groupBy(found, (row) => row.interface);
  return [...groups.values()].flatMap((group) => {
    const own = group.filter(({ key }) => key === undefined);
    const peers = group.filter(({ key }) => key !== undefined);
    return [...own, ...peers.sort((a, b) => order * compare(a, b, sort))];
  });
}

function compare(a: Row, b: Row, sort: Sort): number {
  switch (sort) {
    case "name":
      return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
    case "received":
      return (b.rxRate ?? 0) - (a.rxRate ?? 0) || b.rxBytes - a.rxBytes;
    case "sent":
      return (b.txRate ?? 0) - (a.txRate ?? 0) || b.txBytes - a.txBytes;
    case "handshake":
      return b.handshakeUnixMs - a.handshakeUnixMs;
    case "drops":
      return (b.dropRate ?? 0) - (a.dropRate ?? 0) || dropsOf(b) - dropsOf(a);
  }
}

const dropsOf = ({ drops }: Row) => Object.values(drops).reduce((sum, count) => sum + count, 0);

/** A rate in bits a second with three digits: `4.23 G`; `-` when there is none. */
export function formatRate(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  let bits = bytes * 8;
  let unit = 0;
  for (; bits >= 999.5 && unit < RATE_UNITS.length - 1; unit++) bits /= 1000;
  const digits = unit === 0 || bits >= 99.95 ? 0 : bits >= 9.995 ? 1 : 2;
  return `${bits.toFixed(digits)}${RATE_UNITS[unit]}`;
}
const RATE_UNITS = ["", "k", "M", "G", "T"];

/** The age of a time in its two greatest units at most: `2m03s`; `never` for 0. */
export function formatAge(unixMs: number, nowUnixMs: number): string {
  if (unixMs === 0) return "never";
  const seconds = Math.max(0, Math.floor((nowUnixMs - unixMs) / 1000));
  const two = (value: number) => `${value}`.padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  }
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor(seconds / 3600) % 24)}h`;
}

const MARKS = " ▁▂▃▄▅▆▇█";

/** The marks of a history, scaled to its greatest value, `width` columns with the newest right. */
export function sparkline(history: readonly number[], width: number): string {
  const most = Math.max(...history, 1);
  const marks = history.slice(-width).map((value) =>
    value <= 0 ? MARKS[0] : MARKS[1 + Math.min(7, Math.floor(value / most * 8))]
  );
  return marks.join("").padStart(width);
}

/** Drops by reason, the most first. */
export const formatDrops = ({ drops }: Row): string =>
  Object.entries(drops).sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`)
    .join(", ");

/** Widths of the columns behind the name. */
const COLUMNS = [["received", 9], ["sent", 9], ["handshake", 10], ["drops", 9]] as const;
const FIXED = COLUMNS.reduce((sum, [, width]) => sum + width + 1, 0);
/** The widths of the marks: on a narrow screen the endpoint needs the room. */
const MARKS_WIDTH = 12;
const MARKS_NARROW = 4;
/** The longest IPv4 endpoint. */
const ENDPOINT = "255.255.255.255:65535".length;
/** The columns of a screen that has room for both. */
const WIDE = 96;

/**
 * The lines of an explanation, as wide as the screen at most.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { explanationLines } from "./view.ts";
 *
 * assert.deepEqual(explanationLines("all is well", 8), ["all is", "well"]);
 * ```
 */
export const explanationLines = (text: string, columns: number): string[] =>
  text.trimEnd().split("\n").flatMap((line) => {
    const indent = " ".repeat(Math.min(/^ */.exec(line)![0].length, columns >> 1));
    return wrapAnsi(line.trimStart(), Math.max(1, columns - indent.length), { hard: true })
      .split("\n").map((part) => indent + part);
  });

/** The most lines of an explanation that may be above the screen. */
export const scrolledMax = (text: string, { columns, lines }: Size): number =>
  Math.max(0, explanationLines(text, columns).length - Math.max(1, lines - 1));

/**
 * The lines of the screen, each at most `columns` wide.
 * @param colors whether they are coloured
 * @param nowUnixMs the time from which ages count
 */
export function screenLines(view: View, size: Size, nowUnixMs: number, colors: boolean): string[] {
  const chalk = new Chalk({ level: colors ? 1 : 0 });
  const { columns, lines } = size;
  const fit = (text: string) =>
    stringWidth(text) <= columns ? text : `${sliceAnsi(text, 0, columns - 1)}…`;
  if (view.explained !== undefined) {
    const most = scrolledMax(view.explained, size);
    const from = Math.min(view.scrolled, most);
    const text = explanationLines(view.explained, columns).slice(from).slice(
      0,
      Math.max(1, lines - 1),
    );
    const how = most === 0 ? "any key goes back" : "arrows scroll, any other key goes back";
    return [...text, chalk.dim(how)].map(fit);
  }
  const marksWidth = columns < WIDE ? MARKS_NARROW : MARKS_WIDTH;
  const nameWidth = Math.max(12, Math.min(32, columns - FIXED - marksWidth - 2 - ENDPOINT));
  const cell = (text: string, width: number) => {
    const short = stringWidth(text) > width ? `${sliceAnsi(text, 0, width - 1)}…` : text;
    return short + " ".repeat(Math.max(0, width - stringWidth(short)));
  };
  const right = (text: string, width: number) => text.padStart(width).slice(0, width);
  // The marks are behind the rates.
  const row = (name: string, cells: readonly string[], marks: string, last: string) =>
    [name, ...cells.slice(0, 2), marks, ...cells.slice(2), last].join(" ");
  const last = view.showsDrops ? "drops by reason" : "endpoint";
  const heads = COLUMNS.map(([head, width]) => {
    const mark = view.sort === head ? (view.reversed ? "^" : "v") : "";
    return right(`${mark}${head}`, width);
  });
  const peers = view.rows.filter(({ key }) => key !== undefined);
  const connected = peers.filter((row) => nowUnixMs - row.handshakeUnixMs < CONNECTED_MS).length;
  const title = `wg top: ${view.rows.length - peers.length} interfaces, ${peers.length} peers, ` +
    `${connected} connected${view.problems.length === 0 ? "" : `; ${view.problems.join("; ")}`}`;
  const shown = shownRows(view);
  const at = Math.max(0, shown.findIndex((row) => idOf(row) === view.selected));
  const room = Math.max(1, lines - OTHER_LINES);
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), shown.length - room));
  const body = shown.slice(from, from + room).map((one, i) => {
    const name = one.key === undefined ? chalk.bold(cell(one.name, nameWidth)) : cell(
      `  ${one.name}`,
      nameWidth,
    );
    const cells = [
      right(formatRate(one.rxRate), 9),
      right(formatRate(one.txRate), 9),
      right(formatAge(one.handshakeUnixMs, nowUnixMs), 10),
      right(`${dropsOf(one)}`, 9),
    ];
    const text = row(
      name,
      cells,
      chalk.green(sparkline(one.history, marksWidth)),
      one.disabled !== ""
        ? chalk.yellow(`disabled (${one.disabled})`)
        : view.showsDrops
        ? formatDrops(one)
        : one.endpoint,
    );
    return from + i === at ? chalk.inverse(fit(text)) : text;
  });
  const foot = view.isTyping || view.filter !== ""
    ? `filter: ${view.filter}${view.isTyping ? "_" : ""}`
    : HELP_LINE;
  return [
    title,
    chalk.bold(row(cell("name", nameWidth), heads, " ".repeat(marksWidth), last)),
    ...body,
    ...Array.from({ length: room - body.length }, () => ""),
    chalk.dim(foot),
  ].map(fit);
}

/** How long after a handshake a peer counts as connected: the life of a session. */
const CONNECTED_MS = 180_000;
const HELP_LINE = "enter explain  s sort  S turn round  / filter  d drops  space look  q end";
