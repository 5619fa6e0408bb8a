#!/usr/bin/env -S deno run -A
/**
 * The command line.
 * @module
 */
import { main } from "./lib/cli/main.ts";

await main();
