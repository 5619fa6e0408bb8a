/**
 * Finds what the plan of a file depends on: the configuration for the daemon with the addresses of
 * endpoints, the MTU, and a free table.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import type { AllowedIp } from "../../base/endpoint.ts";
import { mtuByRoutes } from "../../linux/tunnel_mtu.ts";
import { findTable, freeTable } from "../../linux/route_tables.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { addChange } from "../../wgconf/change.ts";
import type { HookKey, QuickConfig } from "../../wgconf/quick.ts";
import type { Endpoints } from "./endpoints.ts";
import { descriptionOf } from "../../wgconf/description.ts";
import type { PlanInput, TableChoice } from "./plan.ts";

/** The change that configures an interface as the file says, descriptions included. */
export function changeOf(config: QuickConfig, endpoints: Endpoints): DeviceChange {
  const change = addChange(config, (setting) => endpoints.of(setting));
  const peers = (change.peers ?? []).map((peer, i) => {
    const { comments, endpoint } = config.peers[i];
    const description = descriptionOf(comments);
    return {
      ...peer,
      ...(description !== "" && { description }),
      ...(endpoint?.type === "name" && {
        endpointName: { host: endpoint.name, port: endpoint.port },
      }),
    };
  });
  return { ...change, peers };
}

/** The commands of a key, with the name of the interface. */
export const commandsOf = (config: QuickConfig, key: HookKey, name: string): string[] =>
  config.hooks[key].map(({ command }) => command.replaceAll("%i", name));

/**
 * What the steps of `up` are made of.
 * @param taken tables that other interfaces are about to use
 * @param mark the mark and table of the running interface's default routes; 0 if there are none
 * @throws OsError
 */
export function planInput(
  config: QuickConfig,
  change: DeviceChange,
  name: string,
  taken: ReadonlySet<number>,
  mark = 0,
): PlanInput {
  using routes = RouteSocket.open();
  const table = tableOf(config);
  const fwmark = config.interface.fwmark ?? 0;
  const endpoints = (change.peers ?? []).map(({ endpoint }) => endpoint?.address)
    .filter((address) => address !== undefined);
  return {
    addresses: config.addresses,
    mtu: config.mtu ?? mtuByRoutes(routes, endpoints, fwmark || mark),
    dns: config.dns,
    table,
    fwmark,
    freeTable: mark !== 0 ? mark : untakenTable(routes, taken),
    allowedIps: rangesOf(change),
    hooks: {
      PreUp: commandsOf(config, "PreUp", name),
      PostUp: commandsOf(config, "PostUp", name),
    },
  };
}

function untakenTable(routes: RouteSocket, taken: ReadonlySet<number>): number {
  let table = freeTable(routes);
  while (taken.has(table)) table = freeTable(routes, table + 1);
  return table;
}

function rangesOf(change: DeviceChange): AllowedIp[] {
  return (change.peers ?? []).flatMap(({ allowedIps }) => allowedIps ?? []);
}

/** The table of a file whose name was found when the file was read. */
function tableOf({ table }: QuickConfig): TableChoice {
  if (table === "auto" || table === "off") return table;
  return findTable(table) ?? "off";
}
