/**
 * What messages about wrong input may not have.
 * @module
 */

/** The longest message, in characters. */
const MESSAGE_MAX = 1_000;

/** Fails when a message would disturb a terminal. */
export function assertFitsTerminal(message: string): void {
  // deno-lint-ignore no-control-regex
  const control = /[\x00-\x1f\x7f-\x9f]/.exec(message);
  if (control !== null) {
    throw new Error(`a message has the control character ${control[0].charCodeAt(0)}`);
  }
  if (message.length > MESSAGE_MAX) throw new Error("a message is too long");
}

/** Fails when a message shows a whole key of the input, in base64 or in hexadecimal. */
export function assertHidesKeys(message: string, input: string): void {
  const keys = input.match(/[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64}/g) ?? [];
  if (keys.some((key) => message.includes(key))) throw new Error("a message shows a key");
}
