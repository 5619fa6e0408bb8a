/** What scripts/compile.ts says when `deno compile` fails. */
import assert from "node:assert/strict";
import { failureReason } from "../../scripts/compile.ts";

Deno.test("the reason is whole: the error and every cause, each once", () => {
  // As Deno 2.9.6 says it without a network.
  const said = `\x1b[0m\x1b[32mCheck\x1b[0m main.ts
\x1b[0m\x1b[32mCompile\x1b[0m main.ts to file:///tmp/wg
\x1b[0m\x1b[32mDownload\x1b[0m https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip
\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: Writing deno compile executable to temporary file '/tmp/wg.tmp-48e376c527abcda5'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (https://dl.deno.land/denort.zip): client error (Connect): dns error: failed to lookup address information: Name or service not known
    2: client error (Connect)
    3: dns error
    4: failed to lookup address information: Name or service not known

Stack backtrace:
   0: <unknown>
`;
  assert.deepEqual(failureReason(said), [
    "Writing deno compile executable to temporary file '/tmp/wg.tmp-48e376c527abcda5'",
    "Setting up base binary.",
    "error sending request for url (https://dl.deno.land/denort.zip): client error (Connect): dns error: " +
    "failed to lookup address information: Name or service not known",
  ]);
});

Deno.test("an error of one line, and one of several, stay as they are", () => {
  assert.deepEqual(
    failureReason('error: Module not found "file:///nowhere.ts".\n    at file:///main.ts:1:8\n'),
    [
      'Module not found "file:///nowhere.ts".',
      "at file:///main.ts:1:8",
    ],
  );
  assert.deepEqual(failureReason(""), []);
});

Deno.test("what a failing deno compile says here is all in the reason", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, 'import "./not_there.ts";\n');
    const args = ["compile", "--output", `${folder}/out`, `${folder}/main.ts`];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder })
      .output();
    assert.equal(success, false);
    const reason = failureReason(new TextDecoder().decode(stderr)).join("\n");
    assert.match(reason, /not_there\.ts/);
    assert.equal(reason.includes("\x1b"), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
