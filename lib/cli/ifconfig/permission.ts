/**
 * Checks whether this user may create or change interfaces.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { interfaceDenied } from "../../daemon/client.ts";
import { mayAdministerNetwork } from "../../linux/capabilities.ts";

/**
 * Call before an interface is created.
 * @param name the name that the message shows
 * @throws ConfigError
 */
export function requireNetAdmin(name: string): void {
  if (mayAdministerNetwork()) return;
  throw new ConfigError(
    name,
    "Operation not permitted: root, or the capability CAP_NET_ADMIN, is required",
  );
}

/**
 * Call before an interface is changed.
 * @throws ConfigError that names the interface
 */
export function requireOwner(name: string): void {
  if (!interfaceDenied(name)) return;
  throw new ConfigError(
    name,
    "Operation not permitted: only root and the user who made an interface may change it",
  );
}
