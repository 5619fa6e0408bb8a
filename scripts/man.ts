/**
 * Puts the list of ifconfig's words into man/wg.8: `deno run -A scripts/man.ts`.
 * @module
 */
import { mdocWordList, WORD_LIST_BEGIN, WORD_LIST_END } from "../lib/cli/mdoc.ts";

const path = new URL("../man/wg.8", import.meta.url);
const page = Deno.readTextFileSync(path);
const begin = page.indexOf(WORD_LIST_BEGIN) + WORD_LIST_BEGIN.length + 1;
const end = page.indexOf(WORD_LIST_END);
if (begin <= WORD_LIST_BEGIN.length || end < begin) throw new Error("man/wg.8 has no place for the list of words");
Deno.writeTextFileSync(path, page.slice(0, begin) + mdocWordList() + page.slice(end));
