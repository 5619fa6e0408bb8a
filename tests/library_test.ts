/** mod.ts as a program elsewhere meets it: in a folder of its own, without this project's configuration. */
import assert from "node:assert/strict";

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

/** The program in the documentation of mod.ts, as its comment has it. */
function documentedExample(): string {
  const [, code] = /```ts\n([^]*?) \* ```/.exec(Deno.readTextFileSync(`${ROOT}mod.ts`)) ?? assert.fail();
  return code.replaceAll(/^ \* ?/gm, "");
}

/** Runs deno in a folder that holds an empty configuration and the documented program, as `program.ts`. */
async function elsewhere(args: readonly string[]): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const program = documentedExample().replace('from "./mod.ts"', `from ${JSON.stringify(`${ROOT}mod.ts`)}`);
    await Deno.writeTextFile(`${folder}/program.ts`, `${program}console.log("the packet arrived");\n`);
    await Deno.writeTextFile(`${folder}/deno.json`, "{}\n");
    // Says which packages to take without asking the registry, as the lock file of any project does after its first run.
    await Deno.copyFile(`${ROOT}deno.lock`, `${folder}/deno.lock`);
    const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: folder, env: { NO_COLOR: "1" } });
    const { code, stdout, stderr } = await command.output();
    return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the example of mod.ts runs in another folder, with the permissions that its documentation names", async () => {
  const { code, said } = await elsewhere(["run", "--no-prompt", "--allow-net", "--unstable-net", "program.ts"]);
  assert.deepEqual([code, said], [0, "the packet arrived\n"]);
});

Deno.test("the example of mod.ts passes the type check of another folder", async () => {
  const { code, said } = await elsewhere(["check", "program.ts"]);
  assert.equal(code, 0, said);
});
