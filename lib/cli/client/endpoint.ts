/**
 * The address under which clients reach an interface, when the command line does not name one.
 * @module
 */
import type { IpBytes } from "../../base/endpoint.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { formatIp, parseIp } from "../../base/ip_text.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { isIn, type Network } from "./addresses.ts";
import type { EndpointWord } from "./words.ts";

/** Addresses of the internet that nobody has (RFC 5737, RFC 3849), to ask for the way there. */
const ELSEWHERE = ["192.0.2.1", "2001:db8::1"];
/** Networks that the internet does not reach: RFC 1918, 6598, 3927, 4193, 4291. */
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
  "::1/128",
].map(networkOf);

/** The endpoint for clients, and what is to be told about it. */
export interface ClientEndpoint {
  /** `HOST:PORT`, with brackets around an IPv6 address. */
  readonly text: string;
  readonly warning: string | undefined;
}

/**
 * The endpoint for clients: the given one, or the address with which this machine sends to the
 * internet.
 * @throws ConfigError if there is no such address
 */
export function clientEndpoint(
  status: InterfaceStatus,
  given: EndpointWord | undefined,
): ClientEndpoint {
  const port = given?.port ?? status.listenPort;
  if (given !== undefined) {
    const address = parseIp(given.host);
    const text = address === undefined ? given.host : hostOf(address);
    return { text: `${text}:${port}`, warning: address && warningOf(address) };
  }
  const address = status.rtable === 0 ? ownAddress(status.fwmark) : undefined;
  if (address === undefined) {
    throw new ConfigError(
      "--endpoint",
      "required: this machine has no default route that would tell its address",
    );
  }
  return { text: `${hostOf(address)}:${port}`, warning: warningOf(address) };
}

const hostOf = (address: IpBytes) =>
  address.length === 4 ? formatIp(address) : `[${formatIp(address)}]`;

function warningOf(address: IpBytes): string | undefined {
  if (!isIn(address, PRIVATE)) return undefined;
  return `${formatIp(address)} is a private address; clients elsewhere cannot reach it, and ` +
    "--endpoint names another host";
}

/** The source of what this machine sends to the internet; undefined without a way there. */
function ownAddress(mark: number): IpBytes | undefined {
  using routes = RouteSocket.open();
  for (const text of ELSEWHERE) {
    try {
      const route = routes.getRoute(addressOf(text), mark === 0 ? {} : { mark });
      if (route.preferredSource !== undefined) return route.preferredSource;
    } catch (error) {
      // There is no way there.
      if (!(error instanceof OsError)) throw error;
    }
  }
  return undefined;
}

function addressOf(text: string): IpBytes {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}

function networkOf(text: string): Network {
  const [address, prefix] = text.split("/");
  return { address: addressOf(address), prefix: Number(prefix) };
}
