/**
 * Finds the addresses of endpoints that the commands of wg(8) take: the zone of a link-local
 * address, and the host of a name.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { parseDecimal } from "../base/ip_text.ts";
import { quote } from "../base/quote.ts";
import type { EndpointOf, Settings } from "../wgconf/change.ts";
import type { EndpointSetting } from "../wgconf/values.ts";
import { lookUpHost, notFound } from "./host_names.ts";
import { complain } from "./output.ts";

/** How often a name is looked up again if WG_ENDPOINT_RESOLUTION_RETRIES is not set. */
const DEFAULT_RETRIES = 15;
/** The pause after the first attempt; each further one is a fifth longer, up to the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 20_000;
const PAUSE_GROWTH = 6 / 5;
const RETRIES_MAX = 0x7fff_ffff;

/**
 * How often a name is looked up again, from WG_ENDPOINT_RESOLUTION_RETRIES.
 * @throws ConfigError
 */
export function resolutionRetries(
  value: string | undefined = Deno.env.get("WG_ENDPOINT_RESOLUTION_RETRIES"),
): number {
  if (value === undefined) return DEFAULT_RETRIES;
  if (value === "infinity") return Infinity;
  // The original takes an empty value for 0.
  const retries = value === "" ? 0 : parseDecimal(value, RETRIES_MAX);
  if (retries !== undefined) return retries;
  throw new ConfigError(
    "WG_ENDPOINT_RESOLUTION_RETRIES",
    `${quote(value)} is not a number of attempts; 0 to ${RETRIES_MAX} or infinity is required`,
  );
}

/**
 * Looks up the endpoints of all peers.
 * @throws ConfigError for a name without an address, or an unknown zone
 */
export async function endpointsOf(settings: Settings): Promise<EndpointOf> {
  const found = new Map<EndpointSetting, Endpoint>();
  for (const { endpoint } of settings.peers) {
    if (endpoint === undefined) continue;
    found.set(
      endpoint,
      endpoint.type === "name" ? await lookUp(endpoint) : await withScope(endpoint),
    );
  }
  return (setting) => found.get(setting);
}

type NameSetting = EndpointSetting & { readonly type: "name" };
type AddressSetting = EndpointSetting & { readonly type: "address" };

async function lookUp({ name, port }: NameSetting): Promise<Endpoint> {
  let retries = resolutionRetries();
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(LONGEST_PAUSE_MS, pause * PAUSE_GROWTH)) {
    const [address] = await lookUpHost(name, undefined);
    if (address !== undefined) return { address, port, scope: 0 };
    if (retries-- <= 0) throw new ConfigError(`endpoint ${name}`, notFound(undefined));
    complain(
      `endpoint ${name}: ${notFound(undefined)}; trying again in ${(pause / 1000).toFixed(2)} s`,
    );
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function withScope({ address, port, zone }: AddressSetting): Promise<Endpoint> {
  if (zone === undefined) return { address, port, scope: 0 };
  const number = parseDecimal(zone, 0x7fff_ffff);
  if (number !== undefined) return { address, port, scope: number };
  const { RouteSocket } = await import("../linux/route_socket.ts");
  using routes = RouteSocket.open();
  const scope = routes.link(zone)?.index;
  if (scope === undefined) throw new ConfigError("endpoint", `${quote(zone)}: no such interface`);
  return { address, port, scope };
}
