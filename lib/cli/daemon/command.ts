/**
 * `daemon NAME`, the process of an interface, which `ifconfig NAME create` starts. Its first run
 * loads only what it needs to give up rights (lib/daemon/confinement.ts).
 * @module
 */
import { dataPlanesOf, parseWorkers, WORKERS_MAX } from "../../base/data_planes.ts";
import { ConfigError } from "../../base/errors.ts";
import { confine, type Confinement } from "../../daemon/confinement.ts";
import { logLevelOf } from "../../daemon/log.ts";
import { dataWorkerUrl } from "../../daemon/program.ts";
import { LOOK_UPS, PREPARE } from "../../daemon/packed.ts";
import { SOCKETS_VARIABLE } from "../../daemon/rights.ts";
import { serviceVariables } from "../../linux/service_manager.ts";
import { formatReply } from "../../uapi/reply.ts";
import type { Command } from "../command.ts";
import { printAll } from "../output.ts";

/**
 * The internal command `daemon NAME [WORKERS]`. It reads the configuration from standard input and
 * writes the answer to standard output.
 */
export const command: Command = {
  async run(args) {
    if (args.length === 1 && args[0] === PREPARE[1]) {
      return await (await import("./prepare.ts")).prepare();
    }
    if (args.length >= 3 && args[0] === LOOK_UPS[1]) {
      const [, name, ...numbers] = args;
      const [descriptor, pid] = numbers.map(Number);
      return (await import("./look_ups.ts")).becomeLookUps(name, descriptor, pid);
    }
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
    // The Workers load their modules while this isolate loads its own.
    const worker = await startWorkers(workers);
    const { runDaemon } = await import("../../daemon/run.ts");
    return await runDaemon({
      name: args[0],
      confinement,
      worker,
      foreground: false,
      logLevel: level,
      configuration: async () => await (await import("./configuration.ts")).readConfiguration(),
      ready: (answer) => printAll(answer),
    });
  },
};

async function startWorkers(workers: number | undefined) {
  const { WorkerGroup } = await import("../../worker/worker_group.ts");
  return new WorkerGroup(dataWorkerUrl(), workers);
}
