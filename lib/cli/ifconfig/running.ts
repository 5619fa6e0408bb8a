/**
 * The running interface as a reload compares it.
 * @module
 */
import { getDevice } from "../../daemon/client.ts";
import { isKernelLinkLocal } from "../../netlink/address.ts";
import type { RunningInterface } from "./difference.ts";
import { lookFor } from "./kernel.ts";
import { identityToldBy, placeOf } from "./place.ts";

/**
 * An interface with its keys, link and addresses. It is without the link-local address that the
 * kernel gives to the TUN device of another implementation: no file has it, and it stays.
 * @throws OsError
 */
export async function runningInterface(name: string): Promise<RunningInterface> {
  const status = await getDevice(name);
  const place = placeOf(identityToldBy(status));
  const rdomain = typeof place === "number" ? place : undefined;
  if (status.link !== undefined) return { status, link: status.link, rdomain };
  // The daemon of another implementation does not report its link.
  const { link, addresses } = await lookFor(name, status.name || name, status);
  const own = addresses.filter((address) => !isKernelLinkLocal(address));
  return {
    status,
    rdomain,
    link: { flags: 0, mtu: status.mtu, alias: "", ...link, addresses: own },
  };
}
