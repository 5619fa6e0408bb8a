/** The test runner ends a run in which a test hangs, with all that it has started. */
import { deepEqual, equal } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { runJob } from "../../scripts/test_job.ts";

const LIMITS = { wholeMs: 60_000, silentMs: 60_000 };

/** The tests of a run: one that passes, and one that does something else. */
async function job(body: string, limits = LIMITS) {
  const folder = await Deno.makeTempDir({ prefix: "wg-test-job-" });
  try {
    const path = `${folder}/some_test.ts`;
    await Deno.writeTextFile(
      path,
      `Deno.test("passes", () => {});\nDeno.test("other", async () => { ${body} });\n`,
    );
    return { path, result: await runJob([path], ["--no-config"], limits) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the tests of a run are counted", async () => {
  const { result } = await job("");
  deepEqual(result, { passed: 2, failed: 0, failedNames: [], skipped: [] });
});

Deno.test("a run whose process does not end well is a failure", async () => {
  const { path, result } = await job('addEventListener("unload", () => Deno.exit(3));');
  equal(result.failed, 1);
  deepEqual(result.failedNames, [`deno test ${path}`]);
});

for (
  const [what, limits] of [
    ["that writes nothing any more", { ...LIMITS, silentMs: 4_000 }],
    ["that takes too long", { ...LIMITS, wholeMs: 4_000 }],
  ] as const
) {
  Deno.test(`a run ${what} is ended with its processes, and is a failure`, async () => {
    const seconds = `${64 + Math.random()}`;
    const program = `new Deno.Command("sleep", { args: ["${seconds}"] }).spawn()`;
    const { path, result } = await job(`await ${program}.status;`, limits);
    deepEqual(result.failedNames, [`deno test ${path}`]);
    equal(result.failed, 1);
    await eventually("the end of its process", async () => !(await commandLines()).has(seconds));
  });
}

async function commandLines(): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { name } of Deno.readDir("/proc")) {
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    for (const word of line.split("\0")) found.add(word);
  }
  return found;
}
