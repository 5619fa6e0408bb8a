/**
 * Errors that reach nobody.
 * @module
 */

/**
 * Runs `act` and returns the messages of the errors that are reported as uncaught meanwhile
 * (`reportError`).
 */
export async function reported(act: () => void | Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    messages.push(event.error.message);
  };
  addEventListener("error", listener);
  try {
    await act();
  } finally {
    removeEventListener("error", listener);
  }
  return messages;
}
