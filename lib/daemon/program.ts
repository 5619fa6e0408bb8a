/**
 * What this program is and how it starts itself again: the one place that knows all ways of
 * running.
 * - source: `deno run -A main.ts ...`
 * - compiled: the executable that `deno compile` made
 * - packed: the executable of scripts/compile.ts' other way, unpacked: a Deno binary beside the
 *   bundled program
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { shellQuote } from "../base/quote.ts";
import {
  PACKED_FLAGS,
  PACKED_MAIN,
  PACKED_WORKER,
  packedEnvironment,
  SHELL_PREAMBLE,
  startRuntime,
  V8_FLAGS,
} from "./packed.ts";

/** The program's version, as in deno.json. */
export const VERSION = "0.3.0";

/** With the value `off` in this variable a new interface keeps all rights, for debugging. */
export const SANDBOX_VARIABLE = "WG_SANDBOX";

/** The ways of running. */
export type Kind = "source" | "compiled" | "packed";

/**
 * Where this module is when nothing bundled it; a program that uses the library may be called
 * main.js too.
 */
const SOURCE_SUFFIX = "/lib/daemon/program.ts";

/** How this process runs. */
export function kind(): Kind {
  if (Deno.build.standalone) return "compiled";
  return import.meta.url.endsWith(SOURCE_SUFFIX) ? "source" : "packed";
}

/** A program and everything it is to be started with. */
export interface SelfCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * How to start this program again as a daemon with `args` and as little environment as it can do
 * with.
 * @throws ConfigError inside another program's executable, which would start itself
 */
export function selfCommand(args: readonly string[]): SelfCommand {
  const program = Deno.execPath();
  switch (kind()) {
    case "compiled":
      if (Deno.mainModule !== new URL("../../main.ts", import.meta.url).href) {
        throw new ConfigError(
          program,
          "this executable is not wg; the wg executable, or its source run by Deno, is required",
        );
      }
      return { program, args, environment: keep("PATH") };
    case "packed": {
      const folder = packedFolder();
      return {
        program,
        args: [...PACKED_FLAGS, `${folder}/${PACKED_MAIN}`, "wg", ...args],
        environment: packedEnvironment(folder),
      };
    }
    case "source": {
      const root = new URL("../../", import.meta.url);
      const path = (name: string) => decodeURIComponent(new URL(name, root).pathname);
      return {
        program,
        args: [
          "run",
          "-A",
          "--no-prompt",
          V8_FLAGS,
          `--config=${path("deno.json")}`,
          path("main.ts"),
          ...args,
        ],
        environment: {
          ...keep(
            "PATH",
            "HOME",
            "DENO_DIR",
            "XDG_CACHE_HOME",
            "NPM_CONFIG_REGISTRY",
            "npm_config_registry",
          ),
          DENO_NO_UPDATE_CHECK: "1",
          DENO_NO_PROMPT: "1",
        },
      };
    }
  }
}

/**
 * An sh program that starts this program again with `args` and its own arguments, for the PATH of
 * commands that run from here. The runtime of a packed program gets no more of their environment
 * than it gets from the packed file.
 */
export function selfScript(args: readonly string[]): string {
  if (kind() === "packed") {
    return `#!/bin/sh
${SHELL_PREAMBLE}
dir=${shellQuote(packedFolder())}
${startRuntime("$dir", ["wg", ...args].map(shellQuote).join(" "))}
`;
  }
  const { program, args: words, environment } = selfCommand(args);
  const settings = Object.entries(environment).filter(([name]) => name !== "PATH").map((
    [name, value],
  ) => `${name}=${value}`);
  return `#!/bin/sh\nexec ${
    ["/usr/bin/env", ...settings, program, ...words].map(shellQuote).join(" ")
  } "$@"\n`;
}

/**
 * The module of the data plane's Worker. In the packed program it is a bundle of its own beside the
 * main one.
 */
export function dataWorkerUrl(): URL {
  return kind() === "packed"
    ? new URL(`./${PACKED_WORKER}`, Deno.mainModule)
    : new URL("../worker/data_worker.ts", import.meta.url);
}

/**
 * A file that comes with the program: `man/wg.8`, `etc/wg-netstart.service`. scripts/compile.ts
 * puts the folders man and etc into the executable.
 */
export function programFile(path: string): URL {
  return kind() === "packed"
    ? new URL(`./share/${path}`, Deno.mainModule)
    : new URL(`../../${path}`, import.meta.url);
}

/**
 * The command line without the runtime's share: the name it was called by, then the arguments.
 * A link named `ifconfig`, `route` or `netstat` selects the command, so the name matters.
 */
export function calledAs(): { readonly name: string; readonly args: readonly string[] } {
  switch (kind()) {
    case "source":
      return { name: "wg", args: Deno.args };
    case "packed":
      return { name: baseName(Deno.args[0] ?? "wg"), args: Deno.args.slice(1) };
    case "compiled": {
      const line = Deno.readTextFileSync("/proc/self/cmdline");
      return { name: baseName(line.slice(0, Math.max(0, line.indexOf("\0")))), args: Deno.args };
    }
  }
}

/** The path of the executable, links followed; undefined when the program runs from source. */
export function executablePath(): string | undefined {
  switch (kind()) {
    case "source":
      return undefined;
    case "packed":
      return Deno.realPathSync(Deno.args[0]);
    case "compiled":
      return Deno.execPath();
  }
}

/** Files and folders that the program is read from, also after its start. */
export function programFiles(): readonly string[] {
  switch (kind()) {
    case "compiled":
      return [Deno.execPath()];
    case "packed":
      return [packedFolder()];
    case "source": {
      const home = Deno.env.get("HOME");
      const cache = Deno.env.get("DENO_DIR") ?? (home === undefined ? [] : `${home}/.cache`);
      return [
        Deno.execPath(),
        decodeURIComponent(new URL("../../", import.meta.url).pathname),
        cache,
      ].flat();
    }
  }
}

/** Where the packed program is unpacked. */
function packedFolder(): string {
  const main = new URL(Deno.mainModule).pathname;
  return decodeURIComponent(main.slice(0, main.lastIndexOf("/")));
}

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function keep(...names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
