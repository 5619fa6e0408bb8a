/**
 * Names of hosts to addresses.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import { parseIp } from "../base/ip_text.ts";

/** How long a name server may take. */
const RESOLVE_MS = 20_000;

/**
 * Looks a name up by getaddrinfo(3), so that /etc/hosts and nsswitch.conf count.
 * @param family only addresses of this one
 * @returns the addresses, IPv4 first, as OpenBSD's resolver has it; none when the name is not known
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

/** What a message says of a name without addresses. */
export function notFound(family: "inet" | "inet6" | undefined): string {
  return `the host's name does not resolve${family === undefined ? "" : ` for ${family}`}`;
}
