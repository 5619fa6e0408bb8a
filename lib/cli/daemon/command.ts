/**
 * `daemon NAME`: the process behind an interface, started by `ifconfig NAME create`; and the ways of wireguard-go, `wg NAME` and `wg -f NAME`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { spawnDaemon } from "../../daemon/client.ts";
import { runDaemon } from "../../daemon/run.ts";
import type { Command } from "../command.ts";
import { printAll } from "../output.ts";

/** Internal: `daemon NAME [WORKERS]`, configuration on standard input, the answer on standard output. */
export const command: Command = {
  async run(args) {
    const workers = args[1];
    if (args.length < 1 || args.length > 2 || (workers !== undefined && workers !== "1" && workers !== "2")) {
      throw new ConfigError("daemon", "expected the name of an interface, and perhaps how many workers it has: 1 or 2");
    }
    return await runDaemon({
      name: args[0],
      ...(workers === undefined ? {} : { workers: workers === "1" ? 1 : 2 }),
      foreground: false,
      configuration: () => new Response(Deno.stdin.readable).text(),
      ready: (answer) => printAll(answer),
    });
  },
};

/** As `wireguard-go [-f] NAME`: makes the interface without configuration; with -f it stays in the foreground. */
export const userspace: Command = {
  async run(args) {
    const foreground = args[0] === "-f" || args[0] === "--foreground";
    const names = foreground ? args.slice(1) : args;
    if (names.length !== 1) throw new ConfigError(args[0] ?? "wg", "expected the name of an interface");
    if (!foreground) {
      await spawnDaemon(names[0], {});
      return 0;
    }
    let failure: string | undefined;
    const status = await runDaemon({
      name: names[0],
      foreground: true,
      configuration: () => Promise.resolve(""),
      ready: (answer) => failure = answer,
    });
    if (status !== 0 && failure !== undefined) {
      const { parseReply } = await import("../../uapi/reply.ts");
      parseReply(failure, names[0]);
    }
    return status;
  },
};
