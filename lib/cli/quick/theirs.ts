/**
 * The addresses and routes of an interface that no step of ours made: the commands of a file may
 * add some, and a reload leaves those alone.
 * @module
 */
import { formatRange } from "../../base/ip_text.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL } from "../../netlink/route.ts";
import type { Route } from "../../netlink/route.ts";
import { addressText, type Step } from "./plan.ts";

/** Addresses and routes in the words of ifconfig and route: `inet 10.0.0.1/24`, `route ...`. */
export function theirsOf(name: string, ours: readonly Step[]): string[] {
  const own = new Set(ours.map((step) => {
    if (step.type === "address") return addressWords(step.address);
    return step.type === "route" ? routeWords(step) : "";
  }));
  using routes = RouteSocket.open();
  const link = routes.link(name);
  if (link === undefined) return [];
  const addresses = routes.addresses({ interfaceIndex: link.index }).map((address) =>
    addressWords(addressText(address))
  );
  const added = extraRoutes(routes, link.index).map((route) => routeWords(stepOf(route)));
  return [...addresses, ...added].filter((words) => !own.has(words));
}

/** The routes of an interface that neither the kernel nor the local table has added itself. */
export function extraRoutes(routes: RouteSocket, interfaceIndex: number): Route[] {
  return routes.routes({ interfaceIndex }).filter(({ protocol, table, type }) =>
    protocol !== RTPROT_KERNEL && table !== RT_TABLE_LOCAL && type === "unicast"
  );
}

/** A route of the kernel as a step. */
export const stepOf = (route: Route): Step & { readonly type: "route" } => ({
  type: "route",
  destination: formatRange({ address: route.destination, prefix: route.prefix }),
  table: route.table === RT_TABLE_MAIN ? undefined : route.table,
});

/** A route for `theirs`. */
export const routeWords = ({ destination, table }: Step & { readonly type: "route" }): string =>
  `route ${destination} table ${table ?? RT_TABLE_MAIN}`;

const addressWords = (text: string): string => `${text.includes(":") ? "inet6" : "inet"} ${text}`;
