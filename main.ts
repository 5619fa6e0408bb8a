#!/usr/bin/env -S deno run -A
/**
 * Runs the command line.
 * @module
 */
import { main } from "./lib/cli/main.ts";

await main();
