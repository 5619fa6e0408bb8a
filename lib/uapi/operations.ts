/**
 * The operations of the control socket and their allowed values.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";
import type { UapiRequest } from "./reader.ts";

/** The values that may follow an operation's `=`, and whether lines may follow. */
interface Form {
  readonly values: readonly string[];
  readonly lines: boolean;
}

/**
 * The operations. `get` and `set` in version 1 are common to all implementations; the others and
 * version 2 are ours.
 */
const OPERATIONS: ReadonlyMap<string, Form> = new Map([
  ["get", { values: ["1", "2"], lines: false }],
  ["set", { values: ["1", "2"], lines: true }],
  ["stats", { values: ["1", "2"], lines: false }],
  ["monitor", { values: ["1", "2"], lines: false }],
  ["dmesg", { values: ["1"], lines: true }],
  ["capture", { values: ["2"], lines: true }],
  ["netns", { values: ["1"], lines: false }],
  ["link", { values: ["up", "down"], lines: false }],
  ["look_ups", { values: ["1"], lines: true }],
  ["destroy", { values: ["1"], lines: false }],
]);

/**
 * Checks an operation. Call before it is carried out. A version that is not known is refused,
 * because its client would misread the answer.
 * @throws ConfigError for an unknown operation or version, and for lines that are not allowed
 */
export function checkOperation({ operation, value, lines }: UapiRequest): void {
  const form = OPERATIONS.get(operation);
  if (form === undefined) throw new ConfigError("uapi", `${quote(operation)}: unknown operation`);
  if (!form.values.includes(value)) {
    throw new ConfigError(
      operation,
      `${quote(value)} is invalid; ${form.values.join(" or ")} is required`,
    );
  }
  if (!form.lines && lines.length > 0) {
    throw new ConfigError(operation, "no line is allowed after it");
  }
}
