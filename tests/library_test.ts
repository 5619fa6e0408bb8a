/**
 * The package as a program elsewhere meets it: in a folder of its own, without this project's
 * configuration.
 */
import assert from "node:assert/strict";

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

/**
 * Where a program is shown, the module that it imports as it stands there, and what it needs to
 * run.
 */
const PROGRAMS: readonly {
  readonly shown: string;
  readonly imported: string;
  readonly flags: readonly string[];
}[] = [
  { shown: "README.md", imported: "/path/to/wg/mod.ts", flags: ["--allow-net", "--unstable-net"] },
  { shown: "mod.ts", imported: "./mod.ts", flags: ["--allow-net", "--unstable-net"] },
  { shown: "lib/engine.ts", imported: "./engine.ts", flags: ["--allow-net", "--unstable-net"] },
  { shown: "lib/linux.ts", imported: "./linux.ts", flags: ["-A"] },
  { shown: "lib/openbsd.ts", imported: "./openbsd.ts", flags: ["-A"] },
];

/**
 * The first program in a file, whether the file is a document or the program stands in a comment.
 */
function documented(file: string): string {
  const [, begin, code] =
    /^([ *]*)```ts\n([^]*?)^[ *]*```$/m.exec(Deno.readTextFileSync(ROOT + file)) ?? assert.fail();
  return begin === "" ? code : code.replaceAll(/^ \* ?/gm, "");
}

/** Runs deno in a folder that holds an empty configuration and the program, as `program.ts`. */
async function elsewhere(
  program: string,
  args: readonly string[],
): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/program.ts`, `${program}console.log("done");\n`);
    await Deno.writeTextFile(`${folder}/deno.json`, "{}\n");
    // Says which packages to take without asking the registry, as the lock file of any project does
    // after its first run.
    await Deno.copyFile(`${ROOT}deno.lock`, `${folder}/deno.lock`);
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: folder,
      env: { NO_COLOR: "1" },
    });
    const { code, stdout, stderr } = await command.output();
    return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const { shown, imported, flags } of PROGRAMS) {
  const door = shown === "README.md" ? "mod.ts" : shown;
  const program = documented(shown).replace(JSON.stringify(imported), JSON.stringify(ROOT + door));

  Deno.test(`the program in ${shown} runs in another folder, with the permissions that it is said to need`, async () => {
    assert.ok(program.includes(ROOT + door), `it does not import ${imported}`);
    const { code, said } = await elsewhere(program, ["run", "--no-prompt", ...flags, "program.ts"]);
    assert.deepEqual([code, said.endsWith("done\n")], [0, true], said);
  });

  Deno.test(`the program in ${shown} passes the type check of another folder`, async () => {
    const { code, said } = await elsewhere(program, ["check", "program.ts"]);
    assert.equal(code, 0, said);
  });
}

Deno.test("all examples in comments have the right types", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // Beside what an example imports, the runtime imports all of the module it stands in.
    const { compilerOptions, unstable } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const configuration = {
      unstable,
      compilerOptions: { ...compilerOptions, noUnusedLocals: false },
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(configuration));
    await Deno.copyFile(`${ROOT}deno.lock`, `${folder}/deno.lock`);
    const args = ["check", `--config=${folder}/deno.json`, "--doc", "lib", "mod.ts"];
    const check = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" } });
    const { code, stderr } = await check.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
