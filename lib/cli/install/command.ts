/**
 * `wg install`: puts the executable, links, manual pages, completions and units into their places.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { executablePath, programFile, VERSION } from "../../daemon/program.ts";
import type { Command } from "../command.ts";
import { completedCommands } from "../completion/command.ts";
import { completionScript } from "../completion/text.ts";
import {
  type Content,
  executableIn,
  filesToInstall,
  hiddenBy,
  type Init,
  linksOf,
  manifestIn,
  unitFor,
  USUAL_LINKS,
} from "./layout.ts";
import { readManifest, reloadUnits, tellSteps } from "./machine.ts";
import { manifestText } from "./manifest.ts";
import { parseInstallOptions } from "./options.ts";
import { carryOut, type Placement, planInstallation, planSteps } from "./placing.ts";
import { adviceFor, isSameFile, isThere } from "./advice.ts";

/** The command `install`. */
export const command: Command = { run: install };

async function install(args: readonly string[]): Promise<number> {
  const options = parseInstallOptions("install", args);
  const { prefix, root } = options;
  const executable = executablePath();
  if (executable === undefined) {
    throw new ConfigError("install", "runs from the executable; `deno task compile` makes ./wg");
  }
  const manifestPath = manifestIn(prefix);
  const before = readManifest(root + manifestPath);
  // A second installation keeps the links of the first one.
  const hidden = hiddenBy(
    prefix,
    (path) => isThere(root + path) && !isSameFile(root + path, root + executableIn(prefix)),
  );
  const usual = before === undefined
    ? USUAL_LINKS.filter((name) => !hidden.has(name))
    : linksOf(prefix, before.files);
  const links = options.links ?? usual;
  const files = filesToInstall(
    { prefix, links, init: options.init ?? initOf(root) },
    namesOf("man", /\.[1-8]$/),
    namesOf("etc", /\.service$/),
  );
  const placements = await Promise.all(
    files.map(async ({ path, mode, content }): Promise<Placement> => ({
      path,
      mode,
      content: await contentOf(content, executable, executableIn(prefix)),
    })),
  );
  const plan = planInstallation(root, manifestPath, VERSION, placements, before, options.force);
  // Steps are told when they are done: an ordinary user may do none.
  if (!options.print) carryOut(root, plan, manifestPath, manifestText(plan.manifest));
  tellSteps(planSteps(plan));
  if (options.print) return 0;
  if (root === "") await reloadUnits();
  const units = files.some(({ content }) => content.kind === "unit");
  for (const line of adviceFor({ prefix, root, units, links, hidden })) console.log(line);
  return 0;
}

/** The names of files that come with the program. */
function namesOf(folder: string, pattern: RegExp): string[] {
  return [...Deno.readDirSync(programFile(`${folder}/`))].map(({ name }) => name).filter((name) =>
    pattern.test(name)
  ).sort();
}

async function contentOf(
  content: Content,
  executable: string,
  installed: string,
): Promise<Uint8Array | string> {
  switch (content.kind) {
    case "executable":
      return Deno.readFileSync(executable);
    case "link":
      return content.target;
    case "program file":
      return Deno.readFileSync(programFile(content.name));
    case "unit": {
      const unit = Deno.readTextFileSync(programFile(`etc/${content.name}`));
      return new TextEncoder().encode(unitFor(unit, installed));
    }
    case "completion":
      return new TextEncoder().encode(completionScript(content.shell, await completedCommands()));
  }
}

/** The init system of the machine, or of the folder that stands for it. */
function initOf(root: string): Init {
  for (const path of ["/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]) {
    try {
      if (Deno.statSync(root + path).isDirectory) return "systemd";
    } catch {
      // Not this one.
    }
  }
  return "none";
}
