/**
 * The processes that run from the installed program, in the words of who has to end them: units of
 * systemd, interfaces, and others.
 * @module
 */
import { LOOK_UPS } from "../../daemon/packed.ts";
import { systemServiceOf } from "../../linux/cgroups.ts";
import { wordsOf } from "../../linux/process_facts.ts";

/** What runs from a program. */
export interface Running {
  /** Units of systemd, such as `wg-events.service`. */
  readonly units: readonly string[];
  /** Interfaces that are of no unit. */
  readonly interfaces: readonly string[];
  /** The process numbers of the others. */
  readonly processes: readonly number[];
}

/** The units in etc/. */
const OUR_UNIT = /^wg(@.+|-ifconfig@.+|-netstart|-events|-metrics|-usage)\.service$/;

/**
 * What runs from one of these files. Programs of containers, which have the same path in another
 * file system, are not among them.
 * @param isOurs whether a path of a program is that of the installation
 */
export function runningFrom(isOurs: (path: string) => boolean): Running {
  const [units, interfaces, processes] = [new Set<string>(), new Set<string>(), [] as number[]];
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid || !runsFrom(pid, isOurs)) continue;
    const unit = ourUnitOf(pid);
    const of = interfaceOf(pid);
    if (unit !== undefined) units.add(unit);
    else if (of !== undefined) interfaces.add(of);
    else processes.push(pid);
  }
  return { units: [...units].sort(), interfaces: [...interfaces].sort(), processes };
}

/**
 * What runs, for a message; undefined if nothing does.
 *
 * @example
 * ```ts
 * import { runningText } from "./running.ts";
 *
 * console.log(runningText({ units: ["wg-events.service"], interfaces: ["wg0"], processes: [] }));
 * // wg-events.service (systemctl disable --now wg-events.service), wg0 (wg ifconfig wg0 destroy)
 * ```
 */
export function runningText({ units, interfaces, processes }: Running): string | undefined {
  const words = [
    ...units.map((unit) => `${unit} (systemctl disable --now ${unit})`),
    ...interfaces.map((name) => `${name} (wg ifconfig ${name} destroy)`),
    ...processes.map((pid) => `process ${pid}`),
  ];
  return words.length === 0 ? undefined : words.join(", ");
}

/**
 * The unit of ours that a process is part of. What somebody has started by hand may be part of
 * another one, such as ssh.service.
 */
function ourUnitOf(pid: number): string | undefined {
  const unit = systemServiceOf(pid);
  return unit !== undefined && OUR_UNIT.test(unit) ? unit : undefined;
}

/** Whether a process runs from a file that is at this path here too. */
function runsFrom(pid: number, isOurs: (path: string) => boolean): boolean {
  try {
    const link = `/proc/${pid}/exe`;
    const path = Deno.readLinkSync(link);
    if (!isOurs(path)) return false;
    const [its, ours] = [Deno.statSync(link), Deno.statSync(path)];
    return its.dev === ours.dev && its.ino === ours.ino;
  } catch {
    // It has ended, or its program cannot be read.
    return false;
  }
}

/** The interface of a process `daemon NAME`, or of one that looks names up for it. */
function interfaceOf(pid: number): string | undefined {
  const words = wordsOf(pid);
  const at = words.lastIndexOf("daemon");
  if (at < 0) return undefined;
  return words[words[at + 1] === LOOK_UPS[1] ? at + 2 : at + 1];
}
