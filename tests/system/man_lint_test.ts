/** The manual pages as mandoc reads them. */
import { deepEqual } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { program } from "../../scripts/facilities.ts";
import { needs } from "./needs.ts";

/** Pages that are not installed yet, and wg(8) of wireguard-tools, to which our wg(8) refers. */
const HARMLESS =
  /outdated mandoc\.db lacks|cross reference to self: Xr wg 8|referenced manual not found/;

Deno.test("mandoc finds nothing wrong with the pages", needs("mandoc"), async () => {
  const pages = [...Deno.readDirSync(`${ROOT}man`)].map(({ name }) => `man/${name}`).sort();
  const args = ["-T", "lint", "-W", "style", ...pages];
  const { stdout, stderr } = await new Deno.Command(program("mandoc")!, { args, cwd: ROOT })
    .output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  deepEqual(said.split("\n").filter((line) => line !== "" && !HARMLESS.test(line)), []);
});
