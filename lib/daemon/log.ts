/**
 * The daemon's log. All lines go to a bounded ring, which `wg dmesg` reads. Lines of the log level
 * go to syslog too, and in the foreground to standard error.
 * @module
 */
import { DatagramSocket } from "../../ffi/unix_socket.ts";
import type { LogLine } from "./log_text.ts";

/** The most lines in the ring, and the most characters of a line. */
export const LOG_LINES_MAX = 1000;
const LINE_MAX = 500;

/** The severity of a line (RFC 5424). */
export type Severity = "error" | "info" | "debug";
const SEVERITY: Readonly<Record<Severity, number>> = { error: 3, info: 6, debug: 7 };
/** Which lines are written outside of the ring: none, errors, or all (wireguard-go's LOG_LEVEL). */
export type LogLevel = "silent" | "error" | "verbose";
const FACILITY_DAEMON = 3;
/** How long after /dev/log was missing it is opened again. */
const SYSLOG_RETRY_MS = 30_000;

/** The level of the variable LOG_LEVEL, as in wireguard-go; undefined for other words. */
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

/** The log of a daemon. Writing neither blocks nor throws. */
export class Log {
  readonly #lines: LogLine[] = [];
  #name: string;
  readonly #foreground: boolean;
  readonly #level: LogLevel;
  readonly #wallClock: () => number;
  #sequence = 0;
  #syslog: DatagramSocket | undefined;
  #syslogMissedAt = -SYSLOG_RETRY_MS;

  /**
   * @param name the name of the interface, with which every line begins
   * @param foreground whether lines go to standard error too
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

  /** Adds a line. Control characters are replaced by spaces, and the line is cut to LINE_MAX. */
  write(text: string, severity: Severity = "info"): void {
    // deno-lint-ignore no-control-regex
    const clean = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, " ").slice(0, LINE_MAX);
    const unixMs = this.#wallClock();
    this.#lines.push({ sequence: ++this.#sequence, unixMs, text: clean });
    if (this.#lines.length > LOG_LINES_MAX) this.#lines.shift();
    if (this.#level === "silent" || this.#level === "error" && severity !== "error") return;
    const line = `${this.#name}: ${clean}`;
    if (this.#foreground) {
      try {
        Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
      } catch {
        // Standard error is closed. The ring has the line.
      }
    }
    this.#toSyslog(line, severity, unixMs);
  }

  /** Sets the name with which lines begin. */
  rename(name: string): void {
    this.#name = name;
  }

  /** The lines with a number greater than `sequence`; 0 returns all lines of the ring. */
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
    // After a restart of the system log, the old socket is dead.
    this.#syslog?.close();
    this.#syslog = undefined;
    if (Math.abs(unixMs - this.#syslogMissedAt) < SYSLOG_RETRY_MS) return;
    this.#syslog = DatagramSocket.open("/dev/log");
    if (this.#syslog === undefined) this.#syslogMissedAt = unixMs;
    else this.#syslog.send(bytes);
  }
}
