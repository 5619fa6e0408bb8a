/**
 * Finds the addresses of the endpoints of a file.
 * @module
 */
import type { Endpoint } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { parseDecimal } from "../../base/ip_text.ts";
import { displayPath, quote } from "../../base/quote.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { PeerSettings } from "../../wgconf/parse.ts";
import type { EndpointSetting } from "../../wgconf/values.ts";
import { addressesOfHost } from "../host_names.ts";

/**
 * How long names are looked up. The daemon looks them up too, and goes on where they have no
 * address now; here the addresses only tell the MTU, and save the daemon's first look-up.
 */
const LOOK_UP_MS = 3_000;

/** The endpoints of a file, looked up. */
export class Endpoints {
  readonly #found: ReadonlyMap<EndpointSetting, Endpoint | undefined>;

  private constructor(found: ReadonlyMap<EndpointSetting, Endpoint | undefined>) {
    this.#found = found;
  }

  /**
   * Looks the endpoints of all peers up, all at once.
   * @param file the path of the file, for messages
   * @throws ConfigError for the zone of an interface that does not exist
   */
  static async lookUp(file: string, peers: readonly PeerSettings[]): Promise<Endpoints> {
    const settings = peers.flatMap(({ line, endpoint }) =>
      endpoint === undefined ? [] : [{ place: `${displayPath(file)}:${line}`, endpoint }]
    );
    const late = new Promise<undefined>((resolve) =>
      AbortSignal.timeout(LOOK_UP_MS).addEventListener("abort", () => resolve(undefined))
    );
    const found = await Promise.all(
      settings.map(async ({ place, endpoint }) =>
        [endpoint, await find(place, endpoint, late)] as const
      ),
    );
    return new Endpoints(new Map(found));
  }

  /** The address of an endpoint; undefined for a name without an address now. */
  of(setting: EndpointSetting): Endpoint | undefined {
    return this.#found.get(setting);
  }
}

async function find(
  place: string,
  setting: EndpointSetting,
  late: Promise<undefined>,
): Promise<Endpoint | undefined> {
  const { port } = setting;
  if (setting.type === "address") {
    return { address: setting.address, port, scope: indexOf(place, setting.zone) };
  }
  const found = await Promise.race([addressesOfHost(setting.name, undefined), late]);
  return found === undefined || typeof found === "string"
    ? undefined
    : { address: found[0], port, scope: 0 };
}

/** The index of the interface that a zone names; 0 without a zone. */
function indexOf(place: string, zone: string | undefined): number {
  if (zone === undefined) return 0;
  const number = parseDecimal(zone, 0x7fff_ffff);
  if (number !== undefined) return number;
  using routes = RouteSocket.open();
  const link = routes.link(zone);
  if (link === undefined) {
    throw new ConfigError(`${place}: Endpoint`, `${quote(zone)}: there is no such interface`);
  }
  return link.index;
}
