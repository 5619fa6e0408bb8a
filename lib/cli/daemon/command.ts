/**
 * `daemon NAME`, the process of an interface, which `ifconfig NAME create` starts; and `wg NAME`
 * and `wg -f NAME`, which work as wireguard-go.
 * @module
 */
import type { DeviceChange } from "../../base/config.ts";
import { dataPlanesOf, parseWorkers, WORKERS_MAX } from "../../base/data_planes.ts";
import { ConfigError } from "../../base/errors.ts";
import { spawnDaemon } from "../../daemon/client.ts";
import { WORKERS_VARIABLE, workersSetting } from "../../daemon/workers_setting.ts";
import { confine, type Confinement } from "../../daemon/confinement.ts";
import { type LogLevel, logLevelOf } from "../../daemon/log.ts";
import { runDaemon } from "../../daemon/run.ts";
import { VERSION } from "../../daemon/program.ts";
import { PORT_LATER, SOCKETS_VARIABLE } from "../../daemon/rights.ts";
import { serviceVariables } from "../../linux/service_manager.ts";
import { formatReply, parseReply } from "../../uapi/reply.ts";
import { UapiReader, type UapiRequest } from "../../uapi/reader.ts";
import { formatSet } from "../../uapi/set.ts";
import type { Command } from "../command.ts";
import { complain, printAll } from "../output.ts";

/** The exit status of a wrong command line, as of wireguard-go. Other failures exit with 1. */
const USAGE_STATUS = 2;
/** Bytes of a piece of the configuration. */
const PIECE_BYTES = 16_384;

/**
 * The internal command `daemon NAME [WORKERS]`. It reads the configuration from standard input and
 * writes the answer to standard output.
 */
export const command: Command = {
  async run(args) {
    const workers = args[1] === undefined ? undefined : parseWorkers(args[1]);
    if (args.length < 1 || args.length > 2 || args[1] !== undefined && workers === undefined) {
      throw new ConfigError(
        "daemon",
        `requires the name of an interface; the number of Workers, 1 to ${WORKERS_MAX}, may follow`,
      );
    }
    const level = logLevelOf(Deno.env.get("LOG_LEVEL"));
    const environment = {
      ...serviceVariables((variable) => Deno.env.get(variable)),
      ...level === undefined ? {} : { LOG_LEVEL: level },
    };
    let confinement: Confinement;
    try {
      confinement = confine({
        args: ["daemon", ...args],
        environment,
        sockets: Deno.env.get(SOCKETS_VARIABLE),
        receivers: dataPlanesOf(workers ?? 1).receivers,
      });
    } catch (error) {
      printAll(formatReply("", error, 2));
      return 1;
    }
    return await runDaemon({
      name: args[0],
      confinement,
      workers,
      foreground: false,
      logLevel: level,
      configuration: readConfiguration,
      ready: (answer) => printAll(answer),
    });
  },
};

/**
 * UAPI `set` lines with an empty one at their end; nothing at all is none. What lost its end, with
 * its starter, is not applied. The keys never become strings.
 */
async function readConfiguration(): Promise<Pick<UapiRequest, "lines" | "keys">> {
  const reader = new UapiReader();
  reader.push(new TextEncoder().encode("set=1\n"));
  const piece = new Uint8Array(PIECE_BYTES);
  let empty = true;
  for (
    let count = await Deno.stdin.read(piece);
    count !== null;
    count = await Deno.stdin.read(piece)
  ) {
    empty = false;
    reader.push(piece.subarray(0, count));
    piece.fill(0, 0, count);
  }
  if (empty) return { lines: [] };
  const request = reader.next();
  if (request?.type === "broken") throw new ConfigError("daemon", request.problem);
  if (request !== undefined && !reader.partial) return request;
  throw new ConfigError(
    "daemon",
    "the configuration on standard input is incomplete; an empty line is required at its end",
  );
}

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
    await spawnDaemon(names[0], change, {
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
  const status = await runDaemon({
    name,
    confinement: confine({
      args: ["-f", name],
      environment: {
        ...(logLevel === undefined ? {} : { LOG_LEVEL: logLevel }),
        ...(workers === undefined ? {} : { [WORKERS_VARIABLE]: `${workers}` }),
      },
      sockets: PORT_LATER,
    }),
    foreground: true,
    workers,
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
