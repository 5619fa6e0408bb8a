/**
 * The daemon's log: always a bounded ring that `wg dmesg` reads, besides it, as far as the level goes, syslog where there is
 * one, and standard error in the foreground.
 * @module
 */
import { SystemLog } from "../../ffi/unix_socket.ts";
import type { LogLine } from "./log_text.ts";

/** Lines kept, and bytes of one line. */
export const LOG_LINES_MAX = 1000;
const LINE_MAX = 500;

/** How much a line matters (RFC 5424's severities). */
export type Severity = "error" | "info" | "debug";
const SEVERITY: Readonly<Record<Severity, number>> = { error: 3, info: 6, debug: 7 };
/** What is written outside of the ring, by the words of wireguard-go's LOG_LEVEL: nothing, errors, or all. */
export type LogLevel = "silent" | "error" | "verbose";
const FACILITY_DAEMON = 3;
/** Longest pause before /dev/log is looked for again after it was not there. */
const SYSLOG_RETRY_MS = 30_000;

/** Reads LOG_LEVEL as wireguard-go does; without it, or with another word, undefined: the usual level. */
export function logLevelOf(word: string | undefined): LogLevel | undefined {
  switch (word) {
    case "silent":
    case "error":
    case "verbose":
      return word;
    case "debug":
      return "verbose";
    default:
      return undefined;
  }
}

/** Collects lines. Writing never waits and never throws. */
export class Log {
  readonly #lines: LogLine[] = [];
  #name: string;
  readonly #foreground: boolean;
  readonly #level: LogLevel;
  readonly #wallClock: () => number;
  #sequence = 0;
  #syslog: SystemLog | undefined;
  #syslogMissedAt = -SYSLOG_RETRY_MS;

  /**
   * @param name the interface, in front of every line
   * @param foreground also write to standard error
   */
  constructor(
    name: string,
    foreground: boolean,
    level: LogLevel = "verbose",
    wallClock: () => number = Date.now,
  ) {
    this.#name = name;
    this.#foreground = foreground;
    this.#level = level;
    this.#wallClock = wallClock;
  }

  /** Adds a line; control characters are replaced, and it is cut to a bearable length. */
  write(text: string, severity: Severity = "info"): void {
    // deno-lint-ignore no-control-regex
    const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, " ").slice(0, LINE_MAX);
    const unixMs = this.#wallClock();
    this.#lines.push({ sequence: ++this.#sequence, unixMs, text: clean });
    if (this.#lines.length > LOG_LINES_MAX) this.#lines.shift();
    if (this.#level === "silent" || this.#level === "error" && severity !== "error") return;
    const line = `${this.#name}: ${clean}`;
    if (this.#foreground) {
      try {
        Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
      } catch {
        // Nobody reads it any more; the ring has the line.
      }
    }
    this.#toSyslog(line, severity, unixMs);
  }

  /** Goes over to another name of the interface. */
  rename(name: string): void {
    this.#name = name;
  }

  /** The lines after one that was already seen (0 for all that are kept). */
  since(sequence: number): readonly LogLine[] {
    return this.#lines.filter((line) => line.sequence > sequence);
  }

  close(): void {
    this.#syslog?.close();
    this.#syslog = undefined;
  }

  #toSyslog(line: string, severity: Severity, unixMs: number): void {
    const message = `<${FACILITY_DAEMON * 8 + SEVERITY[severity]}>wg[${Deno.pid}]: ${line}`;
    const bytes = new TextEncoder().encode(message);
    if (this.#syslog?.send(bytes)) return;
    // The system log may have been started anew: the old socket leads nowhere then.
    this.#syslog?.close();
    this.#syslog = undefined;
    if (Math.abs(unixMs - this.#syslogMissedAt) < SYSLOG_RETRY_MS) return;
    this.#syslog = SystemLog.open();
    if (this.#syslog === undefined) this.#syslogMissedAt = unixMs;
    else this.#syslog.send(bytes);
  }
}
