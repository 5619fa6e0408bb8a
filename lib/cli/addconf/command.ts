/**
 * `wg addconf`: adds what a file says to an interface.
 * @module
 */
import { addChange } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { fileCommand } from "../setconf/apply.ts";

/** The command `addconf`. */
export const command: Command = fileCommand("addconf", addChange);
