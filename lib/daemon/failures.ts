/**
 * Errors that nothing caught: a fault of this program. Without a handler the runtime ends the
 * process with a message on a standard error that a daemon does not have.
 * @module
 */

/**
 * Calls `fail` for each exception and each rejection that nothing caught, in place of the runtime.
 */
export function handleFailures(fail: (error: unknown) => void): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error ?? event.message);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
}
