/** Text that a shell gets by its standard input. */
import { deepEqual, equal } from "node:assert/strict";
import { feed, problemOf, READ_LINE, runShellText } from "../../lib/cli/shell_text.ts";

const SHELLS = ["/bin/sh", "/bin/bash"].filter((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

for (const shell of SHELLS) {
  Deno.test(`${shell} runs all of a text, and programs of the caller's PATH only for it`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "wg-shell-text-" });
    try {
      for (const name of ["cat", "env", "sh", "read", "printf", "true", "["]) {
        await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\necho >${folder}/RAN\n`, {
          mode: 0o700,
        });
      }
      const text = `  printf '%s|' " a\\b " "$NAME" "$_next" >"$OUT"
# A text may have no newline at its end.

IFS= read -r got || printf %s end >>"$OUT"`;
      const environment = { PATH: folder, _next: "exported", _line: "exported" };
      const variables = { NAME: "it's", OUT: `${folder}/out` };
      const { child, fed } = runShellText(shell, text, variables, environment);
      await fed;
      equal(problemOf(await child.status), undefined);
      equal(await Deno.readTextFile(`${folder}/out`), " a\\b |it's||end");
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      equal(names.includes("RAN"), false, "no program of the PATH was run");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`${shell} fails when it gets no text`, async () => {
    const child = new Deno.Command(shell, {
      args: ["-c", `${READ_LINE}eval "$_line"`],
      stdin: "piped",
    }).spawn();
    await feed(child, "");
    const { code } = await child.status;
    deepEqual(code, 126);
  });
}
