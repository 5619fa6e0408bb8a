/**
 * What signals do to the process of an interface. Each one whose usual effect is the end of a
 * process (signal(7)) either ends the interface properly, with its socket and files gone, or does
 * nothing. Left as they are: SIGKILL, and those by which the kernel tells of a fault in the process
 * (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS).
 * @module
 */
import { ignoreSignal } from "../../ffi/libc.ts";

/**
 * Signals that ask for the end; SIGABRT is what systemd's watchdog sends, SIGXCPU the limit on
 * processor time.
 */
const ENDING: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGXCPU"];
/** The terminal is gone. A process that has let go of it knows none. */
const SIGHUP = 1;
/** SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGSTKFLT, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO and SIGPWR. */
const IGNORED: readonly number[] = [10, 12, 13, 14, 16, 25, 26, 27, 29, 30];
/** Real-time signals that are free: the C library has 32 and 33 for itself. */
const REAL_TIME_FIRST = 34;
const REAL_TIME_LAST = 64;

/**
 * Call at the start of the process, before there is anything that a signal could leave behind.
 * @param end called for each signal that asks for the end
 * @param foreground whether the terminal's end is one of them
 */
export function handleSignals(end: () => void, foreground: boolean): void {
  for (const signal of foreground ? [...ENDING, "SIGHUP" as const] : ENDING) {
    Deno.addSignalListener(signal, end);
  }
  for (const signal of foreground ? IGNORED : [...IGNORED, SIGHUP]) ignoreSignal(signal);
  for (let signal = REAL_TIME_FIRST; signal <= REAL_TIME_LAST; signal++) ignoreSignal(signal);
}
