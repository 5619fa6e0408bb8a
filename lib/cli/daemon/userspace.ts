/**
 * `wg NAME` and `wg -f NAME`, which work as wireguard-go.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { spawnAsLastDeed } from "../../daemon/client.ts";
import { confine } from "../../daemon/confinement.ts";
import { checkDescriptors } from "../../daemon/descriptors.ts";
import { type LogLevel, logLevelOf } from "../../daemon/log.ts";
import { dataWorkerUrl, VERSION } from "../../daemon/program.ts";
import { runDaemon } from "../../daemon/run.ts";
import { PORT_LATER, SOCKETS_VARIABLE } from "../../daemon/rights.ts";
import { WORKERS_VARIABLE, workersSetting } from "../../daemon/workers_setting.ts";
import { parseReply } from "../../uapi/reply.ts";
import { formatSet } from "../../uapi/set.ts";
import { WorkerGroup } from "../../worker/worker_group.ts";
import { complain } from "../output.ts";

/** The exit status of a wrong command line, as of wireguard-go. Other failures exit with 1. */
const USAGE_STATUS = 2;

/**
 * Works as `wireguard-go [-f] NAME`: creates the interface without configuration, for wg(8) and
 * wg-quick(8). With -f, or with WG_PROCESS_FOREGROUND=1 in the environment, the process stays in
 * the foreground. LOG_LEVEL is verbose or debug for the messages of `ifconfig wgN debug`, error for
 * errors only, silent for none. With `-f NAME --config FILE` see supervise.ts.
 * @param program the name of the link that was called, or undefined for `wg NAME`
 */
export async function userspace(args: readonly string[], program?: string): Promise<number> {
  if (program !== undefined && args.length === 1 && args[0] === "--version") return tellVersion();
  const flagged = args[0] === "-f" || args[0] === "--foreground";
  const names = flagged ? args.slice(1) : args;
  if (flagged && names.length === 3 && names[1] === "--config") {
    return await (await import("./supervise.ts")).supervise(names[0], names[2]);
  }
  if (
    names.length !== 1 ||
    (program !== undefined && !flagged && /^-(h|-help|f|-foreground)$/.test(names[0]))
  ) {
    complain(`usage: ${program ?? "wg"} [-f | --foreground] interface [--config file]`);
    return USAGE_STATUS;
  }
  const level = logLevelOf(Deno.env.get("LOG_LEVEL"));
  const change = level === "verbose" ? { debug: true } : {};
  if (!flagged && Deno.env.get("WG_PROCESS_FOREGROUND") !== "1") {
    await spawnAsLastDeed(names[0], change, {
      ...(level === undefined ? {} : { LOG_LEVEL: level }),
      [SOCKETS_VARIABLE]: PORT_LATER,
    });
    return 0;
  }
  return await stay(names[0], change, level);
}

/** Runs the interface in this process until the interface ends. */
async function stay(
  name: string,
  change: DeviceChange,
  logLevel: LogLevel | undefined,
): Promise<number> {
  let failure: string | undefined;
  const workers = workersSetting();
  checkDescriptors(WORKERS_VARIABLE, workers);
  const confinement = confine({
    args: ["-f", name],
    environment: {
      ...(logLevel === undefined ? {} : { LOG_LEVEL: logLevel }),
      ...(workers === undefined ? {} : { [WORKERS_VARIABLE]: `${workers}` }),
    },
    sockets: PORT_LATER,
  });
  const status = await runDaemon({
    name,
    confinement,
    foreground: true,
    worker: new WorkerGroup(dataWorkerUrl(), workers),
    logLevel,
    configuration: () =>
      Promise.resolve({ lines: formatSet(change).split("\n").filter((line) => line !== "") }),
    ready: (answer) => failure = answer,
  });
  if (status !== 0 && failure !== undefined) parseReply(failure, name);
  return status;
}

/**
 * Prints the version. The first line has the form of wireguard-go's, where programs look for it.
 */
function tellVersion(): number {
  const about =
    `Userspace WireGuard daemon for ${Deno.build.os}-${Deno.build.arch}: wg ${VERSION} in place of wireguard-go.`;
  console.log(`wireguard-go v${VERSION}\n\n${about}`);
  return 0;
}
