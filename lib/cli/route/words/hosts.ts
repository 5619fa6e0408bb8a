/**
 * Replaces the names of hosts in a command line of route(8) by their addresses. This is the step
 * after parsing.
 * @module
 */
import type { IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { type Family, familyOfAddress, withPrefix } from "./destination.ts";
import type {
  CommandDraft,
  RouteChangeCommand,
  RouteChangeDraft,
  RouteCommand,
  RouteDraft,
  RouteLine,
} from "./line.ts";

/**
 * Looks up the address of a host.
 * @param family the wanted family; undefined for any
 * @throws ConfigError that names the host
 */
export type Resolve = (host: string, family: Family | undefined) => Promise<IpBytes>;

/**
 * Looks up the names of hosts. If no word sets the family, a name has the family of the line's
 * other address, and IPv4 comes before IPv6.
 * @throws ConfigError that names the word
 */
export async function settleRoute(draft: RouteDraft, resolve: Resolve): Promise<RouteLine> {
  return { ...draft, command: await settleCommand(draft.command, resolve) };
}

async function settleCommand(draft: CommandDraft, resolve: Resolve): Promise<RouteCommand> {
  switch (draft.type) {
    case "get": {
      const { type, destination, family } = draft;
      if (!("type" in destination)) return { type, destination };
      const { word } = destination;
      const address = await resolve(word, family);
      return { type, destination: { word, address, prefix: 8 * address.length } };
    }
    case "add":
    case "change":
    case "delete":
      return await settleChange(draft, resolve);
    default:
      return draft;
  }
}

async function settleChange(
  draft: RouteChangeDraft,
  resolve: Resolve,
): Promise<RouteChangeCommand> {
  const { modifiers, ...words } = draft;
  let { destination, gateway } = draft;
  if ("type" in destination) {
    const other = gateway?.type === "address" ? familyOfAddress(gateway.address) : undefined;
    const address = await resolve(destination.word, modifiers.family ?? other);
    destination = withPrefix(destination.word, address, modifiers);
  }
  if (gateway?.type === "host") {
    const { word } = gateway;
    const address = await resolve(word, familyOfAddress(destination.address));
    gateway = { type: "address", word, address, zone: undefined };
  }
  // An IPv4 destination may have an IPv6 gateway (RFC 5549), but not the other way round.
  if (gateway?.type === "address" && gateway.address.length < destination.address.length) {
    throw new ConfigError(gateway.word, "an IPv6 destination requires an IPv6 gateway");
  }
  if (draft.source !== undefined && draft.source.length !== destination.address.length) {
    throw new ConfigError("-ifa", "the source address and the destination must be of one family");
  }
  return { ...words, destination, gateway };
}
