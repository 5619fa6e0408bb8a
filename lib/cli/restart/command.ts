/**
 * `wg restart NAME`: another process for an interface, with the same configuration.
 * @module
 */
import { wipeStatus } from "../../base/config.ts";
import { unixSocketOwner } from "../../../ffi/unix_socket.ts";
import { ConfigError, type OsError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import { destroyDaemon, getDevice, interfaceExists, spawnDaemon } from "../../daemon/client.ts";
import { checkDescriptors } from "../../daemon/descriptors.ts";
import { socketPath } from "../../daemon/paths.ts";
import { type DnsWay, setDns } from "../../linux/dns/dns.ts";
import { identityOf, sameNamespace, THREAD_NAMESPACE } from "../../linux/rdomain.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Route } from "../../netlink/route.ts";
import type { Command } from "../command.ts";
import { applyCommand } from "../ifconfig/change.ts";
import { differenceOf, type RunningInterface, wantedLike } from "../ifconfig/difference.ts";
import { namespaceOf } from "../ifconfig/kernel.ts";
import { requireNetAdmin, requireOwner } from "../ifconfig/permission.ts";
import { identityToldBy } from "../ifconfig/place.ts";
import { runningInterface } from "../ifconfig/running.ts";
import { readRecord, writeRecord } from "../netstart/record.ts";
import { complain } from "../output.ts";
import { Interrupted, Interruption } from "../quick/interruption.ts";
import { type QuickRecord, readQuickRecord, writeQuickRecord } from "../quick/record.ts";
import { extraRoutes } from "../quick/theirs.ts";
import { messageOf } from "../system_error.ts";
import { tellReady } from "../service.ts";
import { Service } from "./service.ts";

/** The command `restart`. */
export const command: Command = {
  async run(names) {
    if (names.length === 0) throw new ConfigError("restart", "requires the name of an interface");
    for (const name of names) {
      if (!interfaceExists(name)) {
        throw new ConfigError(displayValue(name), "there is no such interface of wg");
      }
      requireNetAdmin(name);
      requireOwner(name);
      await Service.of(name, ownerOf(name));
    }
    return await untilInterrupted([tryVersion, ...names.map((name) => () => restart(name))]);
  },
};

/**
 * Does one deed after the other. A signal waits until the present one is done, because an interface
 * has no process, or no configuration, meanwhile.
 * @returns the exit status
 */
async function untilInterrupted(deeds: readonly (() => Promise<void>)[]): Promise<number> {
  using interruption = new Interruption(() => {});
  try {
    for (const deed of deeds) {
      await interruption.check();
      await deed();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    complain(error.message);
    return error.status;
  }
}

/** Starts an interface of this version and ends it again. @throws OsError if it does not start */
async function tryVersion(): Promise<void> {
  const name = `wgtry${Deno.pid}`;
  await spawnDaemon(name, {});
  await destroyDaemon(name);
}

async function restart(name: string): Promise<void> {
  const before = await runningInterface(name);
  if (before.status.version === "" && before.status.suite === "") {
    throw new ConfigError(name, "its process is not of wg; it is left alone");
  }
  const isHere = sameNamespace(identityToldBy(before.status), identityOf(THREAD_NAMESPACE));
  if (before.rdomain === undefined && !isHere) {
    throw new ConfigError(name, "is in another network namespace; run the command there");
  }
  try {
    await replace(name, before);
  } finally {
    wipeStatus(before.status);
  }
}

/** Gives an interface a new process. */
async function replace(name: string, before: RunningInterface): Promise<void> {
  const { workers } = before.status;
  checkDescriptors("wgworkers", workers);
  const routes = await routesOf(name);
  const record = readRecord(before.status.pid);
  const quick = readQuickRecord(name);
  using service = await Service.of(name, ownerOf(name));
  const byUnit = await service.restartUnit();
  if (!byUnit) await service.enter();
  let failures: OsError[];
  try {
    if (!byUnit) {
      await destroyDaemon(name);
      const pid = await spawnDaemon(name, { workers });
      // The records say of which process they are.
      if (record.file !== "") writeRecord({ ...record, pid });
      if (quick?.pid === before.status.pid) writeQuickRecord(name, { ...quick, pid });
    }
    await restore(name, before);
    failures = await addRoutes(name, routes);
    if (quick?.pid === before.status.pid) await setNameServers(name, quick);
  } catch (error) {
    const recovery = await service.recover();
    if (recovery === undefined) throw error;
    throw new ConfigError(name, `${messageOf(error)}; ${recovery}`);
  }
  if (!byUnit) tellReady(name);
  for (const failure of failures) complain(failure.message);
  if (failures.length > 0) throw new ConfigError(name, "runs, but not with all that it had");
}

/** The process of an interface. @throws ConfigError if it does not run in sight */
function ownerOf(name: string): number {
  const pid = unixSocketOwner(socketPath(name));
  if (pid === undefined) throw new ConfigError(name, "its process cannot be seen from here");
  return pid;
}

/** Gives a new interface what another one had. */
async function restore(name: string, before: RunningInterface): Promise<void> {
  const now = await runningInterface(name);
  const { command } = differenceOf(name, now, wantedLike(before));
  wipeStatus(now.status);
  if (command !== undefined) await applyCommand(command);
}

/** Sets name servers again that went with the link: those of systemd-resolved do. */
async function setNameServers(name: string, { steps }: QuickRecord): Promise<void> {
  for (const { step, saved } of steps) {
    if (step.type !== "dns") continue;
    const way = saved as DnsWay | undefined;
    if (way?.type === "resolved") await setDns(name, step, way);
  }
}

/** The routes of the interface that others than the kernel have added. */
async function routesOf(name: string): Promise<Route[]> {
  return await inPlace(name, (routes) => extraRoutes(routes, routes.requireLink(name).index));
}

/** Adds routes again. Gateways come after the networks that they are in. */
async function addRoutes(name: string, wanted: readonly Route[]): Promise<OsError[]> {
  const failures: OsError[] = [];
  const sorted = wanted.toSorted((a, b) =>
    Number(a.gateway !== undefined) - Number(b.gateway !== undefined)
  );
  await inPlace(name, (routes) => {
    const { index } = routes.requireLink(name);
    for (const { metric, mtu, ...route } of sorted) {
      try {
        routes.replaceRoute({
          ...route,
          interfaceIndex: index,
          ...(metric === 0 ? {} : { metric }),
          ...(mtu === 0 ? {} : { mtu }),
        });
      } catch (error) {
        failures.push(error as OsError);
      }
    }
  });
  return failures;
}

/** Calls a function with a route socket in the namespace of the link. */
async function inPlace<T>(name: string, use: (routes: RouteSocket) => T): Promise<T> {
  const status = await getDevice(name);
  wipeStatus(status);
  using place = await namespaceOf(name, status);
  using routes = RouteSocket.open(place);
  return use(routes);
}
