/**
 * `deno task interop [ID ...]`: runs the scenarios of tests/system/interop.ts with every other
 * implementation that is there or can be built, and writes docs/interop.md. Root; the first run
 * builds for some minutes.
 * @module
 */
import { SCENARIOS } from "../tests/system/interop.ts";
import { wgRoom } from "../tests/system/peers.ts";
import { IMPLEMENTATIONS, OUR_PROGRAM } from "./bench/implementations.ts";
import { run } from "./bench/laboratory.ts";
import { ensureBuilt, ROOT } from "./built.ts";

const TABLE = `${ROOT}docs/interop.md`;

const NOTE =
  `Tailscale's fork leaves it to the program around it to follow a peer, and so sends to where it was
configured. gotatun makes cookies for each source alone, and the floods have many. The floods are of
initiations with a right mac1, from 65,536 addresses.
`;

/** The column of an implementation. */
interface Column {
  readonly title: string;
  readonly version: string;
  /** The results, in the order of SCENARIOS. */
  readonly results: readonly string[];
}

async function resultOf(
  other: { readonly title: string; readonly command: readonly string[] },
  scenario: (typeof SCENARIOS)[number],
): Promise<string> {
  await using room = await wgRoom();
  try {
    return await scenario.run(room, other);
  } catch (error) {
    console.error(`${other.title}: ${scenario.what}:`, error);
    return "no";
  }
}

function tableOf(columns: readonly Column[], ours: string): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const names = columns.map((_, index) => String.fromCharCode(65 + index));
  return `# With other implementations

\`deno task interop\` writes this page: ${ours} beside each of these, on one machine, in network
namespaces with a cable between them. A tunnel counts when packets pass it in both directions.

${row(["", "Implementation", "Version"])}${row(["-", "-", "-"])}${
    columns.map(({ title, version }, index) => row([names[index], title, version])).join("")
  }
${row(["What both do", ...names])}${row(["-", ...names.map(() => "-")])}${
    SCENARIOS.map(({ what }, index) => row([what, ...columns.map(({ results }) => results[index])]))
      .join("")
  }
${NOTE}`;
}

async function main(ids: readonly string[]): Promise<void> {
  await ensureBuilt(false);
  const rivals = IMPLEMENTATIONS.filter(({ id, command }) =>
    command !== undefined && (ids.length === 0 || ids.includes(id))
  );
  const there: { title: string; version: string; command: readonly string[] }[] = [];
  for (const { title, command = [], find } of rivals) {
    const found = await find((line) => console.error(line));
    if ("version" in found) there.push({ title, command, version: found.version });
    else console.error(`${title}: ${found.absent}`);
  }
  // What takes minutes runs beside everything else.
  const slow = there.map((other) =>
    Promise.all(
      SCENARIOS.map((one) => one.slow ? resultOf(other, one) : Promise.resolve("")),
    )
  );
  const columns: Column[] = [];
  for (const [index, other] of there.entries()) {
    const results: string[] = [];
    for (const scenario of SCENARIOS) {
      const result = scenario.slow ? "" : await resultOf(other, scenario);
      if (!scenario.slow) console.error(`${other.title}: ${scenario.what}: ${result}`);
      results.push(result);
    }
    const late = await slow[index];
    columns.push({ ...other, results: results.map((result, at) => result || late[at]) });
  }
  const version = /^\S+ \S+/.exec((await run([OUR_PROGRAM, "--version"])).stdout)?.[0] ?? "wg";
  await Deno.writeTextFile(TABLE, tableOf(columns, version));
  await run([Deno.execPath(), "fmt", "--quiet", TABLE]);
  console.error(`written: ${TABLE}`);
}

if (import.meta.main) await main(Deno.args);
