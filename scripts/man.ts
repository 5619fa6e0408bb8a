/**
 * Puts the parts of the manual pages that come from the program into them: `deno run -A
 * scripts/man.ts`.
 * @module
 */
import { filledPage, pageParts } from "../lib/cli/mdoc.ts";

for (const [name, parts] of Object.entries(await pageParts())) {
  const path = new URL(`../man/${name}`, import.meta.url);
  Deno.writeTextFileSync(path, filledPage(Deno.readTextFileSync(path), parts));
}
