/**
 * `wg setconf`: makes an interface what a file says.
 * @module
 */
import { setChange } from "../../wgconf/change.ts";
import type { Command } from "../command.ts";
import { fileCommand } from "./apply.ts";

/** The command `setconf`. */
export const command: Command = fileCommand("setconf", setChange);
