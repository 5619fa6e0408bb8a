/**
 * Walks through a section of docs/tour.md. A block `console` has commands, which begin with `# `,
 * each followed by its output. Numbers, dates, keys and sizes of the page stand for any others, and
 * a line `...` for any lines.
 * @module
 */
import { match, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import type { Room, RunOptions } from "../../scripts/netlab.ts";
import { WG } from "./peers.ts";

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of a section with their outputs, in the order of the page. */
function stepsOf(heading: string): Step[] {
  const page = Deno.readTextFileSync(`${ROOT}docs/tour.md`);
  const [, section] = new RegExp(`^## ${heading}\n([^]*?)(?=^## |$(?![^]))`, "m").exec(page) ?? [];
  ok(section !== undefined, `docs/tour.md: ${heading}`);
  const steps = [...section.matchAll(/^```console\n([^]*?)^```$/gm)].flatMap(([, block]) =>
    block.split(/^# /m).slice(1).map((step) => {
      const end = step.indexOf("\n");
      return { command: step.slice(0, end), output: step.slice(end + 1) };
    })
  );
  ok(steps.length > 0, `docs/tour.md: ${heading} has no steps`);
  return steps;
}

const KEY = /([A-Za-z0-9+/]{43}=)/;

/** The pattern that an output of the page stands for. */
function patternOf(output: string): RegExp {
  const ofText = (text: string) =>
    text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&").replace(/\d+(\\\.\d+)?/g, "\\d+(?:\\.\\d+)?");
  const ofLine = (line: string) =>
    line.split(KEY).map((part) => KEY.test(part) ? KEY.source : ofText(part)).join("");
  const lines = output.split("\n").slice(0, -1).map((line) =>
    line === "..." ? "(?:[^\\n]*\\n)*?" : `${ofLine(line)}\\n`
  );
  return new RegExp(`^${lines.join("")}$`);
}

/** Runs the commands of a section in a room, and requires the outputs of the page. */
export async function walk(room: Room, heading: string, options: RunOptions = {}): Promise<void> {
  await room.output(["ln", "-sf", WG, "/run/bin/wg"]);
  for (const { command, output } of stepsOf(heading)) {
    const ran = await room.run(["sh", "-c", `{ ${command}; } 2>&1`], options);
    match(ran.stdout, patternOf(output), `${heading}: ${command}\n${ran.stdout}`);
  }
}
