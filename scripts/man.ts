/**
 * Puts the parts of the manual pages that come from the program into them: `deno run -A scripts/man.ts`.
 * @module
 */
import { filledPage, PAGE_PARTS } from "../lib/cli/mdoc.ts";

for (const [name, parts] of Object.entries(PAGE_PARTS)) {
  const path = new URL(`../man/${name}`, import.meta.url);
  Deno.writeTextFileSync(path, filledPage(Deno.readTextFileSync(path), parts));
}
