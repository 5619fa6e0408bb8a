/**
 * Looks up the addresses of hosts by name.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import { parseIp } from "../base/ip_text.ts";

/** The longest time that a lookup may take. */
const RESOLVE_MS = 20_000;

/**
 * Looks a name up with getaddrinfo(3), which uses /etc/hosts and nsswitch.conf.
 * @param family the family of the addresses; undefined for both
 * @returns the addresses, IPv4 first, as OpenBSD's resolver orders them; none if the name is
 * unknown
 */
export async function lookUpHost(
  host: string,
  family: "inet" | "inet6" | undefined,
): Promise<readonly IpBytes[]> {
  const { lookup } = await import("node:dns");
  const wanted = family === "inet" ? 4 : family === "inet6" ? 6 : 0;
  const found = await new Promise<readonly { address: string }[]>((resolve) => {
    const timer = setTimeout(() => resolve([]), RESOLVE_MS);
    lookup(host, { all: true, family: wanted }, (error, addresses) => {
      clearTimeout(timer);
      resolve(error === null || error === undefined ? addresses : []);
    });
  });
  return found.map(({ address }) => parseIp(address)).filter((address) => address !== undefined)
    .filter((address) => family === undefined || (address.length === 4) === (family === "inet"))
    .sort((a, b) => a.length - b.length);
}

/** The problem with a name that has no addresses, for a ConfigError. */
export function notFound(family: "inet" | "inet6" | undefined): string {
  return `the host's name does not resolve${family === undefined ? "" : ` for ${family}`}`;
}
