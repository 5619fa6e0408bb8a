/**
 * Which operations there are, and what may stand in them.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";
import type { UapiRequest } from "./reader.ts";

/** What an operation may have behind its `=`, and whether lines may follow. */
interface Form {
  readonly values: readonly string[];
  readonly lines: boolean;
}

/** The first two are everybody's in version 1, the rest and version 2 are ours. */
const OPERATIONS: ReadonlyMap<string, Form> = new Map([
  ["get", { values: ["1", "2"], lines: false }],
  ["set", { values: ["1", "2"], lines: true }],
  ["dmesg", { values: ["1"], lines: true }],
  ["netns", { values: ["1"], lines: false }],
  ["link", { values: ["up", "down"], lines: false }],
  ["destroy", { values: ["1"], lines: false }],
]);

/**
 * Call before an operation is carried out. Nothing is guessed: a client of another version would
 * take the answer for one of its own.
 * @throws ConfigError for an operation, a version or lines that are not known
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
