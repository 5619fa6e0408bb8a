/**
 * The options of `wg install` and `wg uninstall`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath, displayValue, quote } from "../../base/quote.ts";
import { type Init, INITS, parseLinks } from "./layout.ts";

/** What a command line says. Undefined is what it does not say. */
export interface InstallOptions {
  /** Print the steps instead of doing them. */
  readonly print: boolean;
  readonly force: boolean;
  /** The prefix, `/usr/local` by default. */
  readonly prefix: string;
  /** The folder that stands for `/`, without a slash at its end; empty by default. */
  readonly root: string;
  readonly links: readonly string[] | undefined;
  readonly init: Init | undefined;
}

/** @throws ConfigError for a wrong word */
export function parseInstallOptions(command: string, args: readonly string[]): InstallOptions {
  let [print, force, prefix, root] = [false, false, "/usr/local", ""];
  let links: readonly string[] | undefined;
  let init: Init | undefined;
  const installs = command === "install";
  for (let i = 0; i < args.length; i++) {
    const [, name, joined] = /^(--[a-z]+)=(.*)$/s.exec(args[i]) ?? [undefined, args[i], undefined];
    const value = () => {
      const word = joined ?? args[++i];
      if (word === undefined) throw new ConfigError(name, "requires a value");
      return word;
    };
    if (joined === undefined && name === "-n") print = true;
    else if (joined === undefined && name === "--force") force = true;
    else if (name === "--prefix") prefix = folder(name, value());
    else if (name === "--root") root = folder(name, value()).replace(/^\/$/, "");
    else if (name === "--links" && installs) links = parseLinks(value());
    else if (name === "--init" && installs) {
      const word = value();
      if (!INITS.includes(word as Init)) {
        throw new ConfigError(
          "--init",
          `${quote(word)} is unknown; ${INITS.join(" or ")} is required`,
        );
      }
      init = word as Init;
    } else {
      throw new ConfigError(
        displayValue(args[i]),
        `unknown word; \`wg help ${command}\` lists the options`,
      );
    }
  }
  return { print, force, prefix, root, links, init };
}

/** An absolute path without `.`, `..` and control characters, and without slashes at its end. */
function folder(option: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  // deno-lint-ignore no-control-regex
  const odd = /[\x00-\x1f\x7f"\\]/.test(path) || parts.includes(".") || parts.includes("..");
  if (!path.startsWith("/") || odd) {
    throw new ConfigError(
      option,
      `${displayPath(path)} is not possible; an absolute path without . and .. is required`,
    );
  }
  return `/${parts.join("/")}`;
}
