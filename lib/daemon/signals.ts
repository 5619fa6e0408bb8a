/**
 * Handles signals of the process of an interface. A signal that would terminate a process
 * (signal(7)) either ends the interface, which removes its socket and files, or is ignored. SIGKILL
 * and the signals for faults of the process (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS) keep
 * their action.
 * @module
 */
import { ignoreSignal } from "../../ffi/libc.ts";

/** The signals that end the interface. systemd's watchdog sends SIGABRT, RLIMIT_CPU SIGXCPU. */
const ENDING: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGXCPU"];
/** SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGSTKFLT, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO and SIGPWR. */
const IGNORED: readonly number[] = [10, 12, 13, 14, 16, 25, 26, 27, 29, 30];
/** The real-time signals. The C library uses 32 and 33. */
const REAL_TIME_FIRST = 34;
const REAL_TIME_LAST = 64;

/**
 * Sets the actions of all signals. Call it at the start of the process, before it makes files.
 * @param end called for each signal that ends the interface
 * @param foreground whether SIGHUP ends the interface
 */
export function handleSignals(end: () => void, foreground: boolean): void {
  for (const signal of ENDING) Deno.addSignalListener(signal, end);
  // In the background a listener that does nothing: the runtime catches SIGHUP once it catches any
  // signal, and without a listener it would end the process.
  Deno.addSignalListener("SIGHUP", foreground ? end : () => {});
  for (const signal of IGNORED) ignoreSignal(signal);
  for (let signal = REAL_TIME_FIRST; signal <= REAL_TIME_LAST; signal++) ignoreSignal(signal);
}
