/**
 * The format of log lines in the control socket's answer to `dmesg=1`: `line=SEQUENCE UNIX-MS
 * TEXT`.
 * @module
 */

/** A line of a daemon's log. */
export interface LogLine {
  /** The number of the line, from 1 on. */
  readonly sequence: number;
  /** When it was written: Unix time in milliseconds. */
  readonly unixMs: number;
  /** The message, without a newline. */
  readonly text: string;
}

/** Writes lines in this format. */
export function formatLog(lines: readonly LogLine[]): string {
  return lines.map((line) => `line=${line.sequence} ${line.unixMs} ${line.text}\n`).join("");
}

/** Reads what `formatLog` made. */
export function parseLog(text: string): LogLine[] {
  return [...text.matchAll(/^line=([0-9]+) ([0-9]+) (.*)$/gm)].map((match) => ({
    sequence: Number(match[1]),
    unixMs: Number(match[2]),
    text: match[3],
  }));
}
