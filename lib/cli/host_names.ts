/**
 * Looks up the addresses of hosts by name.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import type { LookedUp } from "../../ffi/host_lookup.ts";

/** The longest time that a look-up may take. */
const RESOLVE_MS = 20_000;
/** How often it is looked whether a look-up has ended. */
const POLL_MS = 5;

/**
 * Looks a name up with getaddrinfo(3), which uses /etc/hosts and nsswitch.conf.
 * @returns the addresses in the order of RFC 6724, one at least, or why there are none
 */
export async function lookUpHost(host: string): Promise<LookedUp> {
  const { HostLookUp } = await import("../../ffi/host_lookup.ts");
  const running = HostLookUp.begin(host);
  for (const until = performance.now() + RESOLVE_MS; performance.now() < until;) {
    const result = running.result();
    if (result !== undefined) {
      const isEmpty = "addresses" in result && result.addresses.length === 0;
      return isEmpty ? { problem: "it has no address", passing: false } : result;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { problem: `no answer for ${RESOLVE_MS / 1000} seconds`, passing: true };
}

/**
 * The addresses of a host.
 * @param family the family of the addresses; undefined for both
 * @returns the addresses, IPv4 first, as OpenBSD's resolver orders them, one at least; or what to
 *   tell if there are none, for a ConfigError
 */
export async function addressesOfHost(
  host: string,
  family: "inet" | "inet6" | undefined,
): Promise<readonly IpBytes[] | string> {
  const result = await lookUpHost(host);
  if ("problem" in result) return `the host's name does not resolve: ${result.problem}`;
  const found = result.addresses.map(({ address }) => address)
    .filter(({ length }) => family === undefined || (length === 4) === (family === "inet"))
    .sort((a, b) => a.length - b.length);
  return found.length > 0 ? found : `the host's name does not resolve for ${family}`;
}
