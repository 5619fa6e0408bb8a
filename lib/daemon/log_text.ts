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

/** Reads what `formatLog` made. Other lines are left out. */
export function parseLog(text: string): LogLine[] {
  const lines: LogLine[] = [];
  // With the flag m of a regular expression, U+2028 would end a line too.
  for (const line of text.split("\n")) {
    const match = /^line=([0-9]{1,15}) ([0-9]{1,15}) (.*)$/s.exec(line);
    if (match === null) continue;
    lines.push({ sequence: Number(match[1]), unixMs: Number(match[2]), text: match[3] });
  }
  return lines;
}
