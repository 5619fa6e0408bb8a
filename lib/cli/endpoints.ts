/**
 * Finds the addresses of endpoints that the commands of wg(8) take: the zone of a link-local
 * address, and the host of a name.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { wipeStatus } from "../base/config.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { parseDecimal } from "../base/ip_text.ts";
import { quote } from "../base/quote.ts";
import type { EndpointOf, Settings } from "../wgconf/change.ts";
import type { EndpointSetting } from "../wgconf/values.ts";
import { looksUpNames } from "../base/status.ts";
import { lookUpHost } from "./host_names.ts";
import { wireguardStatus } from "./interfaces.ts";
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
 * Finds the endpoints of all peers. Names are left to a daemon that looks them up itself.
 * @param name the interface
 * @throws ConfigError for a name without an address, or an unknown zone
 */
export async function endpointsOf(name: string, settings: Settings): Promise<EndpointOf> {
  const found = new Map<EndpointSetting, Endpoint>();
  const endpoints = settings.peers.map(({ endpoint }) => endpoint).filter((one) =>
    one !== undefined
  );
  const named = endpoints.some(({ type }) => type === "name");
  const retries = resolutionRetries();
  const keepsNames = named && await looksUpNamesItself(name);
  for (const endpoint of endpoints) {
    if (endpoint.type === "address") found.set(endpoint, await withScope(endpoint));
    // A name with the port 0 is no endpoint that can be kept.
    else if (!keepsNames || endpoint.port === 0) {
      found.set(endpoint, await lookUp(endpoint, retries));
    }
  }
  return (setting) => found.get(setting);
}

async function looksUpNamesItself(name: string): Promise<boolean> {
  try {
    const status = await wireguardStatus(name);
    wipeStatus(status);
    return looksUpNames(status);
  } catch (error) {
    // The change meets the same error and tells it.
    if (error instanceof OsError) return false;
    throw error;
  }
}

type NameSetting = EndpointSetting & { readonly type: "name" };
type AddressSetting = EndpointSetting & { readonly type: "address" };

async function lookUp({ name, port }: NameSetting, retries: number): Promise<Endpoint> {
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(LONGEST_PAUSE_MS, pause * PAUSE_GROWTH)) {
    const result = await lookUpHost(name);
    if ("addresses" in result) {
      const [first] = result.addresses;
      return { ...first, port };
    }
    const { problem, passing } = result;
    if (!passing || retries-- <= 0) throw new ConfigError(`endpoint ${name}`, problem);
    complain(`endpoint ${name}: ${problem}; trying again in ${(pause / 1000).toFixed(2)} s`);
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
