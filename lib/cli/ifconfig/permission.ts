/**
 * Who may change an interface.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { isRoot } from "../../daemon/wg_control.ts";

/** @throws ConfigError that names the interface */
export function requireRoot(name: string): void {
  if (!isRoot()) throw new ConfigError(name, "Operation not permitted: only root may change an interface");
}
