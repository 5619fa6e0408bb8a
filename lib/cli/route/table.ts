/**
 * The text of routes for route(8) and netstat(1).
 * @module
 */
import { formatIp } from "../../base/ip_text.ts";
import { isLinkLocal } from "./words/destination.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import {
  type Route,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
  RTPROT_DHCP,
  RTPROT_KERNEL,
  RTPROT_RA,
  RTPROT_REDIRECT,
  RTPROT_STATIC,
} from "../../netlink/route.ts";

/** The names of interfaces by index. */
export type InterfaceNames = ReadonlyMap<number, string>;

/** Whether a route is shown: those of the main table, and this host's own addresses. */
export function isShown(route: Route): boolean {
  if (route.table === RT_TABLE_MAIN) return true;
  return route.table === RT_TABLE_LOCAL && route.type === "local";
}

/** The gateways of a route, or what is shown in their place: one line each. */
function ways(route: Route, names: InterfaceNames): { gateway: string; name: string }[] {
  const hops = route.nextHops.length > 0 ? route.nextHops : [route];
  return hops.map(({ gateway, interfaceIndex }) => {
    const name = interfaceIndex === 0 ? "" : names.get(interfaceIndex) ?? `#${interfaceIndex}`;
    if (gateway !== undefined) return { gateway: scopedText(gateway, name), name };
    const own = route.preferredSource ?? (route.type === "local" ? route.destination : undefined);
    return { gateway: own !== undefined ? scopedText(own, name) : name === "" ? "-" : name, name };
  });
}

/** An address as it can be typed: a link-local one with its interface, `fe80::1%wg1`. */
export const scopedText = (address: IpBytes, name: string): string =>
  `${formatIp(address)}${isLinkLocal(address) && name !== "" ? `%${name}` : ""}`;

/**
 * The flags of a route: OpenBSD's letters, as far as Linux has the property (route(8), netstat(1)).
 */
export function routeFlags(route: Route): string {
  const host = route.prefix === 8 * route.destination.length;
  const connected = route.type === "unicast" && route.gateway === undefined && !host;
  const dynamic = [RTPROT_REDIRECT, RTPROT_RA, RTPROT_DHCP].includes(route.protocol);
  const fixed = [RTPROT_STATIC, RTPROT_BOOT].includes(route.protocol);
  return [
    "U",
    route.gateway !== undefined ? "G" : "",
    host ? "H" : "",
    ["unreachable", "prohibit"].includes(route.type) ? "R" : "",
    route.type === "blackhole" ? "B" : "",
    dynamic ? "D" : "",
    connected && route.protocol === RTPROT_KERNEL ? "Cn" : "",
    fixed ? "S" : "",
    route.type === "local" ? "l" : "",
    route.type === "broadcast" ? "b" : "",
    route.nextHops.length > 1 ? "P" : "",
  ].join("");
}

/**
 * The text of a destination: `default`, the address of a host, or OpenBSD's short form of a network
 * (`10/8`, `192.168.5/24`, `fe80::%wg1/64`).
 * @param name the name of the interface; empty for none
 */
export function destinationText(destination: IpBytes, prefix: number, name: string): string {
  if (prefix === 0) return "default";
  if (prefix === 8 * destination.length) return scopedText(destination, name);
  if (destination.length === 16) return `${scopedText(destination, name)}/${prefix}`;
  return `${[...destination.subarray(0, Math.max(1, Math.ceil(prefix / 8)))].join(".")}/${prefix}`;
}

/** The text of `route show` and `netstat -rn`: a table for each family that has routes. */
export function formatRoutes(routes: readonly Route[], names: InterfaceNames): string {
  const lines = ["Routing tables"];
  for (const family of [4, 6] as const) {
    const some = routes.filter((route) => route.family === family).sort(compareRoutes);
    if (some.length === 0) continue;
    const width = family === 4 ? 18 : 42;
    lines.push("", family === 4 ? "Internet:" : "Internet6:");
    const row = (cells: readonly string[], name: string) =>
      `${cells[0].padEnd(width)} ${cells[1].padEnd(width)} ${cells[2].padEnd(6)} ${
        cells[3].padStart(5)
      } ${cells[4].padStart(8)} ${cells[5].padStart(5)} ${cells[6].padStart(5)} ${name}`.trimEnd();
    lines.push(row(["Destination", "Gateway", "Flags", "Refs", "Use", "Mtu", "Prio"], "Iface"));
    for (const route of some) {
      for (const { gateway, name } of ways(route, names)) {
        const mtu = route.mtu === 0 ? "-" : String(route.mtu);
        const destination = destinationText(route.destination, route.prefix, name);
        // Linux does not count the uses of a route.
        lines.push(
          row([destination, gateway, routeFlags(route), "-", "-", mtu, String(route.metric)], name),
        );
      }
    }
  }
  return lines.join("\n");
}

function compareRoutes(a: Route, b: Route): number {
  for (let i = 0; i < a.destination.length; i++) {
    if (a.destination[i] !== b.destination[i]) return a.destination[i] - b.destination[i];
  }
  return a.prefix - b.prefix || a.metric - b.metric;
}

/** The routes as values, for --json. */
export function routesAsJson(routes: readonly Route[], names: InterfaceNames): unknown[] {
  return routes.map((route) => ({
    destination: `${formatIp(route.destination)}/${route.prefix}`,
    ...(route.gateway === undefined ? {} : { gateway: formatIp(route.gateway) }),
    ...(route.interfaceIndex === 0 ? {} : { interface: names.get(route.interfaceIndex) ?? null }),
    ...(route.preferredSource === undefined ? {} : { source: formatIp(route.preferredSource) }),
    type: route.type,
    flags: routeFlags(route),
    metric: route.metric,
    ...(route.mtu === 0 ? {} : { mtu: route.mtu }),
    ...(route.nextHops.length < 2 ? {} : {
      ways: route.nextHops.map(({ gateway, interfaceIndex }) => ({
        ...(gateway === undefined ? {} : { gateway: formatIp(gateway) }),
        interface: names.get(interfaceIndex) ?? null,
      })),
    }),
  }));
}

/**
 * The text of `route get`: the route that packets to an address take.
 * @param entry the route of the table from which it comes, if the kernel reports it
 */
export function formatRouteGet(
  { address, prefix }: { readonly address: IpBytes; readonly prefix: number },
  way: Route,
  entry: Route,
  names: InterfaceNames,
): string {
  const mask = new Uint8Array(address.length);
  for (let bit = 0; bit < entry.prefix; bit++) mask[bit >>> 3] |= 128 >>> (bit & 7);
  const words = [
    "UP",
    way.gateway !== undefined ? "GATEWAY" : "",
    entry.prefix === 8 * address.length ? "HOST" : "",
    "DONE",
    entry.protocol === RTPROT_STATIC || entry.protocol === RTPROT_BOOT ? "STATIC" : "",
    entry.type === "blackhole" ? "BLACKHOLE" : "",
    ["unreachable", "prohibit"].includes(entry.type) ? "REJECT" : "",
    entry.type === "local" ? "LOCAL" : "",
    entry.type === "unicast" && way.gateway === undefined && entry.protocol === RTPROT_KERNEL
      ? "CONNECTED"
      : "",
  ].filter((word) => word !== "");
  const line = (label: string, value: string) => `${label.padStart(11)}: ${value}`;
  const name = names.get(way.interfaceIndex) ?? "";
  return [
    line("route to", prefix === 0 ? "default" : scopedText(address, name)),
    line("destination", entry.prefix === 0 ? "default" : scopedText(entry.destination, name)),
    line("mask", entry.prefix === 0 ? "default" : formatIp(mask)),
    ...(way.gateway === undefined ? [] : [line("gateway", scopedText(way.gateway, name))]),
    line("interface", name || "-"),
    ...(way.preferredSource === undefined
      ? []
      : [line("if address", scopedText(way.preferredSource, name))]),
    line("priority", String(entry.metric)),
    line("flags", `<${words.join(",")}>`),
  ].join("\n");
}
