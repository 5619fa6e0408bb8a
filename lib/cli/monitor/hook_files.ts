/**
 * The folder of hooks: an executable for each kind of event, named after it. They run with the
 * rights of `wg monitor`, which are root's as a rule, so nobody else may have written them.
 * @module
 */
import { type EventKind, EVENTS, isEventKind } from "../../base/events.ts";
import { ConfigError } from "../../base/errors.ts";
import { displayPath, quote } from "../../base/quote.ts";
import { isKeptFromOthers } from "../kept_from_others.ts";

const WRITABLE_BY_OTHERS = 0o022;
const EXECUTABLE = 0o111;

/** A folder of hooks. */
export class HookFolder {
  /** The physical path of the folder. */
  readonly path: string;

  /**
   * Reads the folder, and checks every hook in it.
   * @param complain gets what is wrong with a file whose name is no event
   * @throws ConfigError that names the folder or the hook
   */
  constructor(path: string, complain: (problem: string) => void) {
    this.path = physical(path);
    if (!isKeptFromOthers(this.path)) {
      throw new ConfigError(
        displayPath(path),
        "others can change the folder or one above it; only root and this user may",
      );
    }
    for (const { name } of entriesOf(path)) {
      if (isEventKind(name)) this.find(name);
      else complain(`${displayPath(path)}: ${quote(name)} is no event and is left out`);
    }
  }

  /**
   * The path of the executable for a kind of event; undefined when there is none. Call it before
   * each run, because files may be added and changed.
   * @throws ConfigError when it must not be run
   */
  find(kind: EventKind): string | undefined {
    const link = `${this.path}/${kind}`;
    try {
      Deno.lstatSync(link);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    const path = physical(link);
    const { isFile, uid, mode } = Deno.statSync(path);
    const refuse = (problem: string): never => {
      throw new ConfigError(displayPath(link), problem);
    };
    if (!isFile) refuse("not a regular file; an executable is required");
    if (uid !== 0 && uid !== Deno.uid()) {
      refuse(`it belongs to user ${uid}; root or this user is required`);
    }
    if (((mode ?? 0) & WRITABLE_BY_OTHERS) !== 0) {
      refuse("others can write to it; mode 755 or less is required");
    }
    if (((mode ?? 0) & EXECUTABLE) === 0) refuse("not executable; mode 700 or 755 is required");
    if (!isKeptFromOthers(path.slice(0, path.lastIndexOf("/")) || "/")) {
      refuse("others can change a folder above it; only root and this user may");
    }
    return path;
  }
}

function entriesOf(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ConfigError(
      displayPath(path),
      `not a folder; one with executables named ${EVENTS[0][0]}, ${EVENTS[2][0]} ... is required`,
    );
  }
}

function physical(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new ConfigError(displayPath(path), "no such file or folder");
    }
    throw error;
  }
}
